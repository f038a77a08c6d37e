// What every data plane must do, whether its threads are threads or not: pods, traffic, certificates, policy, drain.
// Run for each implementation by data-plane.kernel.test.ts. Needs root: pods are network namespaces.
// What a connection itself goes through is tested elsewhere; here, that commands have their effect in all threads.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { closeFd, listenTcp } from '@ambient-mesh/host/sockets';
import { delta, ip, policy } from '@ambient-mesh/model/testing';
import { isFault } from '@ambient-mesh/runtime/errors';
import { Log } from '@ambient-mesh/runtime/log';
import { Metrics } from '@ambient-mesh/runtime/metrics';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Config } from '../config.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import type { DataPlane, DataPlanePorts } from './data-plane.ts';
import { clientPod, planeConfig, serverPod, type TwoPods, twoPods } from './testing/two-pods.ts';

export type OpenPlane = (config: Config, ports: DataPlanePorts) => Promise<DataPlane>;

const bothPods = delta({ workloads: [clientPod, serverPod] });
const podPorts = [15001, 15006, 15008, 15053, 15080];
const denyAll = policy({ name: 'deny', action: 'Deny', rules: [[]] });

export function dataPlaneSuite(name: string, open: OpenPlane): void {
  let world: TwoPods;
  let parts: AsyncDisposableStack;
  beforeEach(async () => {
    parts = new AsyncDisposableStack();
    world = parts.use(await twoPods());
  });
  afterEach(() => parts.disposeAsync());

  const start = async (env: Readonly<Record<string, string>> = {}): Promise<DataPlane> =>
    parts.use(await open(planeConfig(env), world.ports));
  const serving = async (env: Readonly<Record<string, string>> = {}): Promise<DataPlane> => {
    const plane = await start(env);
    await plane.send({ do: 'mesh', delta: bothPods });
    await plane.send(world.enrol('client'));
    await plane.send(world.enrol('server'));
    await plane.send({ do: 'serve' });
    return plane;
  };
  const connected = async (): Promise<Socket> => {
    const socket = await world.dialApp();
    if (socket === undefined) throw new Error('the entry refused');
    return socket;
  };
  const portsOpen = async (pod: 'client' | 'server'): Promise<readonly number[]> => {
    const open = await Promise.all(podPorts.map((port) => world.listens(pod, port)));
    return podPorts.filter((_, at) => open[at]);
  };

  describe(`${name}: pods`, () => {
    test('a pod has its listeners once it is enrolled, in both families, and others have none', async () => {
      const plane = await start();
      expect(await portsOpen('server')).toEqual([]);
      await plane.send(world.enrol('server'));
      expect(await portsOpen('server')).toEqual(podPorts);
      expect(await world.listens('server', 15008, 6)).toBe(true);
      expect(await portsOpen('client')).toEqual([]);
    });

    test('a port that is taken fails the pod, which then has none; free again, the pod can come', async () => {
      const plane = await start();
      const { fd } = listenTcp({ netns: world.server, ip: ip('::'), port: 15006, reusePort: false, transparent: 'off' });
      const why = await plane.send(world.enrol('server')).catch((e: unknown) => e);
      expect(isFault(why, 'host.bind')).toBe(true);
      expect(why).toMatchObject({ message: expect.stringContaining('15006') });
      expect(await portsOpen('server')).toEqual([15006]);
      const before = descriptors();
      await expect(plane.send(world.enrol('server'))).rejects.toThrow('15006');
      await vi.waitFor(() => expect(descriptors()).toBe(before));
      closeFd(fd);
      await plane.send(world.enrol('server'));
      expect(await portsOpen('server')).toEqual(podPorts);
    });

    test('a pod that is removed has none, and leaves no descriptor', async () => {
      const plane = await start();
      const comeAndGo = async (): Promise<void> => {
        await plane.send(world.enrol('server'));
        await plane.send({ do: 'remove', pod: 'server' });
        await vi.waitFor(async () => expect(await portsOpen('server')).toEqual([]));
      };
      // Each thread keeps a descriptor of its own namespace from its first pod on.
      await comeAndGo();
      const before = descriptors();
      await comeAndGo();
      await vi.waitFor(() => expect(descriptors()).toBe(before));
    });

    test('a pod enrolled again in another namespace leaves the first', async () => {
      const plane = await start();
      await plane.send(world.enrol('server'));
      await plane.send({ ...world.enrol('server'), netnsFd: world.client.fd });
      await vi.waitFor(async () => expect(await portsOpen('server')).toEqual([]));
      expect(await portsOpen('client')).toEqual(podPorts);
    });

    test('removing what is not there is fine', async () => {
      const plane = await start();
      await plane.send({ do: 'remove', pod: 'nobody' });
    });

    test('closed, the data plane leaves nothing open', async () => {
      const plane = await start();
      await plane.send(world.enrol('server'));
      await plane[Symbol.asyncDispose]();
      await vi.waitFor(async () => expect(await portsOpen('server')).toEqual([]));
    });
  });

  describe(`${name}: traffic`, () => {
    test('nothing is accepted until told to serve; what waited is served then', async () => {
      const plane = await start();
      await plane.send({ do: 'mesh', delta: bothPods });
      await plane.send(world.enrol('client'));
      await plane.send(world.enrol('server'));
      const early = world.dialApp();
      expect(await Promise.race([early, plane.connections().then(() => 'waiting')])).toBe('waiting');
      await plane.send({ do: 'serve' });
      await expectEcho(await early);
    });

    test('a pod enrolled later is served at once', async () => {
      const plane = await start();
      await plane.send({ do: 'serve' });
      await plane.send({ do: 'mesh', delta: bothPods });
      await plane.send(world.enrol('server'));
      await plane.send(world.enrol('client'));
      await expectEcho(await connected());
    });

    test('connections of all threads are listed by pod', async () => {
      const plane = await serving();
      const open = await Promise.all(Array.from({ length: 8 }, connected));
      await Promise.all(open.map((socket) => expectEcho(socket)));
      const rows = new Map((await plane.connections()).map(({ pod, ...sides }) => [pod, sides]));
      expect([...rows.keys()].sort()).toEqual(['client', 'server']);
      expect(rows.get('client')).toEqual({
        inbound: [],
        outbound: Array(8).fill(
          expect.objectContaining({ protocol: 'HBONE', originalDst: `10.77.0.2:${world.app.port}`, actualDst: '10.77.0.2:15008' }),
        ),
      });
      expect(rows.get('server')).toEqual({
        inbound: Array(8).fill(expect.objectContaining({ protocol: 'HBONE', actualDst: `10.77.0.2:${world.app.port}` })),
        outbound: [],
      });
      for (const socket of open) socket.destroy();
      await vi.waitFor(async () => {
        expect((await plane.connections()).flatMap(({ inbound, outbound }) => [...inbound, ...outbound])).toEqual([]);
      });
    });

    test('what all threads count adds up', async () => {
      const plane = await serving();
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          const socket = await connected();
          await expectEcho(socket);
          socket.end();
        }),
      );
      const metrics = new Metrics();
      const total = mainMetrics(metrics);
      await vi.waitFor(async () => {
        const snapshots = await plane.metrics();
        expect(snapshots).toHaveLength(plane.threads.length);
        for (const [thread, snapshot] of snapshots.entries()) metrics.merge(`${thread}`, snapshot);
        expect([await total('opened', 'source'), await total('closed', 'source'), await total('closed', 'destination')]).toEqual([8, 8, 8]);
      });
    });

    test('every thread says how busy it was', async () => {
      const plane = await start();
      expect(plane.threads.map(({ name: thread }) => thread)).toEqual(plane.threads.map((_, n) => `ztunnel-${n}`));
      for (const { busySeconds } of plane.threads) expect(busySeconds()).toBeGreaterThanOrEqual(0);
    });
  });

  describe(`${name}: certificates`, () => {
    test('each thread asks once for each identity', async () => {
      const plane = await serving();
      await Promise.all(Array.from({ length: 8 }, async () => expectEcho(await connected())));
      for (const { identity } of [clientPod, serverPod]) {
        const times = world.asked.filter((uri) => uri === identity.uri).length;
        expect(times).toBeGreaterThanOrEqual(1);
        expect(times).toBeLessThanOrEqual(plane.threads.length);
      }
      expect(new Set(world.asked)).toEqual(new Set([clientPod.identity.uri, serverPod.identity.uri]));
    });

    test('what is forgotten is asked for again', async () => {
      const plane = await serving();
      await expectEcho(await connected());
      for (const { identity } of [clientPod, serverPod]) await plane.send({ do: 'forget-identity', uri: identity.uri });
      const before = world.asked.length;
      // New tunnels only: the pooled ones have what they need.
      await plane.send({ do: 'remove', pod: 'client' });
      await plane.send(world.enrol('client'));
      await expectEcho(await connected());
      expect(world.asked.length).toBeGreaterThan(before);
    });
  });

  describe(`${name}: policy`, () => {
    test('a policy that comes cuts what it forbids and refuses what follows; without it connections come again', async () => {
      const plane = await serving();
      const open = await Promise.all(Array.from({ length: 4 }, connected));
      await Promise.all(open.map((socket) => expectEcho(socket)));
      const closed = open.map(closing);
      await plane.send({ do: 'mesh', delta: delta({ policies: [denyAll] }) });
      await Promise.all(closed);
      await closing(await connected());
      await plane.send({ do: 'mesh', delta: delta({ removedPolicies: [denyAll.key] }) });
      await expectEcho(await connected());
    });
  });

  test(`${name}: a pod that goes and comes back under another policy: connections that lasted are judged by it`, async () => {
    const plane = await serving();
    await plane.send({ do: 'mesh', delta: delta({ policies: [{ ...denyAll, scope: 'WorkloadSelector' }] }) });
    const socket = await connected();
    await expectEcho(socket);
    const closed = closing(socket);
    await plane.send({ do: 'mesh', delta: delta({ removedAddresses: [serverPod.uid] }) });
    await expectEcho(socket);
    await plane.send({ do: 'mesh', delta: delta({ workloads: [{ ...serverPod, authorizationPolicies: [denyAll.key] }] }) });
    await closed;
  });

  describe(`${name}: the end`, () => {
    test('a removed pod is cut at once, whoever waits for its certificate included', async () => {
      const plane = parts.use(await open(planeConfig(), { ...world.ports, credentialsFor: () => new Promise(() => {}) }));
      await plane.send({ do: 'mesh', delta: bothPods });
      await plane.send(world.enrol('server'));
      await plane.send({ do: 'serve' });
      const socket = world.dial('server', { ip: world.app.ip, port: 15_008 });
      await once(socket, 'connect');
      const closed = closing(socket);
      await plane.send({ do: 'remove', pod: 'server' });
      await closed;
    });

    test('a removed pod is cut at once', async () => {
      const plane = await serving();
      const socket = await connected();
      await expectEcho(socket);
      const closed = closing(socket);
      await plane.send({ do: 'remove', pod: 'client' });
      await closed;
    });

    test('a drain closes the listeners, waits for open connections and no longer', async () => {
      const plane = await serving({ CONNECTION_TERMINATION_DEADLINE: '60s' });
      const socket = await connected();
      await expectEcho(socket);
      const drained = plane.send({ do: 'drain' });
      await vi.waitFor(async () => expect(await portsOpen('client')).toEqual([]));
      await expectEcho(socket);
      expect(await Promise.race([drained, plane.connections().then(() => 'draining')])).toBe('draining');
      socket.end();
      await drained;
    });

    test('a drain without connections is over at once', async () => {
      const plane = await serving({ CONNECTION_TERMINATION_DEADLINE: '60s' });
      await plane.send({ do: 'drain' });
    });

    test('at its deadline a drain cuts what is still open', async () => {
      const plane = await serving({ CONNECTION_TERMINATION_DEADLINE: '100ms' });
      const socket = await connected();
      await expectEcho(socket);
      const closed = closing(socket);
      await plane.send({ do: 'drain' });
      await closed;
    });
  });

  test(`${name}: log directives that cannot be read are refused, and change nothing`, async () => {
    const plane = await start();
    await expect(plane.send({ do: 'log-level', directives: 'chatty' })).rejects.toMatchObject({ fault: { code: 'log.bad-directives' } });
    await plane.send({ do: 'log-level', directives: 'off,dns=error' });
  });
}

let said = 0;
async function expectEcho(socket: Socket | undefined): Promise<void> {
  if (socket === undefined) return expect.unreachable();
  const word = `word ${said++};`;
  let heard = '';
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const listen = (bytes: Buffer): void => {
    heard += bytes.toString();
    if (heard === word) resolve();
  };
  const gone = (): void => reject(new Error(`closed after ${JSON.stringify(heard)}`));
  socket.on('data', listen).on('close', gone).resume();
  socket.write(word);
  await promise;
  socket.off('data', listen).off('close', gone);
}

/** Settles when the peer has let go of it. */
function closing(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket
    .on('end', resolve)
    .on('close', () => resolve())
    .resume();
  return promise;
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Main's own series, to which the snapshots of the threads are added. */
function mainMetrics(metrics: Metrics) {
  new Telemetry(metrics, new Log({ format: 'plain', directives: 'off', write: () => {}, clock: systemClock }), systemClock);
  return async (what: 'opened' | 'closed', reporter: 'source' | 'destination'): Promise<number> => {
    const lines = (await metrics.text())
      .split('\n')
      .filter((line) => line.startsWith(`istio_tcp_connections_${what}_total{`) && line.includes(`reporter="${reporter}"`));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
}
