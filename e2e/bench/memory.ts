// What a tunnel holds in memory: as a process that has nothing to do, and for each connection that is open and idle.
// Uses nodes and tunnels of its own, so that no other bench's garbage is counted. There is no peer.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from '../lab/node.ts';
import type { Pod } from '../lab/pod.ts';
import type { Ztunnel } from '../lab/ztunnel.ts';
import { type Figure, figure } from './figures.ts';
import { need } from './installed.ts';
import { holdOpen } from './load/own.ts';
import { startIn } from './load/start.ts';
import { httpPort, startNginx } from './nginx.ts';
import { costOf } from './process-cost.ts';
import type { Stage } from './rounds.ts';
import { tunnelWish } from './testbed.ts';

/** Connections that are open before counting begins: what they bring into memory is code and pools, not connections. */
const firstConnections = 500;
const idleMs = 5_000;

const rss = ({ child }: Ztunnel): number => costOf(child.pid).rssMb;

export async function* memory({ bed: { lab }, plan, signal }: Stage): AsyncIterable<readonly Figure[]> {
  need('nginx');
  const [c, d] = [await lab.node('c'), await lab.node('d')];
  await fillCompileCache(c);
  const [client, server] = [await c.pod({ name: 'idle-client', captured: true }), await d.pod({ name: 'idle-server', captured: true })];
  const ends = { 'client side': await c.ztunnel(tunnelWish()), 'server side': await d.ztunnel(tunnelWish()) };
  await sleep(idleMs, undefined, { signal });
  yield [figure({ bench: 'memory', case: 'one worker, one pod' }, { metric: 'idle process', unit: 'MB', value: rss(ends['client side']) })];
  await using _nginx = await startNginx(server, `${lab.folder}/nginx-idle`);
  const counted = plan.quick ? 500 : 2_000;
  const grown = await growth(client, server, Object.values(ends), { counted, settle: plan.quick ? 2 : 5, signal });
  yield Object.keys(ends).map((role, at) =>
    figure(
      { bench: 'memory', case: `${counted.toLocaleString('en')} more connections` },
      { metric: `per idle connection, ${role}`, unit: 'kB', value: ((grown[at] ?? Number.NaN) * 1e3) / counted },
    ),
  );
}

/** The cache is written when a process ends properly. */
async function fillCompileCache(node: Node): Promise<void> {
  await using tunnel = await node.ztunnel(tunnelWish());
  await tunnel.stop();
}

interface Growth {
  readonly counted: number;
  /** Seconds without change that count as settled. */
  readonly settle: number;
  readonly signal: AbortSignal;
}

/** MB that `counted` more connections add to each tunnel. */
async function growth(
  client: Pod,
  server: Pod,
  tunnels: readonly Ztunnel[],
  { counted, settle, signal }: Growth,
): Promise<readonly number[]> {
  const to = { host: server.ip, port: httpPort };
  await using _first = await holdOpen(startIn(client), to, firstConnections);
  const before = await settled(tunnels, settle, signal);
  await using _more = await holdOpen(startIn(client), to, counted);
  const after = await settled(tunnels, settle, signal);
  return after.map((mb, at) => mb - (before[at] ?? Number.NaN));
}

/** MB of each tunnel once all have stayed within 1 MB for so many seconds; after half a minute, as it is. */
async function settled(tunnels: readonly Ztunnel[], seconds: number, signal: AbortSignal): Promise<readonly number[]> {
  const seen: (readonly number[])[] = [];
  for (let second = 0; second < 30; second++) {
    const now = tunnels.map(rss);
    seen.push(now);
    const recent = seen.slice(-seconds - 1);
    if (recent.length > seconds && recent.every((then) => then.every((mb, at) => Math.abs(mb - (now[at] ?? 0)) < 1))) break;
    await sleep(1_000, undefined, { signal });
  }
  return seen.at(-1) ?? [];
}
