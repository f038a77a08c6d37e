// A tunnel inside a tunnel: the gateway passes bytes, the far pod proves itself inside (facts: ztunnel §2.13).
import { testAuthority } from '@ambient-mesh/identity/testing';
import { tlsPolicy } from '@ambient-mesh/identity/tls-context';
import { canonicalIp, type SocketAddress } from '@ambient-mesh/model/address';
import { isFault } from '@ambient-mesh/runtime/errors';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, expect, test } from 'vitest';
import { Pump } from '../pump.ts';
import { ReadMemory } from '../read-memory.ts';
import { connectTcp } from '../tcp-dial.ts';
import { Collector } from '../testing/hbone.ts';
import { dialPlain, never, TunnelServer } from '../testing/hbone-tls.ts';
import type { ConnectRequest } from './connect-request.ts';
import { headerOf } from './connect-request.ts';
import { connectInside } from './double.ts';
import type { TunnelRequest } from './server.ts';
import type { TunnelStream } from './tunnel.ts';
import { TunnelPool } from './tunnel-pool.ts';

const authority = testAuthority();
const [clientId, gatewayId, podId] = [authority.id('a', 'client'), authority.id('gw', 'gateway'), authority.id('b', 'pod')];
const credentials = authority.credentials(clientId);
const memory = new ReadMemory();
const request: ConnectRequest = {
  authority: 'web.b.svc:80',
  baggage: '',
  client: { ip: canonicalIp('10.0.0.1'), port: 1 },
  traceparent: '',
};

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0)) undo();
});

/** A gateway in front of a far pod that echoes; the pool leads to the gateway. */
async function network(): Promise<{
  readonly pool: TunnelPool;
  readonly gatewayAt: SocketAddress;
  readonly gateway: TunnelServer;
  readonly pod: TunnelServer;
  readonly seen: TunnelRequest[];
}> {
  const seen: TunnelRequest[] = [];
  const pod = new TunnelServer({
    credentials: authority.credentials(podId),
    onRequest: (incoming) => {
      seen.push(incoming);
      const stream = incoming.accept([['baggage', 'service.name=far']]);
      stream.receive({
        data: (bytes, slab) => void stream.write(bytes, slab),
        end: () => stream.end(),
        drained: () => {},
        closed: () => {},
      });
    },
  });
  const podAt = await pod.listen();
  const gateway = new TunnelServer({
    credentials: authority.credentials(gatewayId),
    onRequest: (incoming) =>
      void connectTcp({ to: podAt, memory, clock: systemClock }, never).then(
        (far) => new Pump(far, incoming.accept([]), { sent: 0, received: 0 }),
      ),
  });
  const gatewayAt = await gateway.listen();
  const pool = new TunnelPool(
    { dial: dialPlain, credentialsFor: async () => credentials, clock: systemClock },
    { policy: tlsPolicy(), memory },
  );
  cleanup.push(
    () => pool.close(),
    () => gateway.close(),
    () => pod.close(),
  );
  return { pool, gatewayAt, gateway, pod, seen };
}

async function throughBoth(net: Awaited<ReturnType<typeof network>>, innerExpected = [podId]): Promise<TunnelStream> {
  const target = { source: clientId, sourceIp: canonicalIp('10.0.0.1'), expected: [gatewayId], to: net.gatewayAt, workload: 'gw' };
  const outer = await net.pool.connect(target, request, never);
  const handshake = { credentials, policy: tlsPolicy(), expected: innerExpected, who: 'web.b.svc:80', clock: systemClock };
  return connectInside(outer, { handshake, tunnel: { clock: systemClock, memory }, request: { ...request, network: 'n1' } }, never);
}

test('bytes and half-closes go through; the pod sees the real client and its network', async () => {
  const net = await network();
  const stream = await throughBoth(net);
  expect([stream.peer.identity, headerOf(stream.headers, 'baggage')]).toEqual([podId, 'service.name=far']);
  expect([net.seen[0]?.peer.identity, headerOf(net.seen[0]?.headers ?? [], 'x-forwarded-network')]).toEqual([clientId, 'n1']);
  const got = new Collector(stream);
  const body = Buffer.alloc(2_000_000, 'double');
  for (let at = 0; at < body.length; at += 50_000) {
    const { drains } = got;
    if (!stream.write(body.subarray(at, at + 50_000))) await got.until(() => got.drains > drains);
  }
  stream.end();
  await got.until(() => got.over !== undefined);
  expect([Buffer.concat(got.chunks).equals(body), got.over]).toEqual([true, 'finished']);
});

test('the outer stream ends with the inner one, the outer tunnel stays', async () => {
  const net = await network();
  const stream = await throughBoth(net);
  const got = new Collector(stream);
  stream.end();
  await got.until(() => got.over !== undefined);
  await expect.poll(() => [...net.gateway.tunnels].map((t) => t.active)).toEqual([0]);
  await expect.poll(() => net.pod.tunnels.size).toBe(0);
});

test('every connection has an inner tunnel of its own, inside one outer tunnel', async () => {
  const net = await network();
  for (let i = 0; i < 3; i++) new Collector(await throughBoth(net));
  expect([net.gateway.accepted, net.pod.accepted]).toEqual([1, 3]);
});

test('a pod that is not one of the inner identities is refused, and nobody at all when there are none', async () => {
  const net = await network();
  for (const expected of [[gatewayId], []]) {
    const failure: unknown = await throughBoth(net, expected).catch((e: unknown) => e);
    expect(isFault(failure, 'tls.peer')).toBe(true);
  }
  await expect.poll(() => [...net.gateway.tunnels].map((t) => t.active)).toEqual([0]);
});

test('aborting the inner stream ends everything down to the pod', async () => {
  const net = await network();
  const stream = await throughBoth(net);
  stream.abort('cancel');
  await expect.poll(() => net.pod.tunnels.size).toBe(0);
  await expect.poll(() => [...net.gateway.tunnels].map((t) => t.active)).toEqual([0]);
});
