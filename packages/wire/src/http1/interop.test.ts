// Our ends against Node's own HTTP, over real sockets: keep-alive, chunks, trailers, 100-continue, upgrades, and memory when a reader is slow.
import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { canonicalIp } from '@ambient-mesh/model/address';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test } from 'vitest';
import type { ServedRequest } from '../http/exchange.ts';
import type { RequestHead } from '../http/message.ts';
import { ReadMemory } from '../read-memory.ts';
import { acceptTcp } from '../tcp.ts';
import { connectTcp } from '../tcp-dial.ts';
import { Heard } from '../testing/http1.ts';
import { Http1Client } from './client.ts';
import { Http1Server } from './server.ts';

const memory = new ReadMemory();
const never = new AbortController().signal;
const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0)) undo();
});

async function listening(server: Server | http.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Sends every body back, with its trailers. */
function mirror(request: ServedRequest): void {
  request.receive({
    data: (bytes, slab) => {
      if (!request.write(bytes, slab)) request.pause();
    },
    end: (trailers) => request.end(trailers),
    drained: () => request.resume(),
    closed: () => {},
  });
  if (request.head.headers.some(([name]) => name === 'expect')) request.inform(100, []);
  if (request.head.upgrade === undefined) request.respond({ status: 200, headers: [['x-method', request.head.method]] }, false);
  else request.respond({ status: 101, headers: [] }, false);
}

async function ourServer(onRequest: (request: ServedRequest) => void = mirror): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    connections++;
    const ours = new Http1Server(acceptTcp(socket, memory), { clock: systemClock, onRequest, onClosed: () => {} });
    cleanup.push(() => ours.destroy());
  });
  return { port: await listening(server), connections: () => connections };
}

async function ourClient(port: number): Promise<Http1Client> {
  const conduit = await connectTcp({ to: { ip: canonicalIp('127.0.0.1'), port }, memory, clock: systemClock }, never);
  const client = new Http1Client(conduit, { changed: () => {}, unusable: () => {} });
  cleanup.push(() => client.destroy());
  return client;
}

const head: RequestHead = { method: 'GET', scheme: 'http', authority: 'a', path: '/', headers: [] };

async function bodyOf(response: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const bytes of response) text += String(bytes);
  return text;
}

describe("our server, Node's client", () => {
  test('fetch: one connection for many requests, bodies of all sizes', async () => {
    const { port, connections } = await ourServer();
    for (const length of [0, 1, 2_000, 70_000, 1_000_000]) {
      const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'x'.repeat(length) });
      expect((await response.text()).length).toBe(length);
    }
    expect(connections()).toBeLessThanOrEqual(2);
  });

  test('chunks and trailers', async () => {
    const { port } = await ourServer();
    const request = http.request({ port, host: '127.0.0.1', method: 'POST', headers: { trailer: 'x-sum' } });
    request.write('abc');
    request.write('def');
    request.addTrailers({ 'x-sum': '6' });
    request.end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    expect([await bodyOf(response), response.trailers]).toEqual(['abcdef', { 'x-sum': '6' }]);
  });

  test('100-continue', async () => {
    const { port } = await ourServer();
    const request = http.request({ port, host: '127.0.0.1', method: 'PUT', headers: { expect: '100-continue' } });
    const answered = once(request, 'response');
    request.flushHeaders();
    await once(request, 'continue');
    request.end('body');
    const [response] = (await answered) as [http.IncomingMessage];
    expect(await bodyOf(response)).toBe('body');
  });

  test('HEAD', async () => {
    const { port } = await ourServer((request) => request.respond({ status: 200, headers: [['content-length', '5']] }, true));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    cleanup.push(() => agent.destroy());
    for (let i = 0; i < 3; i++) {
      const request = http.request({ port, host: '127.0.0.1', method: 'HEAD', agent }).end();
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      expect([await bodyOf(response), response.headers['content-length']]).toEqual(['', '5']);
    }
  });

  test('an upgrade', async () => {
    const { port } = await ourServer();
    const request = http.request({ port, host: '127.0.0.1', headers: { connection: 'upgrade', upgrade: 'echo' } }).end();
    const [, socket] = (await once(request, 'upgrade')) as [unknown, Socket];
    cleanup.push(() => socket.destroy());
    socket.write('ping');
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('ping');
    socket.end();
    await once(socket, 'end');
  });
});

describe("our client, Node's server", () => {
  test('requests in sequence on one connection: lengths, chunks, trailers, none', async () => {
    const server = http.createServer((request, response) => {
      if (request.url === '/none') return void response.writeHead(204).end();
      if (request.url === '/length') return void response.end('abc');
      response.setHeader('trailer', 'x-t');
      request.pipe(response, { end: false });
      request.on('end', () => {
        response.addTrailers({ 'x-t': 'v' });
        response.end('!');
      });
    });
    const client = await ourClient(await listening(server));
    for (const [path, body, trailers] of [
      ['/none', '', undefined],
      ['/length', 'abc', undefined],
      ['/echo', 'question!', [['x-t', 'v']]],
    ] as const) {
      const heard = new Heard();
      const sent = client.request({ ...head, path, method: 'POST' }, false, heard);
      sent.write(Buffer.from('question'));
      sent.end();
      await expect.poll(() => heard.over).toBe('finished');
      expect([heard.body, heard.trailers, client.free]).toEqual([body, trailers, true]);
    }
  });

  test('100-continue and early hints', async () => {
    const server = http.createServer((_request, response) =>
      response.writeEarlyHints({ link: '</a>; rel=preload' }, () => response.end('ok')),
    );
    const client = await ourClient(await listening(server));
    const heard = new Heard();
    client.request({ ...head, headers: [['expect', '100-continue']] }, true, heard);
    await expect.poll(() => heard.over).toBe('finished');
    expect(heard.log).toEqual(['inform 100', 'inform 103', 'head 200', 'end', 'finished']);
  });

  test('an upgrade', async () => {
    const server = http.createServer();
    server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ');
      socket.pipe(socket);
    });
    const client = await ourClient(await listening(server));
    const heard = new Heard();
    const sent = client.request({ ...head, upgrade: 'echo' }, false, heard);
    await expect.poll(() => heard.log).toEqual(['head 101']);
    sent.write(Buffer.from('there'));
    await expect.poll(() => heard.body).toBe('hello there');
    sent.end();
    await expect.poll(() => heard.log).toEqual(['head 101', 'end', 'finished']);
  });

  test('a server that closes after its answer', async () => {
    const server = http.createServer((_request, response) => response.setHeader('connection', 'close').end('bye'));
    const client = await ourClient(await listening(server));
    const heard = new Heard();
    client.request(head, true, heard);
    await expect.poll(() => heard.over).toBe('finished');
    expect([heard.body, client.free]).toEqual(['bye', false]);
  });
});

test('a reader that takes nothing: what it would take stays with the sender', async () => {
  const total = 128 * 1024 * 1024;
  let written = 0;
  const piece = Buffer.alloc(256 * 1024);
  const { port } = await ourServer((request) => {
    const fill = (): void => {
      while (written < total) {
        written += piece.length;
        if (!request.write(piece)) return;
      }
      request.end();
    };
    request.receive({ data: () => {}, end: () => {}, drained: fill, closed: () => {} });
    request.respond({ status: 200, headers: [] }, false);
    fill();
  });
  const client = await ourClient(port);
  const heard = new Heard();
  let got = 0;
  heard.data = (bytes, slab) => {
    got += bytes.length;
    slab?.release();
  };
  heard.head = () => sent.pause();
  const sent = client.request(head, true, heard);
  let before = -1;
  // Until nothing moves any more: the kernel's buffers are full.
  await expect
    .poll(
      () => {
        const still = written > 0 && written === before;
        before = written;
        return still;
      },
      { interval: 100 },
    )
    .toBe(true);
  expect([written < 32 * 1024 * 1024, got]).toEqual([true, 0]);
  sent.resume();
  await expect.poll(() => heard.over, { timeout: 20_000 }).toBe('finished');
  expect(got).toBe(total);
});
