// The small HTTP server: routes, refusals, limits, compression, closing. Over real sockets, since that is what it is about.
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { isFault } from './errors.ts';
import { chooseCoding } from './http/compression.ts';
import { type HttpServer, type Route, serveHttp } from './http.ts';

const servers: HttpServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(...routes: Route[]): Promise<{ server: HttpServer; port: number; url: string }> {
  const server = await serveHttp({ listen: [{ ip: '127.0.0.1', port: 0 }], routes });
  servers.push(server);
  const port = server.addresses[0]?.port ?? 0;
  return { server, port, url: `http://127.0.0.1:${port}` };
}

/** Sends bytes as they are; resolves with all that came back when the server closed. */
async function talk(port: number, bytes: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  socket.write(bytes);
  return await text(socket).catch(() => '');
}

const echo: Route = { path: '/echo', handler: ({ method, query }) => ({ body: `${method} ${query.get('a')}` }) };
const rows: readonly (readonly [
  rule: string,
  route: Route,
  request: [method: string, target: string],
  want: [status: number, body: string],
])[] = [
  ['a route answers any method by default', echo, ['DELETE', '/echo?a=1'], [200, 'DELETE 1']],
  ['a query is decoded, a strange one too', echo, ['GET', '/echo?a=%41%zz&&='], [200, 'GET A%zz']],
  ['an unknown path is 404', echo, ['GET', '/echo/'], [404, 'Not Found\n']],
  ['another method is 405', { ...echo, methods: ['POST'] }, ['GET', '/echo'], [405, 'Method Not Allowed; use POST\n']],
  ['a 405 may have a text of its own', { ...echo, methods: ['POST'], otherwise: 'usage: POST' }, ['GET', '/echo'], [405, 'usage: POST']],
  [
    'status and type are the handler’s',
    { path: '/', handler: () => ({ status: 500, type: 'text/html', body: '<p>' }) },
    ['GET', '/'],
    [500, '<p>'],
  ],
  [
    'what a handler throws is a 500 with the text',
    { path: '/', handler: () => Promise.reject(new Error('broken', { cause: new Error('disk') })) },
    ['GET', '/'],
    [500, 'broken: disk\n'],
  ],
];
for (const [rule, route, [method, target], want] of rows) {
  test(rule, async () => {
    const { url } = await serve(route);
    const response = await fetch(url + target, { method });
    expect([response.status, await response.text()]).toEqual(want);
  });
}

test('an answer that cannot be sent ends the connection, not the process', async () => {
  const { url } = await serve({ path: '/', handler: () => ({ type: 'bad\ntype', body: '' }) }, echo);
  await expect(fetch(url)).rejects.toThrow();
  expect((await fetch(`${url}/echo`)).status).toBe(200);
});

const limits: readonly (readonly [rule: string, bytes: string, want: RegExp])[] = [
  ['headers beyond 8 KiB are refused', `GET /echo HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(9_000)}\r\n\r\n`, /^HTTP\/1.1 431 /],
  ['what is not HTTP is refused', 'hello\r\n\r\n', /^HTTP\/1.1 400 /],
  ['headers that do not come in 2 s are refused', 'GET /echo HTTP/1.1\r\nHost: x\r\n', /^HTTP\/1.1 408 /],
];
for (const [rule, bytes, want] of limits) {
  test(rule, async () => {
    const { port } = await serve(echo);
    expect(await talk(port, bytes)).toMatch(want);
  });
}

const unpack = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync, deflate: inflateSync } as const;
for (const coding of ['gzip', 'br', 'zstd', 'deflate'] as const) {
  test(`compresses with ${coding} when asked`, async () => {
    const { port } = await serve({ path: '/', compress: true, handler: () => ({ body: 'metrics '.repeat(100) }) });
    const socket = connect({ port, host: '127.0.0.1' });
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: ${coding}\r\n\r\n`);
    const answer = Buffer.concat(await socket.toArray());
    const cut = answer.indexOf('\r\n\r\n');
    expect(answer.subarray(0, cut).toString().toLowerCase()).toContain(`content-encoding: ${coding}`);
    expect(unpack[coding](answer.subarray(cut + 4)).toString()).toBe('metrics '.repeat(100));
  });
}

const codingRows: readonly (readonly [accept: string, want: string | undefined])[] = [
  ['', undefined],
  ['identity', undefined],
  ['gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['gzip;q=0', undefined],
  ['gzip;q=0, br', 'br'],
  ['gzip, br;q=0.5', 'gzip'],
  ['br;q=0.9, gzip;q=0.8', 'br'],
  ['*', 'zstd'],
  ['*;q=0', undefined],
  ['zstd;q=0, *;q=0.1', 'gzip'],
  ['gzip;q=nonsense', undefined],
  ['snappy, lz4', undefined],
];
for (const [accept, want] of codingRows) {
  test(`Accept-Encoding "${accept}" means ${want ?? 'no compression'}`, () => {
    expect(chooseCoding(accept)).toBe(want);
  });
}

test('any Accept-Encoding has an answer', () => {
  const word = fc.constantFrom('gzip', 'br', '*', ';', ',', 'q=', 'Q=0.5', '1', ' ', '__proto__', 'constructor');
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string())), (words) => {
      expect([undefined, 'zstd', 'gzip', 'br', 'deflate']).toContain(chooseCoding(words.join('')));
    }),
  );
});

test('a port that is taken is a fault in one sentence, and leaves nothing open', async () => {
  const { port } = await serve(echo);
  const listen = [
    { ip: '127.0.0.2', port: 0 },
    { ip: '127.0.0.1', port },
  ];
  const failure = await serveHttp({ listen, routes: [] }).catch((error: unknown) => error);
  expect(isFault(failure, 'http.port-taken')).toBe(true);
  expect(String(failure)).toBe(`MeshError: Port ${port} on 127.0.0.1 is already taken by another process.`);
});

test('an optional address that the machine lacks is left out; a needed one is a fault', async () => {
  const lacking = { ip: '192.0.2.1', port: 0 };
  await using server = await serveHttp({
    listen: [
      { ip: '127.0.0.1', port: 0 },
      { ...lacking, optional: true },
    ],
    routes: [],
  });
  expect(server.addresses.map(({ ip }) => ip)).toEqual(['127.0.0.1']);
  const failure = await serveHttp({ listen: [lacking], routes: [] }).catch((error: unknown) => error);
  expect(isFault(failure, 'http.listen-failed')).toBe(true);
});

test('closing lets an answer under way finish', async () => {
  const reached = Promise.withResolvers<AbortSignal>();
  const finish = Promise.withResolvers<void>();
  const { server, port, url } = await serve({
    path: '/slow',
    handler: async ({ signal }) => {
      reached.resolve(signal);
      await finish.promise;
      return { body: 'done' };
    },
  });
  const answer = fetch(`${url}/slow`, { headers: { connection: 'close' } });
  expect((await reached.promise).aborted).toBe(false);
  const closed = server.close();
  await expect(once(connect({ port, host: '127.0.0.1' }), 'connect')).rejects.toThrow('ECONNREFUSED');
  finish.resolve();
  expect(await (await answer).text()).toBe('done');
  await closed;
});

test('closing does not wait for a client that never finishes its request', async () => {
  const { server, port } = await serve(echo);
  const answer = talk(port, 'GET /echo HTTP/1.1\r\nHost: x\r\n');
  await fetch(`http://127.0.0.1:${port}/echo`);
  await server.close();
  expect(await answer).toBe('');
});

test('a handler learns that its client went away', async () => {
  const reached = Promise.withResolvers<AbortSignal>();
  const { port } = await serve({
    path: '/wait',
    handler: async ({ signal }) => {
      reached.resolve(signal);
      await once(signal, 'abort');
      return { body: '' };
    },
  });
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n');
  const signal = await reached.promise;
  socket.destroy();
  await expect.poll(() => signal.aborted).toBe(true);
});
