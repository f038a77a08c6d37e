// HTTP/2 inside a stream of HTTP/2, which is how a waypoint is reached and reaches: gRPC both ways, bodies, back-pressure, how it ends.
// Both ends are ours; the tunnel runs over loopback TCP without TLS.
import { canonicalIp } from '@ambient-mesh/model/address';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test } from 'vitest';
import type { ConnectRequest } from '../hbone/connect-request.ts';
import { serveTunnel } from '../hbone/server.ts';
import { Tunnel } from '../hbone/tunnel.ts';
import type { ServedRequest } from '../http/exchange.ts';
import type { HeaderList, RequestHead } from '../http/message.ts';
import { ReadMemory } from '../read-memory.ts';
import { plainPeer, socketPair } from '../testing/hbone.ts';
import { get, Told } from '../testing/http2-rig.ts';
import { Http2Client } from './http2-client.ts';
import { Http2Server } from './http2-server.ts';

const never = new AbortController().signal;
const memory = new ReadMemory();
const clock = systemClock;
const connectRequest: ConnectRequest = {
  authority: '10.0.0.2:80',
  baggage: 'k8s.namespace.name=a',
  client: { ip: canonicalIp('10.0.0.1'), port: 4242 },
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
};
const call: RequestHead = {
  ...get,
  method: 'POST',
  path: '/shop.Cart/Add',
  headers: [
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ],
};
const grpcHead = { status: 200, headers: [['content-type', 'application/grpc']] as HeaderList };

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0).reverse()) undo();
});

interface Ends {
  readonly client: Http2Client;
  readonly server: Http2Server;
  readonly tunnel: Tunnel;
  /** How the server's connection ended. */
  readonly closed: Promise<string>;
}

async function inTunnel(onRequest: (request: ServedRequest) => void): Promise<Ends> {
  const [near, far] = await socketPair();
  const served = Promise.withResolvers<Http2Server>();
  const closed = Promise.withResolvers<string>();
  const outer = serveTunnel(far, plainPeer, {
    clock,
    memory,
    onRequest: (request) => {
      const onClosed = (fault?: { readonly fault: { readonly code: string } }): void => closed.resolve(fault?.fault.code ?? 'orderly');
      served.resolve(new Http2Server(request.accept([]), { clock, memory, onRequest, onClosed }));
    },
  });
  const tunnel = new Tunnel(near, plainPeer, { clock, memory });
  cleanup.push(
    () => outer.destroy(),
    () => tunnel.destroy(),
  );
  const conduit = await tunnel.connect(connectRequest, never);
  const client = new Http2Client(conduit, { clock, memory }, { changed: () => {}, unusable: () => {} });
  return { client, tunnel, server: await served.promise, closed: closed.promise };
}

const message = (text: string): Buffer => {
  const body = Buffer.from(text);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
};

describe('gRPC', () => {
  test('unary: head, one message, status in the trailers', async () => {
    const { client } = await inTunnel((request) => {
      const told = new Told();
      request.receive(told);
      void told
        .until(() => told.calls.includes('end'))
        .then(() => {
          request.respond(grpcHead, false);
          request.write(told.body);
          request.end([['grpc-status', '0']]);
        });
    });
    const told = new Told();
    const sent = client.request(call, false, told);
    sent.write(message('one'));
    sent.end();
    await told.until(() => told.over !== undefined);
    expect([told.calls, told.ending, told.trailers]).toEqual([['head', 'data', 'end', 'closed'], 'finished', [['grpc-status', '0']]]);
    expect(told.body).toEqual(message('one'));
  });

  test('an error without messages is a head that ends the stream', async () => {
    const { client } = await inTunnel((request) => {
      request.respond({ status: 200, headers: [...grpcHead.headers, ['grpc-status', '7']] }, true);
    });
    const told = new Told();
    client.request(call, false, told).write(message('never read'));
    await told.until(() => told.calls.includes('end'));
    expect(told.calls).toEqual(['head, last', 'end']);
    expect(told.response?.headers).toContainEqual(['grpc-status', '7']);
    // The server has let go of the rest and says so.
    await told.until(() => told.over !== undefined);
    expect(told.ending).toBe('finished');
  });

  test('streaming both ways, a message at a time', async () => {
    const { client } = await inTunnel((request) => {
      request.respond(grpcHead, false);
      request.receive({
        data: (bytes, slab) => {
          request.write(Buffer.from(bytes));
          slab?.release();
        },
        end: () => request.end([['grpc-status', '0']]),
        drained: () => {},
        closed: () => {},
      });
    });
    const told = new Told();
    const sent = client.request(call, false, told);
    let bytes = 0;
    for (let i = 0; i < 100; i++) {
      const next = message(`message ${i}`);
      sent.write(next);
      bytes += next.length;
      await told.until(() => told.bytes === bytes);
    }
    expect(told.calls).toEqual(['head', 'data']);
    sent.end();
    await told.until(() => told.over !== undefined);
    expect([told.ending, told.trailers]).toEqual(['finished', [['grpc-status', '0']]]);
  });

  test('a client that gives up cancels the call at the server', async () => {
    const atServer = new Told();
    const { client } = await inTunnel((request) => {
      request.receive(atServer);
      request.respond(grpcHead, false);
    });
    const told = new Told();
    const sent = client.request(call, false, told);
    await told.until(() => told.response !== undefined);
    sent.abort();
    await atServer.until(() => atServer.over !== undefined);
    expect(atServer.ending).toBe('http.reset');
  });
});

describe('back-pressure', () => {
  test('a client that does not read stops the server, whose memory stays bounded; then all arrives', async () => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    const pieces = 320;
    let written = 0;
    const stopped = Promise.withResolvers<void>();
    const { client } = await inTunnel((request) => {
      const write = (): void => {
        while (written < pieces) {
          written++;
          if (!request.write(Buffer.from(piece))) {
            stopped.resolve();
            return;
          }
        }
        request.end();
      };
      request.respond({ status: 200, headers: [] }, request.head.method === 'HEAD');
      if (request.head.method === 'HEAD') return;
      request.receive({ data: () => {}, end: () => {}, drained: write, closed: () => {} });
      write();
    });
    const told = new Told();
    const sent = client.request(get, true, told);
    sent.pause();
    await stopped.promise;
    // An exchange on the same connection is not held up, and shows that the first one stands still.
    for (let i = 0; i < 3; i++) {
      const other = new Told();
      client.request({ ...get, method: 'HEAD' }, true, other);
      await other.until(() => other.over !== undefined);
    }
    expect(written * piece.length).toBeLessThan(3 * 1024 * 1024);
    expect(told.bytes).toBe(0);
    sent.resume();
    await told.until(() => told.over !== undefined);
    expect([told.ending, told.bytes]).toEqual(['finished', pieces * piece.length]);
  });
});

describe('how it ends', () => {
  test('a server that shuts down: in order, at both ends, and the tunnel has no stream left', async () => {
    const requests: ServedRequest[] = [];
    const { client, server, closed, tunnel } = await inTunnel((request) => void requests.push(request));
    const told = new Told();
    client.request(get, true, told);
    while (requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    server.shutdown();
    while (client.free) await new Promise((resolve) => setImmediate(resolve));
    requests[0]?.respond({ status: 200, headers: [] }, true);
    await told.until(() => told.over !== undefined);
    expect([told.ending, await closed]).toEqual(['finished', 'orderly']);
    while (tunnel.active > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('a client that shuts down idle', async () => {
    const { client, closed, tunnel } = await inTunnel(() => {});
    client.shutdown();
    expect(await closed).toBe('orderly');
    while (tunnel.active > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('a tunnel that is lost takes the requests with it', async () => {
    const atServer = new Told();
    const arrived = Promise.withResolvers<void>();
    const { client, tunnel, closed } = await inTunnel((request) => {
      request.receive(atServer);
      arrived.resolve();
    });
    const told = new Told();
    client.request(get, true, told);
    await arrived.promise;
    tunnel.destroy();
    await told.until(() => told.over !== undefined);
    expect(told.ending).toBe('http.lost');
    expect([await closed, atServer.ending]).toEqual(['h2.socket', 'http.lost']);
  });
});
