// The benches that send traffic over every path: bulk bytes across nodes and on one, HTTP requests, new connections, a constant rate.
// Each is a function of the stage that gives figures; main.ts lists them.
import { compare, type Figure, figure, type Reading, type Side, type Subject } from './figures.ts';
import { need } from './installed.ts';
import { type BulkOrder, bulk } from './load/iperf.ts';
import { steadyRate } from './load/own.ts';
import { startIn } from './load/start.ts';
import { type HttpOrder, http } from './load/wrk.ts';
import { inRounds, type Measure, type Stage } from './rounds.ts';
import type { Testbed } from './testbed.ts';

/** One case after the other, each handed on as soon as it is there. */
export type Bench = (stage: Stage) => AsyncIterable<readonly Figure[]>;

const directions = ['upload', 'download'] as const;
const streamsText = (streams: number): string => (streams === 1 ? '1 stream' : `${streams} streams`);

export async function* bulkAcrossNodes(stage: Stage): AsyncIterable<readonly Figure[]> {
  need('iperf3');
  for (const streams of stage.plan.quick ? [1] : [1, 4, 16]) {
    for (const direction of directions) {
      const sides = await inRounds(stage, stage.bed.across, measureBulk(stage.bed, { streams, direction }));
      yield compare({ bench: 'bulk', case: `${streamsText(streams)}, ${direction}` }, sides);
    }
  }
}

export async function* bulkOnOneNode(stage: Stage): AsyncIterable<readonly Figure[]> {
  need('iperf3');
  for (const streams of stage.plan.quick ? [1] : [1, 4]) {
    const sides = await inRounds(stage, stage.bed.local, measureBulk(stage.bed, { streams, direction: 'upload' }));
    yield compare({ bench: 'local', case: streamsText(streams) }, sides);
  }
}

const measureBulk =
  ({ client }: Testbed, order: Omit<BulkOrder, 'seconds'>): Measure =>
  async (path, seconds) => {
    const { gbitPerSecond, gigabytes } = await bulk(startIn(client), startIn(path.server), path.bulk, { ...order, seconds });
    return { readings: [{ metric: 'throughput', unit: 'Gbit/s', value: gbitPerSecond }], moved: { gigabytes } };
  };

export async function* keepAliveRequests(stage: Stage): AsyncIterable<readonly Figure[]> {
  need('wrk', 'nginx');
  for (const connections of [1, 32]) {
    const sides = await inRounds(stage, stage.bed.across, measureHttp(stage.bed, { connections, fresh: false }));
    yield compare({ bench: 'http', case: connections === 1 ? '1 connection' : `${connections} connections` }, sides);
  }
}

export async function* newConnections(stage: Stage): AsyncIterable<readonly Figure[]> {
  need('wrk', 'nginx');
  // Opening a connection runs through more of the tunnel's code than anything else, and the compiler needs its time to see all of it.
  const plan = { ...stage.plan, warmUpSeconds: stage.plan.warmUpSeconds * 10 };
  const sides = await inRounds({ ...stage, plan }, stage.bed.across, measureHttp(stage.bed, { connections: 32, fresh: true }));
  yield compare({ bench: 'connect', case: 'a connection per request, 32 at a time' }, sides);
}

const measureHttp =
  ({ client }: Testbed, order: Omit<HttpOrder, 'seconds'>): Measure =>
  async (path, seconds) => {
    const { perSecond, requests, p50Ms, p99Ms } = await http(startIn(client), path.http, { ...order, seconds });
    const readings = [
      { metric: 'requests', unit: '1/s', value: perSecond },
      { metric: 'p50', unit: 'ms', value: p50Ms },
      { metric: 'p99', unit: 'ms', value: p99Ms },
    ];
    return { readings, moved: { requests } };
  };

export async function* latency(stage: Stage): AsyncIterable<readonly Figure[]> {
  need('nginx');
  const paths = stage.bed.across.filter(({ side }) => side === 'direct' || side === 'ours');
  for (const perSecond of [1_000, 5_000]) {
    const subject = { bench: 'latency', case: `${perSecond.toLocaleString('en')} requests/s` };
    const sides = await inRounds(stage, paths, measureLatency(stage.bed, perSecond));
    yield [...compare(subject, sides), ...added(subject, sides)];
  }
}

const measureLatency =
  ({ client }: Testbed, perSecond: number): Measure =>
  async (path, seconds) => {
    const { p50Ms, p99Ms, answered } = await steadyRate(startIn(client), { ...path.http, perSecond, seconds, connections: 16 });
    const readings = [
      { metric: 'p50', unit: 'ms', value: p50Ms },
      { metric: 'p99', unit: 'ms', value: p99Ms },
    ];
    return { readings, moved: { requests: answered } };
  };

/** What the tunnels add to the direct way. */
function added(subject: Subject, sides: ReadonlyMap<Side, readonly Reading[]>): readonly Figure[] {
  const value = (side: Side, metric: string): number => sides.get(side)?.find((reading) => reading.metric === metric)?.value ?? Number.NaN;
  return ['p50', 'p99'].map((metric) =>
    figure(subject, { metric: `added ${metric}`, unit: 'ms', value: value('ours', metric) - value('direct', metric) }),
  );
}
