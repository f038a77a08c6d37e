// HTTP requests over our HTTP/2 against Node's own (nghttp2), in both roles over TCP: bodies, trailers, interim responses, cancels, GOAWAY.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, createServer, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { canonicalIp } from '@ambient-mesh/model/address';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test } from 'vitest';
import type { BodyReceiver, ServedRequest } from '../http/exchange.ts';
import { ReadMemory } from '../read-memory.ts';
import { acceptTcp } from '../tcp.ts';
import { connectTcp } from '../tcp-dial.ts';
import { get, Told } from '../testing/http2-rig.ts';
import { Http2Client } from './http2-client.ts';
import { Http2Server } from './http2-server.ts';
import { httpServerSettings } from './settings.ts';

const memory = new ReadMemory();
const never = new AbortController().signal;
const bulk = Buffer.alloc(5_000_000, 'abcdefghij');
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0).reverse()) undo();
});

/** Sends back what it receives, at the pace at which that is taken. `onFull`: it had to stop. */
function echo(request: ServedRequest, onFull = () => {}): void {
  const receiver: BodyReceiver = {
    data: (bytes, slab) => {
      if (request.write(bytes, slab)) return;
      request.pause();
      onFull();
    },
    end: (trailers) => request.end(trailers),
    drained: () => request.resume(),
    closed: () => {},
  };
  request.respond({ status: 200, headers: [['content-type', 'text/plain']] }, false);
  request.receive(receiver);
}

async function ourServer(
  onRequest: (request: ServedRequest) => void,
  concurrentStreams = 100,
): Promise<{ port: number; servers: Http2Server[] }> {
  const servers: Http2Server[] = [];
  const listener = createTcp({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    const settings = { ...httpServerSettings, concurrentStreams };
    servers.push(new Http2Server(acceptTcp(socket, memory), { clock: systemClock, memory, settings, onRequest }));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  cleanup.push(() => {
    for (const server of servers) server.destroy();
    listener.close();
  });
  return { port: (listener.address() as AddressInfo).port, servers };
}

describe('our server, their client', () => {
  async function theirClient(port: number): Promise<ClientHttp2Session> {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on('error', () => {});
    cleanup.push(() => session.destroy());
    await once(session, 'remoteSettings');
    return session;
  }

  const bodyOf = async (stream: ClientHttp2Stream): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    return Buffer.concat(parts);
  };

  test('GET, with its head as sent', async () => {
    const seen: ServedRequest[] = [];
    const { port } = await ourServer((request) => {
      seen.push(request);
      request.respond(
        {
          status: 203,
          headers: [
            ['x-answer', 'yes'],
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2'],
          ],
        },
        true,
      );
    });
    const client = await theirClient(port);
    const stream = client.request({ ':path': '/a?b=c', cookie: ['x=1', 'y=2'], 'x-long': 'y'.repeat(5_000) });
    const [headers] = await once(stream, 'response');
    stream.resume();
    await once(stream, 'close');
    expect(headers).toMatchObject({ ':status': 203, 'x-answer': 'yes', 'set-cookie': ['a=1', 'b=2'] });
    expect(seen[0]?.head).toMatchObject({ method: 'GET', path: '/a?b=c', authority: `127.0.0.1:${port}`, scheme: 'http' });
    expect(seen[0]?.head.headers).toContainEqual(['cookie', 'x=1; y=2']);
  });

  test('a large body is echoed, with its trailers, to a client that reads late', async () => {
    const full = Promise.withResolvers<void>();
    const { port } = await ourServer((request) => echo(request, full.resolve));
    const client = await theirClient(port);
    const stream = client.request({ ':method': 'POST' }, { waitForTrailers: true, endStream: false });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }));
    const trailers = once(stream, 'trailers');
    stream.end(bulk);
    await once(stream, 'response');
    // Nothing is read until windows and buffers on the way back are full.
    await full.promise;
    expect(sha(await bodyOf(stream))).toBe(sha(bulk));
    expect((await trailers)[0]).toMatchObject({ 'x-sum': '7' });
  });

  test('an interim response comes before the head, Expect is left to the proxy', async () => {
    const { port } = await ourServer((request) => {
      request.inform(103, [['link', '</style.css>']]);
      echo(request);
    });
    const client = await theirClient(port);
    const stream = client.request({ ':method': 'POST' });
    const [interim] = await once(stream, 'headers');
    expect(interim).toMatchObject({ ':status': 103, link: '</style.css>' });
    stream.end('x');
    expect(String(await bodyOf(stream))).toBe('x');
  });

  test('a cancel is told', async () => {
    const told = new Told();
    const { port } = await ourServer((request) => {
      request.receive(told);
      request.respond({ status: 200, headers: [] }, false);
      request.write(Buffer.from('x'));
    });
    const client = await theirClient(port);
    const stream = client.request({ ':method': 'POST' });
    stream.on('error', () => {});
    await once(stream, 'data');
    stream.close(constants.NGHTTP2_CANCEL);
    await told.until(() => told.over !== undefined);
    expect(told.ending).toBe('http.reset');
  });

  test('a response before the request is whole reaches the client, and the connection goes on', async () => {
    const { port } = await ourServer((request) =>
      request.head.path === '/big' ? request.respond({ status: 413, headers: [] }, true) : echo(request),
    );
    const client = await theirClient(port);
    const stream = client.request({ ':method': 'POST', ':path': '/big' });
    stream.write(bulk);
    const [headers] = await once(stream, 'response');
    stream.resume();
    await once(stream, 'close');
    expect(headers[':status']).toBe(413);
    const next = client.request({ ':method': 'POST' });
    next.end('still here');
    expect(String(await bodyOf(next))).toBe('still here');
  });

  test('shutdown: the request in progress finishes, then the client is gone', async () => {
    const requests: ServedRequest[] = [];
    const { port, servers } = await ourServer((request) => void requests.push(request));
    const client = await theirClient(port);
    const stream = client.request({});
    while (requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const closed = once(client, 'close');
    servers[0]?.shutdown();
    await once(client, 'goaway');
    requests[0]?.respond({ status: 200, headers: [['content-length', '2']] }, false);
    requests[0]?.write(Buffer.from('ok'));
    requests[0]?.end();
    expect(String(await bodyOf(stream))).toBe('ok');
    await closed;
  });

  test('500 requests at a time', async () => {
    const { port } = await ourServer((request) => echo(request), 500);
    const client = await theirClient(port);
    const bodies = Array.from({ length: 500 }, (_, i) => {
      const stream = client.request({ ':method': 'POST', ':path': `/${i}` });
      stream.end(`request ${i}`);
      return bodyOf(stream);
    });
    expect((await Promise.all(bodies)).map(String)).toEqual(bodies.map((_, i) => `request ${i}`));
  });
});

describe('our client, their server', () => {
  async function ourClient(
    onStream: (stream: ServerHttp2Stream, path: string) => void,
    settings = {},
  ): Promise<{ client: Http2Client; events: string[] }> {
    const server = createServer({ settings });
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      stream.on('error', () => {});
      onStream(stream, headers[':path'] ?? '');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const to = { ip: canonicalIp('127.0.0.1'), port: (server.address() as AddressInfo).port };
    const events: string[] = [];
    const noted = { changed: () => void events.push('changed'), unusable: () => void events.push('unusable') };
    const client = new Http2Client(await connectTcp({ to, memory, clock: systemClock }, never), { clock: systemClock, memory }, noted);
    cleanup.push(() => {
      client.destroy();
      server.close();
    });
    return { client, events };
  }

  test('a response with body and trailers, after interim ones', async () => {
    const { client } = await ourClient((stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a>' });
      stream.respond({ ':status': 200, 'x-a': 'b' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(bulk);
    });
    const told = new Told();
    client.request(get, true, told);
    await told.until(() => told.over !== undefined);
    expect([told.ending, told.calls]).toEqual(['finished', ['inform', 'head', 'data', 'end', 'closed']]);
    expect(told.interim[0]?.[0]).toBe(103);
    expect(told.response?.headers).toContainEqual(['x-a', 'b']);
    expect([told.trailers, sha(told.body)]).toEqual([[['grpc-status', '0']], sha(bulk)]);
  });

  test('a large body is sent at the pace of the server', async () => {
    let got = 0;
    const { client } = await ourClient((stream) => {
      stream.on('data', (part: Buffer) => {
        got += part.length;
      });
      stream.on('end', () => {
        stream.respond({ ':status': 200 });
        stream.end(String(got));
      });
    });
    const told = new Told();
    const sent = client.request({ ...get, method: 'POST', headers: [['content-length', String(bulk.length)]] }, false, told);
    for (let at = 0; at < bulk.length; at += 50_000) {
      const drains = told.calls.filter((c) => c === 'drained').length;
      if (!sent.write(bulk.subarray(at, at + 50_000))) await told.until(() => told.calls.filter((c) => c === 'drained').length > drains);
    }
    sent.end();
    await told.until(() => told.over !== undefined);
    expect([told.ending, String(told.body)]).toEqual(['finished', String(bulk.length)]);
  });

  test('a pause stops the body, and so the server', async () => {
    const { client } = await ourClient((stream) => {
      stream.respond({ ':status': 200 });
      stream.end(bulk);
    });
    const told = new Told();
    const sent = client.request(get, true, told);
    await told.until(() => told.bytes > 0);
    sent.pause();
    const paused = told.bytes;
    // A whole exchange goes by meanwhile.
    const other = new Told();
    client.request({ ...get, method: 'HEAD' }, true, other);
    await other.until(() => other.response !== undefined);
    expect(told.bytes).toBe(paused);
    sent.resume();
    await told.until(() => told.over !== undefined);
    expect(sha(told.body)).toBe(sha(bulk));
  });

  for (const [rule, code, want] of [
    ['refused: it may go elsewhere', constants.NGHTTP2_REFUSED_STREAM, 'http.refused'],
    ['reset', constants.NGHTTP2_INTERNAL_ERROR, 'http.reset'],
  ] as const) {
    test(rule, async () => {
      const { client } = await ourClient((stream) => stream.close(code));
      const told = new Told();
      client.request(get, true, told);
      await told.until(() => told.over !== undefined);
      expect(told.ending).toBe(want);
    });
  }

  test('GOAWAY: no new requests, the one in progress finishes', async () => {
    const { client, events } = await ourClient((stream) => {
      stream.session?.close();
      stream.respond({ ':status': 200 });
      stream.end('last');
    });
    const told = new Told();
    client.request(get, true, told);
    await told.until(() => told.over !== undefined);
    expect([told.ending, String(told.body), client.free, events.includes('unusable')]).toEqual(['finished', 'last', false, true]);
  });

  test('500 requests, as many at a time as the server takes', async () => {
    let most = 0;
    let now = 0;
    const { client } = await ourClient(
      (stream, path) => {
        most = Math.max(most, ++now);
        setImmediate(() => {
          now--;
          stream.respond({ ':status': 200 });
          stream.end(path);
        });
      },
      { maxConcurrentStreams: 40 },
    );
    const first = new Told();
    client.request(get, true, first);
    await first.until(() => first.over !== undefined);
    const tolds: Told[] = [];
    while (tolds.length < 500) {
      if (!client.free) await new Promise((resolve) => setImmediate(resolve));
      else {
        const told = new Told();
        client.request({ ...get, path: `/${tolds.length}` }, true, told);
        tolds.push(told);
      }
    }
    for (const [i, told] of tolds.entries()) {
      await told.until(() => told.over !== undefined);
      expect([told.ending, String(told.body)]).toEqual(['finished', `/${i}`]);
    }
    expect(most).toBeLessThanOrEqual(40);
  });
});
