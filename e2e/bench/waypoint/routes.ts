// What 5,000 routes on one service cost against one: request rate, memory, and the time from the API's answer to a change until requests feel it.
// Routes are written by the API directly, as a controller would; kubectl's start is not what is measured.
import { eventually } from '../../lab/eventually.ts';
import { compare, type Figure, figure, median, type Reading } from '../figures.ts';
import { need } from '../installed.ts';
import { watchMark } from '../load/own.ts';
import { http } from '../load/wrk.ts';
import { costOf } from '../process-cost.ts';
import { inRounds } from '../rounds.ts';
import { namespace, route } from './manifests.ts';
import type { MeshBed } from './mesh-bed.ts';
import { ports } from './programs.ts';
import { bench, type MeshStage } from './traffic.ts';

const atOnce = 16;
const patienceMs = 60_000;
const base = `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes`;

export async function* manyRoutes(stage: MeshStage): AsyncIterable<readonly Figure[]> {
  need('wrk');
  const { bed, plan } = stage;
  const count = plan.quick ? 1_000 : 5_000;
  const subject = { bench, case: `${count.toLocaleString('en')} routes on one service` };
  try {
    await put(bed, [0], 'first');
    const one = await rate(stage);
    const before = costOf(bed.waypoint.child.pid).rssMb;
    await put(
      bed,
      Array.from({ length: count - 1 }, (_, i) => i + 1),
      'first',
    );
    await effect(bed, count - 1, 'last');
    await eventually(() => allTold(bed), { timeoutMs: patienceMs, everyMs: 1_000, what: 'a status of every route' });
    const all = await rate(stage);
    yield compare(
      subject,
      new Map([
        ['ours', all],
        ['1 route', one],
      ]),
    );
    yield [figure(subject, { metric: 'more memory', unit: 'MB', value: costOf(bed.waypoint.child.pid).rssMb - before })];
    yield (await effects(bed, count, plan.quick ? 50 : 300)).map((reading) => figure(subject, reading));
  } finally {
    await bed.api.remove(base);
  }
}

/** Of the first route, which all others come after. */
async function rate(stage: MeshStage): Promise<readonly Reading[]> {
  const { bed } = stage;
  const plan = { ...stage.plan, warmUpSeconds: 2 };
  const sides = await inRounds({ ...stage, plan }, [bed.served], async ({ host }, seconds) => {
    const order = { connections: 32, seconds, fresh: false, path: '/route/0/and/more' };
    const { perSecond, requests } = await http(bed.client, { host, port: ports.http }, order);
    return { readings: [{ metric: 'requests', unit: '1/s', value: perSecond }], moved: { requests } };
  });
  return sides.get('ours') ?? [];
}

async function put({ api }: MeshBed, numbers: readonly number[], mark: string): Promise<void> {
  const left = numbers[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const number of left) {
        const answer = await api.post(base, JSON.parse(JSON.stringify(route(number, mark))));
        if (answer.status !== 201) throw new Error(`route ${number}: ${answer.text}`);
      }
    }),
  );
}

/** Writing what became of each takes the control plane longer than telling the waypoint, and would be measured too. */
async function allTold({ api }: MeshBed): Promise<true | undefined> {
  const { text } = await api.get(base);
  const { items } = JSON.parse(text) as { readonly items: readonly { readonly status?: { readonly parents?: readonly object[] } }[] };
  return items.every(({ status }) => status?.parents?.length === 1) ? true : undefined;
}

/** Changes of single routes all over the list, each from the call of the API until an answer shows it. */
async function effects(bed: MeshBed, count: number, changes: number): Promise<readonly Reading[]> {
  const took: number[] = [];
  for (let i = 0; i < changes; i++) took.push(await effect(bed, (i * 997) % count, `change-${i}`));
  const sorted = took.toSorted((a, b) => a - b);
  return [
    { metric: 'change to effect p50', unit: 'ms', value: median(took) },
    { metric: 'change to effect p99', unit: 'ms', value: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN },
  ];
}

/** Milliseconds. The route's path is asked for all the time. */
async function effect({ api, client, served }: MeshBed, number: number, mark: string): Promise<number> {
  await using watched = watchMark(client, { host: served.host, port: ports.http, path: `/route/${number}` });
  await watched.line(/^\S+ [\d.]+$/);
  const change = route(number, mark);
  const began = performance.timeOrigin + performance.now();
  const answer = await api.patch(`${base}/${change.metadata.name}`, JSON.parse(JSON.stringify(change)));
  if (answer.status !== 200) throw new Error(`route ${number}: ${answer.text}`);
  const line = await watched.line(new RegExp(`^${mark} [\\d.]+$`), patienceMs);
  return Number(line.split(' ')[1]) - began;
}
