// Our sessions against Node's own HTTP/2 (nghttp2) over TLS, in both roles: CONNECT, bytes, half-closes, resets, GOAWAY.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  constants,
  createSecureServer,
  type Http2SecureServer,
  connect as h2Connect,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { contextFor, tlsPolicy } from '@ambient-mesh/identity/tls-context';
import { canonicalIp } from '@ambient-mesh/model/address';
import { isFault } from '@ambient-mesh/runtime/errors';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test } from 'vitest';
import type { ConnectRequest } from '../hbone/connect-request.ts';
import type { TunnelRequest } from '../hbone/server.ts';
import { Tunnel } from '../hbone/tunnel.ts';
import { ReadMemory } from '../read-memory.ts';
import { Collector } from '../testing/hbone.ts';
import { dialPlain, never, TunnelServer } from '../testing/hbone-tls.ts';
import { connectTls } from '../tls/client.ts';

const authority = testAuthority();
const serverId = authority.id('prod', 'server');
const serverCredentials = authority.credentials(serverId);
const clientCredentials = authority.credentials(authority.id('prod', 'client'));
const request: ConnectRequest = {
  authority: '10.0.0.2:80',
  baggage: 'k8s.namespace.name=a',
  client: { ip: canonicalIp('10.0.0.1'), port: 4242 },
  service: 'echo.a.svc.cluster.local',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
};
const bulk = Buffer.alloc(3_000_000, 'abcdefghij');
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0).reverse()) undo();
});

describe('our client, their server', () => {
  async function theirServer(onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void, settings = {}): Promise<Tunnel> {
    const { certChainPem: cert, keyPem: key, rootsPem } = serverCredentials;
    const server: Http2SecureServer = createSecureServer({ cert, key, ca: [...rootsPem], requestCert: true, settings });
    server.on('stream', onStream);
    server.on('sessionError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup.push(() => server.close());
    const raw = await dialPlain({ ip: canonicalIp('127.0.0.1'), port: (server.address() as AddressInfo).port });
    const handshake = { credentials: clientCredentials, policy: tlsPolicy(), expected: [serverId], who: 'server', clock: systemClock };
    const { socket, peer } = await connectTls(raw, handshake, never);
    const tunnel = new Tunnel(socket, peer, { clock: systemClock, memory: new ReadMemory() });
    cleanup.push(() => tunnel.destroy());
    return tunnel;
  }

  test('a request arrives as sent, and the answer with its Huffman-coded headers', async () => {
    let seen: IncomingHttpHeaders = {};
    const tunnel = await theirServer((stream, headers) => {
      seen = headers;
      stream.respond({ ':status': 200, baggage: 'service.name=x', 'x-long': 'y'.repeat(300) });
    });
    const stream = await tunnel.connect(request, never);
    expect(seen).toMatchObject({
      ':method': 'CONNECT',
      ':authority': '10.0.0.2:80',
      baggage: 'k8s.namespace.name=a',
      forwarded: 'for="10.0.0.1:4242";host=echo.a.svc.cluster.local',
      traceparent: request.traceparent,
    });
    expect(stream.headers.filter(([name]) => name !== 'date')).toEqual([
      ['baggage', 'service.name=x'],
      ['x-long', 'y'.repeat(300)],
    ]);
  });

  for (const window of [1_000, 65_535, 4 * 1024 * 1024]) {
    test(`3 MB go there and back with a window of ${window}, half-closed in between`, async () => {
      const tunnel = await theirServer(
        (stream) => {
          stream.respond({ ':status': 200 });
          const parts: Buffer[] = [];
          stream.on('data', (bytes: Buffer) => parts.push(bytes));
          stream.on('end', () => stream.end(Buffer.concat(parts)));
        },
        { initialWindowSize: window },
      );
      const stream = await tunnel.connect(request, never);
      const got = new Collector(stream);
      for (let at = 0; at < bulk.length; at += 100_000) {
        if (!stream.write(bulk.subarray(at, at + 100_000))) {
          const { drains } = got;
          await got.until(() => got.drains > drains);
        }
      }
      stream.end();
      await got.until(() => got.over !== undefined);
      expect([sha(Buffer.concat(got.chunks)), got.over]).toEqual([sha(bulk), 'finished']);
    });
  }

  test('a refusal, a cancellation and a failure are told apart', async () => {
    const codes = [constants.NGHTTP2_REFUSED_STREAM, constants.NGHTTP2_CANCEL, constants.NGHTTP2_INTERNAL_ERROR];
    const tunnel = await theirServer((stream) => {
      stream.on('error', () => {});
      stream.respond({ ':status': 200 });
      const code = codes.shift() ?? 0;
      setImmediate(() => stream.close(code));
    });
    const ends: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const got = new Collector(await tunnel.connect(request, never));
      await got.until(() => got.over !== undefined);
      ends.push(typeof got.over === 'string' ? got.over : got.over?.fault.code);
    }
    expect(ends).toEqual(['stream.refused', 'gone', 'stream.reset']);
  });

  test('a status other than 200', async () => {
    const tunnel = await theirServer((stream) => {
      stream.respond({ ':status': 401 }, { endStream: true });
    });
    const failure: unknown = await tunnel.connect(request, never).catch((e: unknown) => e);
    expect(isFault(failure, 'hbone.status') && failure.message).toBe('http status: 401 Unauthorized');
  });

  test('their GOAWAY lets streams finish', async () => {
    const tunnel = await theirServer((stream) => {
      stream.respond({ ':status': 200 });
      stream.session?.goaway(constants.NGHTTP2_NO_ERROR);
      stream.pipe(stream);
    });
    const stream = await tunnel.connect(request, never);
    const got = new Collector(stream);
    await expect.poll(() => tunnel.usable).toBe(false);
    stream.write(Buffer.from('after'));
    stream.end();
    await got.until(() => got.over !== undefined);
    expect([got.text, got.over]).toEqual(['after', 'finished']);
  });
});

describe('their client, our server', () => {
  async function theirClient(onRequest: (incoming: TunnelRequest) => void): Promise<{ session: ClientHttp2Session; server: TunnelServer }> {
    const server = new TunnelServer({ credentials: serverCredentials, onRequest });
    cleanup.push(() => server.close());
    const { port } = await server.listen();
    const secureContext = contextFor(clientCredentials, tlsPolicy());
    const session = h2Connect(`https://127.0.0.1:${port}`, { secureContext, checkServerIdentity: () => undefined, servername: '' });
    session.on('error', () => {});
    cleanup.push(() => session.destroy());
    await once(session, 'connect');
    return { session, server };
  }
  const connectOptions = { ':method': 'CONNECT', ':authority': '10.0.0.2:80', baggage: 'some=thing', traceparent: 'x'.repeat(55) };

  test('a request arrives, and the answer', async () => {
    let seen: TunnelRequest | undefined;
    const { session } = await theirClient((incoming) => {
      seen = incoming;
      incoming.accept([['baggage', 'service.name=z']]);
    });
    const stream = session.request(connectOptions, { endStream: false });
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    expect([headers[':status'], headers.baggage]).toEqual([200, 'service.name=z']);
    expect([seen?.method, seen?.authority, seen?.headers]).toEqual([
      'CONNECT',
      '10.0.0.2:80',
      [
        ['baggage', 'some=thing'],
        ['traceparent', 'x'.repeat(55)],
      ],
    ]);
  });

  test('a method other than CONNECT is for the caller to refuse', async () => {
    const { session } = await theirClient((incoming) => incoming.refuse(incoming.method === 'CONNECT' ? 503 : 400));
    const [headers] = (await once(session.request({ ':method': 'GET', ':path': '/' }), 'response')) as [IncomingHttpHeaders];
    expect(headers[':status']).toBe(400);
  });

  test('3 MB go there and back, half-closed in between', async () => {
    const { session } = await theirClient((incoming) => {
      const stream = incoming.accept([]);
      const got = new Collector(stream);
      void got
        .until(() => got.ended)
        .then(() => {
          stream.write(Buffer.concat(got.chunks));
          stream.end();
        });
    });
    const stream = session.request(connectOptions, { endStream: false });
    stream.end(bulk);
    const parts: Buffer[] = [];
    for await (const bytes of stream) parts.push(bytes as Buffer);
    expect(sha(Buffer.concat(parts))).toBe(sha(bulk));
  });

  test('their cancellation is a normal end; ours reaches them as CANCEL', async () => {
    const got = new Collector();
    const { session } = await theirClient((incoming) => {
      const stream = incoming.accept([]);
      if (incoming.authority === 'ours:1') stream.abort('cancel');
      else stream.receive(got);
    });
    const theirs = session.request(connectOptions, { endStream: false });
    await once(theirs, 'response');
    theirs.close(constants.NGHTTP2_CANCEL);
    await got.until(() => got.over !== undefined);
    expect(got.over).toBe('gone');
    const ours = session.request({ ...connectOptions, ':authority': 'ours:1' }, { endStream: false });
    ours.on('error', () => {});
    await once(ours, 'close');
    expect(ours.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  test('our shutdown lets their streams finish, then closes', async () => {
    const { session, server } = await theirClient((incoming) => {
      const stream = incoming.accept([]);
      stream.receive({
        data: (bytes) => void stream.write(Buffer.from(bytes)),
        end: () => stream.end(),
        drained: () => {},
        closed: () => {},
      });
    });
    const stream = session.request(connectOptions, { endStream: false });
    await once(stream, 'response');
    for (const tunnel of server.tunnels) tunnel.shutdown();
    await once(session, 'goaway');
    stream.end('last words');
    const parts: Buffer[] = [];
    for await (const bytes of stream) parts.push(bytes as Buffer);
    expect(Buffer.concat(parts).toString()).toBe('last words');
    await expect.poll(() => server.tunnels.size).toBe(0);
  });
});

test('a listener that is no TLS server at all is a typed fault', async () => {
  const listener = createServer((raw) => raw.end('hello\n'));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  cleanup.push(() => listener.close());
  const raw = await dialPlain({ ip: canonicalIp('127.0.0.1'), port: (listener.address() as AddressInfo).port });
  const handshake = { credentials: clientCredentials, policy: tlsPolicy(), expected: [serverId], who: 'server', clock: systemClock };
  const failure: unknown = await connectTls(raw, handshake, never).catch((e: unknown) => e);
  expect(isFault(failure, 'tls.failed') || isFault(failure, 'tls.closed')).toBe(true);
});
