// TCP conduits over loopback: accepted and dialled, bytes and half-closes, back-pressure, ways to end, and what dialling reports.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { canonicalIp, type SocketAddress } from '@ambient-mesh/model/address';
import { isFault } from '@ambient-mesh/runtime/errors';
import { type Clock, systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test } from 'vitest';
import { ReadMemory } from './read-memory.ts';
import { acceptTcp, type TcpConduit } from './tcp.ts';
import { connectSocket, connectTcp } from './tcp-dial.ts';
import { Collector, readAll } from './testing/hbone.ts';

const memory = new ReadMemory();
const never = new AbortController().signal;
const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0)) undo();
});

async function listen(
  host: string,
  onConnection: (socket: Socket) => void,
): Promise<{ readonly server: Server; readonly at: SocketAddress }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, onConnection);
  server.listen(0, host);
  await once(server, 'listening');
  cleanup.push(() => server.close());
  return { server, at: { ip: canonicalIp(host), port: (server.address() as AddressInfo).port } };
}

/** An accepted conduit and the ordinary socket at its other end. */
async function accepted(): Promise<{ readonly conduit: TcpConduit; readonly other: Socket; readonly server: Server }> {
  const arrived = Promise.withResolvers<Socket>();
  const { server, at } = await listen('127.0.0.1', arrived.resolve);
  const other = connect({ port: at.port, host: at.ip, allowHalfOpen: true });
  other.on('error', () => {});
  cleanup.push(() => other.destroy());
  const conduit = acceptTcp(await arrived.promise, memory);
  if (other.connecting) await once(other, 'connect');
  cleanup.push(() => conduit.abort('cancel'));
  return { conduit, other, server };
}

describe('an accepted connection', () => {
  test('bytes sent before it was adopted are there; half-closes go both ways', async () => {
    const { conduit, other } = await accepted();
    other.end('early');
    const got = new Collector(conduit);
    await got.until(() => got.ended);
    expect([got.text, got.over]).toEqual(['early', undefined]);
    const answer = readAll(other);
    conduit.write(Buffer.from('late '));
    conduit.write(Buffer.from('answer'));
    conduit.end();
    await got.until(() => got.over !== undefined);
    expect([(await answer).toString(), got.over]).toEqual(['late answer', 'finished']);
  });

  test('it knows its addresses and descriptor', async () => {
    const { conduit, other } = await accepted();
    expect(conduit.remote).toEqual({ ip: '127.0.0.1', port: other.localPort });
    expect(conduit.local).toEqual({ ip: '127.0.0.1', port: other.remotePort });
    expect(conduit.fd).toBeGreaterThan(2);
  });

  test('an IPv4 peer of an IPv6 listener has an IPv4 address', async () => {
    const arrived = Promise.withResolvers<Socket>();
    const { at } = await listen('::', arrived.resolve);
    const other = connect(at.port, '127.0.0.1');
    cleanup.push(() => other.destroy());
    const conduit = acceptTcp(await arrived.promise, memory);
    cleanup.push(() => conduit.abort('cancel'));
    expect(conduit.remote?.ip).toBe('127.0.0.1');
  });

  test('its listener can close without waiting for it, and it lives on', async () => {
    const { conduit, other, server } = await accepted();
    await new Promise((resolve) => server.close(resolve));
    const got = new Collector(conduit);
    other.write('still');
    await got.until(() => got.text === 'still');
  });

  test('a peer that resets is gone, which is no failure', async () => {
    const { conduit, other } = await accepted();
    const got = new Collector(conduit);
    other.resetAndDestroy();
    await got.until(() => got.over !== undefined);
    expect(got.over).toBe('gone');
  });

  test('one that ended before anybody listened says so to who listens later', async () => {
    const { conduit, other } = await accepted();
    other.resetAndDestroy();
    await once(other, 'close');
    const got = new Collector(conduit);
    await got.until(() => got.over !== undefined);
    expect(got.over).toBe('gone');
  });
});

describe('back-pressure', () => {
  test('a paused conduit delivers nothing, and all of it later', async () => {
    const { conduit, other } = await accepted();
    const got = new Collector(conduit);
    conduit.pause();
    other.write(Buffer.alloc(3_000_000, 'z'));
    other.end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(got.bytes).toBe(0);
    conduit.resume();
    await got.until(() => got.ended);
    expect(got.bytes).toBe(3_000_000);
  });

  test('a writer is stopped while its peer does not read, and told when it does', async () => {
    const { conduit, other } = await accepted();
    const got = new Collector(conduit);
    let written = 0;
    for (;;) {
      written += 100_000;
      if (conduit.write(Buffer.alloc(100_000))) await new Promise((resolve) => setImmediate(resolve));
      else break;
    }
    expect(got.drains).toBe(0);
    let read = 0;
    other.on('data', (bytes: Buffer) => {
      read += bytes.length;
    });
    await got.until(() => got.drains > 0);
    conduit.end();
    await once(other, 'end');
    expect(read).toBe(written);
  });

  test('bulk comes in slabs that return to their shelf', async () => {
    const { conduit, other } = await accepted();
    const got = new Collector(conduit);
    const bulk = Buffer.allocUnsafe(20_000_000);
    for (let i = 0; i < bulk.length; i += 4) bulk.writeUInt32BE(i, i);
    other.end(bulk);
    await got.until(() => got.ended);
    expect(Buffer.concat(got.chunks).equals(bulk)).toBe(true);
  });
});

describe('ends', () => {
  test('close sends what was written, then lets go', async () => {
    const { conduit, other } = await accepted();
    const got = new Collector(conduit);
    conduit.write(Buffer.from('last'));
    conduit.close();
    expect((await readAll(other)).toString()).toBe('last');
    other.end();
    await got.until(() => got.over !== undefined);
    expect(got.over).toBe('finished');
  });

  const aborts: readonly (readonly [why: 'cancel' | 'broken', want: string | undefined])[] = [
    ['cancel', undefined],
    ['broken', 'ECONNRESET'],
  ];
  for (const [why, want] of aborts) {
    test(`abort ${why}: the peer sees ${want ?? 'an end'}`, async () => {
      const { conduit, other } = await accepted();
      const got = new Collector(conduit);
      let error: string | undefined;
      other.on('error', (e: NodeJS.ErrnoException) => {
        error = e.code;
      });
      other.resume();
      other.on('end', () => other.end());
      const closed = new Promise((resolve) => other.on('close', resolve));
      conduit.abort(why);
      await closed;
      expect([error, got.over]).toEqual([want, undefined]);
    });
  }

  const ticks: readonly (readonly [when: string, wait: () => Promise<unknown>])[] = [
    ['in the same tick', async () => {}],
    ['while the end is on its way', () => new Promise((resolve) => process.nextTick(resolve))],
    ['when the end has gone out', () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))],
  ];
  test.each(ticks)('aborted as broken %s: the descriptor is closed', async (_, wait) => {
    const { conduit } = await accepted();
    new Collector(conduit);
    const closed = once(conduit.socket, 'close');
    conduit.end();
    await wait();
    conduit.abort('broken');
    await closed;
  });

  test('writing after the end is ignored', async () => {
    const { conduit } = await accepted();
    new Collector(conduit);
    conduit.end();
    expect(conduit.write(Buffer.from('x'))).toBe(true);
  });
});

describe('dialling', () => {
  test('a conduit, not reading until it is received', async () => {
    const { at } = await listen('127.0.0.1', (socket) => socket.end('banner'));
    const conduit = await connectTcp({ to: at, memory, clock: systemClock }, never);
    const got = new Collector(conduit);
    await got.until(() => got.ended);
    expect([got.text, conduit.remote]).toEqual(['banner', at]);
    conduit.end();
    await got.until(() => got.over !== undefined);
  });

  test('a socket for TLS', async () => {
    const { at } = await listen('127.0.0.1', (socket) => socket.end());
    const socket = await connectSocket({ to: at, clock: systemClock }, never);
    expect(socket.readyState).toBe('open');
    socket.destroy();
  });

  test('a refusal names the address', async () => {
    const { server, at } = await listen('127.0.0.1', () => {});
    await new Promise((resolve) => server.close(resolve));
    const failure: unknown = await connectTcp({ to: at, memory, clock: systemClock }, never).catch((e: unknown) => e);
    expect(isFault(failure, 'dial.refused') && failure.message).toBe(`127.0.0.1:${at.port} refused the connection`);
  });

  test('silence is a time-out, which asks about NetworkPolicy when the tunnel port is silent', async () => {
    // Time passes before the kernel can answer.
    const clock: Clock = {
      ...systemClock,
      after: (_for, f) => {
        queueMicrotask(f);
        return { [Symbol.dispose]: () => {} };
      },
    };
    const to = { ip: canonicalIp('127.0.0.1'), port: 15008 };
    const failure: unknown = await connectTcp({ to, memory, clock }, never).catch((e: unknown) => e);
    expect(isFault(failure, 'dial.timeout') && failure.fault).toEqual({ code: 'dial.timeout', to, afterMs: 10_000 });
    expect(String(failure)).toContain('NetworkPolicy');
  });

  test('a dial that is given up rejects with the reason', async () => {
    const { at } = await listen('127.0.0.1', () => {});
    await expect(connectTcp({ to: at, memory, clock: systemClock }, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    const stop = new AbortController();
    const dialling = connectTcp({ to: at, memory, clock: systemClock }, stop.signal);
    stop.abort(new Error('changed my mind'));
    await expect(dialling).rejects.toThrow('changed my mind');
  });
});
