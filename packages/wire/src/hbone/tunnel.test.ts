// Tunnels end to end, without TLS: requests, answers, bytes, half-closes, resets, going away.
import { parseSocket } from '@ambient-mesh/model/address';
import { isFault } from '@ambient-mesh/runtime/errors';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, expect, test } from 'vitest';
import { Collector, plainPeer, socketPair } from '../testing/hbone.ts';
import type { ConnectRequest } from './connect-request.ts';
import { ServedTunnel, type TunnelRequest } from './server.ts';
import { Tunnel, type TunnelStream } from './tunnel.ts';

const never = new AbortController().signal;
const client = parseSocket('10.0.0.1:4242') ?? { ip: '10.0.0.1' as never, port: 1 };
const request: ConnectRequest = { authority: '10.0.0.2:80', baggage: 'k8s.namespace.name=a', client, traceparent: '' };

const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const end of open.splice(0)) end.destroy();
});

async function tunnelPair(onRequest: (request: TunnelRequest) => void): Promise<{ tunnel: Tunnel; served: ServedTunnel }> {
  const [near, far] = await socketPair();
  const served = new ServedTunnel(far, plainPeer, { clock: systemClock, onRequest });
  const tunnel = new Tunnel(near, plainPeer, { clock: systemClock });
  open.push(served, tunnel);
  return { tunnel, served };
}

test('a request carries method, authority and headers; the answer carries headers', async () => {
  let seen: TunnelRequest | undefined;
  const { tunnel } = await tunnelPair((r) => {
    seen = r;
    r.accept([['baggage', 'x=y']]);
  });
  const stream = await tunnel.connect(request, never);
  expect(seen?.method).toBe('CONNECT');
  expect(seen?.authority).toBe('10.0.0.2:80');
  expect(seen?.headers).toEqual([
    ['baggage', 'k8s.namespace.name=a'],
    ['forwarded', 'for="10.0.0.1:4242"'],
    ['traceparent', ''],
  ]);
  expect(stream.headers).toEqual([['baggage', 'x=y']]);
});

test('bytes and half-closes go both ways', async () => {
  let far: TunnelStream | undefined;
  const { tunnel } = await tunnelPair((r) => {
    far = r.accept([]);
  });
  const near = await tunnel.connect(request, never);
  const nearGot = new Collector(near);
  const farGot = new Collector(far);
  near.write(Buffer.from('question'));
  near.end();
  await farGot.until(() => farGot.ended);
  expect(farGot.text).toBe('question');
  expect(nearGot.ended).toBe(false);
  far?.write(Buffer.from('answer'));
  far?.end();
  await nearGot.until(() => nearGot.over !== undefined);
  await farGot.until(() => farGot.over !== undefined);
  expect([nearGot.text, nearGot.over, farGot.over]).toEqual(['answer', 'finished', 'finished']);
  expect(tunnel.active).toBe(0);
});

test('a status other than 200 is a fault that names it', async () => {
  const { tunnel } = await tunnelPair((r) => r.refuse(503));
  const failure: unknown = await tunnel.connect(request, never).catch((e: unknown) => e);
  expect(isFault(failure, 'hbone.status') && failure.message).toBe('http status: 503 Service Unavailable');
  await expect.poll(() => tunnel.active).toBe(0);
});

test('64 MiB go through in order, with the receiver stopping and starting', async () => {
  let far: TunnelStream | undefined;
  const { tunnel } = await tunnelPair((r) => {
    far = r.accept([]);
  });
  const near = await tunnel.connect(request, never);
  const total = 64 * 1024 * 1024;
  let sent = 0;
  const write = () => {
    while (sent < total) {
      const chunk = Buffer.alloc(Math.min(100_000, total - sent));
      for (let i = 0; i + 4 <= chunk.length; i += 4) chunk.writeUInt32BE((sent + i) >>> 0, i);
      sent += chunk.length;
      if (!near.write(chunk)) return;
    }
    near.end();
  };
  near.receive({ data: () => {}, end: () => {}, closed: () => {}, drained: write });
  let got = 0;
  let wrong = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const remainder: Buffer[] = [];
  far?.receive({
    data: (bytes) => {
      remainder.push(bytes);
      const all = remainder.length > 1 ? Buffer.concat(remainder.splice(0)) : (remainder.pop() ?? bytes);
      const whole = all.length - (all.length % 4);
      for (let i = 0; i < whole; i += 4) {
        if (all.readUInt32BE(i) !== got) wrong++;
        got += 4;
      }
      remainder.push(all.subarray(whole));
      if (Math.floor(got / 1e6) % 3 === 0) {
        far?.pause();
        setImmediate(() => far?.resume());
      }
    },
    end: resolve,
    closed: () => {},
    drained: () => {},
  });
  write();
  await promise;
  expect({ got, wrong }).toEqual({ got: total, wrong: 0 });
});
