// The pool against a real server over TLS: how many connections there are, when they are shared, and when they go (facts: ztunnel §13.5).
import { testAuthority } from '@ambient-mesh/identity/testing';
import { tlsPolicy } from '@ambient-mesh/identity/tls-context';
import { canonicalIp, type SocketAddress } from '@ambient-mesh/model/address';
import { isFault, MeshError } from '@ambient-mesh/runtime/errors';
import { type FakeClock, fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test } from 'vitest';
import { ReadMemory } from '../read-memory.ts';
import { Collector } from '../testing/hbone.ts';
import { dialPlain, never, TunnelServer } from '../testing/hbone-tls.ts';
import type { ConnectRequest } from './connect-request.ts';
import type { TunnelTarget } from './open-tunnel.ts';
import type { TunnelRequest } from './server.ts';
import type { TunnelStream } from './tunnel.ts';
import { type PoolOptions, TunnelPool } from './tunnel-pool.ts';

const authority = testAuthority();
const serverId = authority.id('prod', 'server');
const clientId = authority.id('prod', 'client');
const serverCredentials = authority.credentials(serverId);
const clientCredentials = authority.credentials(clientId);
const request: ConnectRequest = {
  authority: '10.0.0.2:80',
  baggage: '',
  client: { ip: canonicalIp('10.0.0.1'), port: 4242 },
  traceparent: '00-0-0-00',
};

/** Echoes, and ends when the client does. */
function echo(incoming: TunnelRequest): void {
  const stream = incoming.accept([]);
  stream.receive({
    data: (bytes) => void stream.write(bytes),
    end: () => stream.end(),
    drained: () => {},
    closed: () => {},
  });
}

class Lab {
  readonly server: TunnelServer;
  readonly pool: TunnelPool;
  readonly clock: FakeClock = fakeClock();
  dials = 0;
  dialFault: Error | undefined;
  #to: SocketAddress = { ip: canonicalIp('127.0.0.1'), port: 0 };

  constructor(options: Partial<PoolOptions> = {}, onRequest: (incoming: TunnelRequest) => void = echo) {
    this.server = new TunnelServer({ credentials: serverCredentials, onRequest });
    const ports = {
      dial: async (to: SocketAddress) => {
        this.dials++;
        await new Promise((resolve) => setImmediate(resolve));
        if (this.dialFault !== undefined) throw this.dialFault;
        return dialPlain(to);
      },
      credentialsFor: async () => clientCredentials,
      clock: this.clock,
    };
    this.pool = new TunnelPool(ports, { policy: tlsPolicy(), memory: new ReadMemory(), ...options });
    labs.push(this);
  }

  async start(): Promise<this> {
    this.#to = await this.server.listen();
    return this;
  }

  target(changes: Partial<TunnelTarget> = {}): TunnelTarget {
    const base = { source: clientId, sourceIp: canonicalIp('10.0.0.1'), expected: [serverId], to: this.#to, workload: 'uid-1' };
    return { ...base, ...changes };
  }

  connect(changes: Partial<TunnelTarget> = {}): Promise<TunnelStream> {
    return this.pool.connect(this.target(changes), request, never);
  }

  many(count: number, changes: (i: number) => Partial<TunnelTarget> = () => ({})): Promise<TunnelStream[]> {
    return Promise.all(Array.from({ length: count }, (_, i) => this.connect(changes(i))));
  }
}

const labs: Lab[] = [];
afterEach(() => {
  for (const lab of labs.splice(0)) {
    lab.pool.close();
    lab.server.close();
  }
});

/** Half-closes, and waits for the other half. */
async function finish(stream: TunnelStream): Promise<void> {
  const got = new Collector(stream);
  stream.end();
  await got.until(() => got.over !== undefined);
}

const fromIp = (i: number): Partial<TunnelTarget> => ({ sourceIp: canonicalIp(`10.1.${i >> 8}.${i & 255}`) });

describe('sharing', () => {
  test('concurrent and later connections share one tunnel, which closes with the pool', async () => {
    const lab = await new Lab({ streamsPerTunnel: 3 }).start();
    for (let round = 0; round < 2; round++) for (const stream of await lab.many(2)) await finish(stream);
    expect(lab.server.accepted).toBe(1);
    lab.pool.close();
    await expect.poll(() => lab.server.tunnels.size).toBe(0);
  });

  const differences: readonly (readonly [what: string, changes: Partial<TunnelTarget>])[] = [
    ['source address', { sourceIp: canonicalIp('10.0.0.9') }],
    ['source identity', { source: authority.id('prod', 'other') }],
    ['expected identities', { expected: [serverId, clientId] }],
    ['destination workload', { workload: 'uid-2' }],
  ];
  for (const [what, changes] of differences) {
    test(`another ${what} means another tunnel`, async () => {
      const lab = await new Lab().start();
      await lab.connect();
      await lab.connect(changes);
      expect(lab.server.accepted).toBe(2);
    });
  }

  test('a full tunnel is joined by another; four at once over two slots each make two', async () => {
    const lab = await new Lab({ streamsPerTunnel: 2 }).start();
    await lab.many(4);
    expect(lab.server.accepted).toBe(2);
    await lab.many(5);
    expect(lab.server.accepted).toBe(5);
  });

  test('slots come back when streams end', async () => {
    const lab = await new Lab({ streamsPerTunnel: 2 }).start();
    for (const stream of await lab.many(2)) await finish(stream);
    await lab.many(2);
    expect(lab.server.accepted).toBe(1);
  });

  test('one stream a tunnel works', async () => {
    const lab = await new Lab({ streamsPerTunnel: 1 }).start();
    await lab.many(3);
    expect(lab.server.accepted).toBe(3);
  });

  test('100 at once make one tunnel when it has 101 slots', async () => {
    const lab = await new Lab({ streamsPerTunnel: 101 }).start();
    await lab.many(100);
    expect([lab.server.accepted, lab.dials]).toEqual([1, 1]);
  });

  test('100 sources make 100 tunnels, and all close with the pool', async () => {
    const lab = await new Lab().start();
    await lab.many(100, fromIp);
    expect(lab.server.accepted).toBe(100);
    lab.pool.close();
    await expect.poll(() => lab.server.tunnels.size).toBe(0);
    expect(lab.pool.size).toBe(0);
  });

  test('300 requests of three sources make three tunnels', async () => {
    const lab = await new Lab({ streamsPerTunnel: 100 }).start();
    await lab.many(300, (i) => fromIp(i % 3));
    expect(lab.server.accepted).toBe(3);
  });

  test("the peer's own limit counts too", async () => {
    const lab = new Lab();
    const server = new TunnelServer({
      credentials: serverCredentials,
      onRequest: echo,
      settings: {
        streamWindowBytes: 65_535,
        connectionWindowBytes: 65_535,
        frameBytes: 16_384,
        headerListBytes: 16_384,
        concurrentStreams: 2,
      },
    });
    const to = await server.listen();
    await Promise.all([1, 2, 3, 4, 5].map(() => lab.connect({ to })));
    expect(server.accepted).toBe(3);
    server.close();
  });
});

describe('ends', () => {
  test('after GOAWAY a new tunnel is made, and the old streams go on', async () => {
    const lab = await new Lab().start();
    const old = await lab.connect();
    for (const tunnel of lab.server.tunnels) tunnel.shutdown();
    const got = new Collector(old);
    const again = async () => {
      await lab.connect();
      return lab.server.accepted;
    };
    await expect.poll(again).toBe(2);
    old.write(Buffer.from('still here'));
    await got.until(() => got.text === 'still here');
  });

  test('a tunnel without streams closes after the idle time', async () => {
    const lab = await new Lab({ idleMs: 1_000 }).start();
    await finish(await lab.connect());
    expect(lab.pool.size).toBe(1);
    await lab.clock.advance(ms(1_000));
    await expect.poll(() => lab.server.tunnels.size).toBe(0);
    await expect.poll(() => lab.pool.size).toBe(0);
  });

  test('a stream keeps its tunnel; an idle one beside it goes; the last goes after its stream', async () => {
    const lab = await new Lab({ streamsPerTunnel: 1, idleMs: 1_000 }).start();
    const lasting = await lab.connect();
    await finish(await lab.connect());
    await lab.clock.advance(ms(1_000));
    await expect.poll(() => lab.server.tunnels.size).toBe(1);
    await finish(lasting);
    await lab.clock.advance(ms(1_000));
    await expect.poll(() => lab.server.tunnels.size).toBe(0);
  });

  test('use restarts the idle time', async () => {
    const lab = await new Lab({ idleMs: 1_000 }).start();
    await finish(await lab.connect());
    await lab.clock.advance(ms(900));
    await finish(await lab.connect());
    await lab.clock.advance(ms(900));
    await finish(await lab.connect());
    expect(lab.server.accepted).toBe(1);
  });

  test('the longest idle goes when there are too many', async () => {
    const lab = await new Lab({ idleTunnels: 2 }).start();
    for (let i = 0; i < 3; i++) await finish(await lab.connect(fromIp(i)));
    await expect.poll(() => lab.pool.size).toBe(2);
    await finish(await lab.connect(fromIp(2)));
    expect(lab.server.accepted).toBe(3);
    await finish(await lab.connect(fromIp(0)));
    expect(lab.server.accepted).toBe(4);
  });

  test('a forgotten workload gets no new streams on old tunnels; those in progress go on', async () => {
    const lab = await new Lab().start();
    const old = await lab.connect();
    lab.pool.forgetWorkload('uid-1');
    await lab.connect();
    expect(lab.server.accepted).toBe(2);
    const got = new Collector(old);
    old.write(Buffer.from('on'));
    await got.until(() => got.text === 'on');
    old.end();
    await got.until(() => got.over !== undefined);
    await expect.poll(() => lab.server.tunnels.size).toBe(1);
  });

  test('tunnels of a peer whose certificate has been revoked are dropped', async () => {
    const lab = await new Lab().start();
    const got = new Collector(await lab.connect());
    lab.pool.dropPeers((peer) => peer.identity.uri === serverId.uri);
    await got.until(() => got.over !== undefined);
    expect(isFault(got.over, 'tunnel.lost')).toBe(true);
  });

  test('a tunnel that died while idle costs the next connection nothing', async () => {
    const lab = await new Lab().start();
    await finish(await lab.connect());
    for (const tunnel of lab.server.tunnels) tunnel.destroy();
    const got = new Collector(await lab.connect());
    expect(got.over).toBeUndefined();
  });
});

describe('failures', () => {
  test('a failed dial is told to everybody who waited for it, and is not remembered', async () => {
    const lab = await new Lab().start();
    lab.dialFault = new MeshError({ code: 'dial.refused' }, 'no');
    const outcomes = await Promise.allSettled([lab.connect(), lab.connect(), lab.connect()]);
    expect(outcomes.map((o) => o.status === 'rejected' && isFault(o.reason, 'dial.refused'))).toEqual([true, true, true]);
    expect([lab.dials, lab.pool.size]).toEqual([1, 0]);
    lab.dialFault = undefined;
    await lab.connect();
  });

  test('a server that is somebody else is refused', async () => {
    const lab = await new Lab().start();
    const failure: unknown = await lab.connect({ expected: [clientId] }).catch((e: unknown) => e);
    expect(isFault(failure, 'tls.peer')).toBe(true);
  });

  test('one who gives up leaves the others their dial; the last one ends it', async () => {
    const lab = await new Lab().start();
    const stop = new AbortController();
    const first = lab.pool.connect(lab.target(), request, stop.signal);
    const second = lab.connect();
    stop.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    await second;
    expect(lab.dials).toBe(1);
    const alone = new AbortController();
    const third = lab.pool.connect(lab.target({ workload: 'uid-9' }), request, alone.signal);
    alone.abort(new Error('enough'));
    await expect(third).rejects.toThrow('enough');
    await expect.poll(() => lab.pool.size).toBe(1);
  });

  test('closing the pool reaches those who wait', async () => {
    const lab = await new Lab().start();
    const waiting = lab.connect();
    lab.pool.close();
    await expect(waiting).rejects.toSatisfy((e) => isFault(e, 'pool.closed'));
    await expect(lab.connect()).rejects.toSatisfy((e) => isFault(e, 'pool.closed'));
  });

  test('no answer to CONNECT in time is a fault that says so', async () => {
    const lab = await new Lab({}, () => {}).start();
    const waiting = lab.connect().catch((e: unknown) => e);
    await expect.poll(() => [...lab.server.tunnels].some((t) => t.active > 0)).toBe(true);
    await lab.clock.advance(ms(10_000));
    const failure = await waiting;
    expect(isFault(failure, 'hbone.timeout')).toBe(true);
    await expect.poll(() => [...lab.server.tunnels].every((t) => t.active === 0)).toBe(true);
  });
});
