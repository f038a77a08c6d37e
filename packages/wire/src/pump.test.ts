// The pump between TCP and tunnels: bytes, counters, half-closes, the ways to end, and nothing lost under random load.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { tlsPolicy } from '@ambient-mesh/identity/tls-context';
import { canonicalIp, type SocketAddress } from '@ambient-mesh/model/address';
import { isFault, MeshError } from '@ambient-mesh/runtime/errors';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test } from 'vitest';
import type { Conduit, Receiver } from './conduit.ts';
import type { ConnectRequest } from './hbone/connect-request.ts';
import { TunnelPool } from './hbone/tunnel-pool.ts';
import { type ByteCounters, Pump, type PumpResult } from './pump.ts';
import { ReadMemory } from './read-memory.ts';
import { acceptTcp } from './tcp.ts';
import { connectTcp } from './tcp-dial.ts';
import { readAll } from './testing/hbone.ts';
import { dialPlain, never, TunnelServer } from './testing/hbone-tls.ts';

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0).reverse()) undo();
});

/** A conduit that a test moves by hand. */
class Puppet implements Conduit {
  readonly calls: string[] = [];
  receiver: Receiver | undefined;
  room = true;
  receive(receiver: Receiver): void {
    this.receiver = receiver;
  }
  pause(): void {
    this.calls.push('pause');
  }
  resume(): void {
    this.calls.push('resume');
  }
  write(bytes: Buffer): boolean {
    this.calls.push(`write ${bytes.toString()}`);
    return this.room;
  }
  end(): void {
    this.calls.push('end');
  }
  close(): void {
    this.calls.push('close');
  }
  abort(why: string): void {
    this.calls.push(`abort ${why}`);
  }
}

describe('rules, by hand', () => {
  function rig(): { a: Puppet; b: Puppet; counters: ByteCounters; running: Pump } {
    const [a, b, counters] = [new Puppet(), new Puppet(), { sent: 0, received: 0 }];
    return { a, b, counters, running: new Pump(a, b, counters) };
  }

  test('bytes are counted as they pass', () => {
    const { a, b, counters } = rig();
    a.receiver?.data(Buffer.from('four'));
    b.receiver?.data(Buffer.from('seventh'));
    expect([counters, b.calls, a.calls]).toEqual([{ sent: 4, received: 7 }, ['write four'], ['write seventh']]);
  });

  test('a source is paused while its sink is full', () => {
    const { a, b } = rig();
    b.room = false;
    a.receiver?.data(Buffer.from('x'));
    expect(a.calls).toEqual(['pause']);
    b.receiver?.drained();
    expect(a.calls).toEqual(['pause', 'resume']);
  });

  test('half-closes are carried; it is over when both sides are', async () => {
    const { a, b, running } = rig();
    a.receiver?.end();
    expect(b.calls).toEqual(['end']);
    b.receiver?.end();
    a.receiver?.closed('finished');
    b.receiver?.closed('finished');
    expect(await running.result).toEqual({ sent: { how: 'eof' }, received: { how: 'eof' } });
  });

  test('a side that is gone closes the other after what was written', async () => {
    const { a, b, running } = rig();
    a.receiver?.closed('gone');
    expect(b.calls).toEqual(['close']);
    b.receiver?.closed('finished');
    expect(await running.result).toEqual({ sent: { how: 'gone' }, received: { how: 'gone' } });
  });

  test('a failure must not look like an end on the other side', async () => {
    const { a, b, running } = rig();
    const fault = new MeshError({ code: 'tunnel.lost' } as const, 'lost');
    a.receiver?.end();
    b.receiver?.closed(fault);
    expect(a.calls).toEqual(['abort broken']);
    expect(await running.result).toEqual({ sent: { how: 'eof' }, received: { how: 'failed', fault } });
  });

  test('abort drops both sides at once and gives its reason', async () => {
    const { a, b, running } = rig();
    a.receiver?.end();
    running.abort('policy');
    running.abort('again');
    expect([a.calls, b.calls]).toEqual([['abort cancel'], ['end', 'abort cancel']]);
    expect(await running.result).toEqual({ sent: { how: 'eof' }, received: { how: 'aborted', reason: 'policy' } });
  });
});

// From here on: application -> TCP -> near -> TLS tunnel -> far -> TCP -> application.

const authority = testAuthority();
const serverId = authority.id('prod', 'server');
const clientId = authority.id('prod', 'client');

interface Path {
  /** Where a client dials, to reach the application through the tunnel. */
  readonly at: SocketAddress;
  readonly results: PumpResult[];
  /** Pumps of the near side. */
  readonly running: Pump[];
  readonly server: TunnelServer;
}

/** `app`: the application behind the far side. */
async function tunnelled(app: (socket: Socket) => void): Promise<Path> {
  const results: PumpResult[] = [];
  const running: Pump[] = [];
  const memory = new ReadMemory();
  const behind = createServer({ allowHalfOpen: true }, app);
  behind.listen(0, '127.0.0.1');
  await once(behind, 'listening');
  const appAt = { ip: canonicalIp('127.0.0.1'), port: (behind.address() as AddressInfo).port };
  const server = new TunnelServer({
    credentials: authority.credentials(serverId),
    memory,
    onRequest: (incoming) =>
      void connectTcp({ to: appAt, memory, clock: systemClock }, never).then((far) =>
        new Pump(far, incoming.accept([]), { sent: 0, received: 0 }).result.then((result) => results.push(result)),
      ),
  });
  const to = await server.listen();
  const credentials = authority.credentials(clientId);
  const pool = new TunnelPool(
    { dial: dialPlain, credentialsFor: async () => credentials, clock: systemClock },
    { policy: tlsPolicy(), memory, streamsPerTunnel: 50 },
  );
  const request: ConnectRequest = { authority: 'app:80', baggage: '', client: appAt, traceparent: '' };
  const target = { source: clientId, sourceIp: appAt.ip, expected: [serverId], to, workload: 'w' };
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (accepted) => {
    const near = acceptTcp(accepted, memory);
    pool.connect(target, request, never).then(
      (stream) => {
        const one = new Pump(near, stream, { sent: 0, received: 0 });
        running.push(one);
        void one.result.then((result) => results.push(result));
      },
      () => near.abort('broken'),
    );
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  cleanup.push(
    () => behind.close(),
    () => server.close(),
    () => pool.close(),
    () => listener.close(),
  );
  return { at: { ip: appAt.ip, port: (listener.address() as AddressInfo).port }, results, running, server };
}

function dialApp({ ip, port }: SocketAddress): Socket {
  const socket = connect({ port, host: ip, allowHalfOpen: true });
  cleanup.push(() => socket.destroy());
  return socket;
}

describe('through a tunnel', () => {
  test('the client ends first, the answer still comes', async () => {
    const { at, results } = await tunnelled((app) => {
      void readAll(app).then((all) => app.end(`got ${all.length}`));
    });
    const client = dialApp(at);
    client.end(Buffer.alloc(1_000_000));
    expect((await readAll(client)).toString()).toBe('got 1000000');
    await expect.poll(() => results).toEqual(Array(2).fill({ sent: { how: 'eof' }, received: { how: 'eof' } }));
  });

  test('the server ends first, the client may go on', async () => {
    const got = Promise.withResolvers<string>();
    const { at } = await tunnelled((app) => {
      app.end('greeting');
      void readAll(app).then((all) => got.resolve(all.toString()));
    });
    const client = dialApp(at);
    expect((await readAll(client)).toString()).toBe('greeting');
    client.end('thanks');
    expect(await got.promise).toBe('thanks');
  });

  test('a client that resets ends the application’s side too', async () => {
    const ended = Promise.withResolvers<void>();
    const { at, results } = await tunnelled((app) => {
      app.on('error', () => {});
      app.resume();
      app.on('end', () => {
        ended.resolve();
        app.end();
      });
    });
    const client = dialApp(at);
    client.write('x');
    await expect.poll(() => client.bytesWritten).toBe(1);
    client.resetAndDestroy();
    await ended.promise;
    await expect.poll(() => results.length).toBe(2);
  });

  test('an aborted connection is closed at both ends', async () => {
    const appClosed = Promise.withResolvers<void>();
    const { at, running } = await tunnelled((app) => {
      app.on('error', () => {});
      app.on('end', () => app.end());
      app.on('close', () => appClosed.resolve());
      app.resume();
    });
    const client = dialApp(at);
    client.on('error', () => {});
    client.on('end', () => client.end());
    client.resume();
    await expect.poll(() => running.length).toBe(1);
    running[0]?.abort(new Error('policy'));
    await Promise.all([once(client, 'close'), appClosed.promise]);
    expect((await running[0]?.result)?.sent).toMatchObject({ how: 'aborted' });
  });

  test('a lost tunnel resets the client: cut short is not the end', async () => {
    const { at, server, results } = await tunnelled((app) => {
      app.on('error', () => {});
      app.write('half of the answer');
    });
    const client = dialApp(at);
    const failure = once(client, 'error');
    await once(client, 'data');
    for (const tunnel of server.tunnels) tunnel.destroy();
    await expect(failure).resolves.toMatchObject([{ code: 'ECONNRESET' }]);
    await expect.poll(() => results.some(({ received }) => received.how === 'failed' && isFault(received.fault, 'tunnel.lost'))).toBe(true);
  });

  test('200 connections of random sizes, pauses and half-closes: every octet arrives', { timeout: 60_000 }, async () => {
    const { at, results } = await tunnelled((app) => {
      app.on('error', () => {});
      void readAll(app, () => dawdle(app)).then((all) => app.end(sha256(all)));
    });
    const outcomes = await Promise.all(Array.from({ length: 200 }, (_, i) => oneClient(at, i)));
    expect(outcomes.filter((ok) => !ok)).toEqual([]);
    await expect.poll(() => results.length).toBe(400);
    expect(results.every(({ sent, received }) => sent.how === 'eof' && received.how === 'eof')).toBe(true);
  });
});

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Now and then stops reading for a moment. */
function dawdle(socket: Socket): void {
  if (Math.random() > 0.05) return;
  socket.pause();
  setTimeout(() => socket.resume(), Math.random() * 5);
}

async function oneClient(at: SocketAddress, seed: number): Promise<boolean> {
  const socket = dialApp(at);
  const answer = readAll(socket);
  const body = randomBytes(seed % 10 === 0 ? 1_000_000 + seed * 997 : (seed * 7919) % 60_000);
  for (let sent = 0; sent < body.length; ) {
    const size = 1 + Math.floor(Math.random() * (seed % 3 === 0 ? 200_000 : 9_000));
    const more = socket.write(body.subarray(sent, sent + size));
    sent += size;
    if (!more) await once(socket, 'drain');
  }
  socket.end();
  return (await answer).toString() === sha256(body);
}
