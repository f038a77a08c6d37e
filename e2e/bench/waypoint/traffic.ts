// What a waypoint makes of traffic: requests and calls as fast as they go, what it adds at a constant rate, and large bodies.
// Each is a function of the stage that gives figures; main.ts lists them.
import { compare, type Figure, figure, type Reading, type Side } from '../figures.ts';
import { need } from '../installed.ts';
import { type Http2Order, http2 } from '../load/h2load.ts';
import { bodies, steadyRate } from '../load/own.ts';
import { http } from '../load/wrk.ts';
import { costOf } from '../process-cost.ts';
import type { BodiesOrder } from '../programs/bodies.ts';
import { inRounds, type Measure, type Rounds } from '../rounds.ts';
import type { MeshBed, MeshPath } from './mesh-bed.ts';
import { ports } from './programs.ts';

export interface MeshStage extends Rounds<MeshPath> {
  readonly bed: MeshBed;
}

export type MeshBench = (stage: MeshStage) => AsyncIterable<readonly Figure[]>;

export const bench = 'waypoint';
/** Code is compiled as it runs; a second is too short for the warm-up of a proxy that other processes share two cores with. */
const warm = (stage: MeshStage): MeshStage => ({
  ...stage,
  plan: { ...stage.plan, warmUpSeconds: Math.max(2, stage.plan.warmUpSeconds * 3) },
});

export async function* http1Requests(stage: MeshStage): AsyncIterable<readonly Figure[]> {
  need('wrk');
  const { bed } = stage;
  const sides = await inRounds(warm(stage), bed.paths('served', 'plain', 'haproxy', 'nginx'), measureHttp1(bed));
  yield compare({ bench, case: 'HTTP/1.1, 32 connections' }, sides);
}

const measureHttp1 =
  ({ client }: MeshBed): Measure<MeshPath> =>
  async ({ host }, seconds) => {
    const { perSecond, requests, p50Ms, p99Ms } = await http(
      client,
      { host, port: ports.http },
      { connections: 32, seconds, fresh: false },
    );
    const readings = [
      { metric: 'requests', unit: '1/s', value: perSecond },
      { metric: 'p50', unit: 'ms', value: p50Ms },
      { metric: 'p99', unit: 'ms', value: p99Ms },
    ];
    return { readings, moved: { requests } };
  };

export async function* http2Requests(stage: MeshStage): AsyncIterable<readonly Figure[]> {
  need('h2load');
  const { bed } = stage;
  for (const grpc of [false, true]) {
    const sides = await inRounds(
      warm(stage),
      bed.paths('served', 'plain', 'nghttpx'),
      measureHttp2(bed, { connections: 8, streams: 8, grpc }),
    );
    yield compare({ bench, case: `${grpc ? 'gRPC unary' : 'HTTP/2'}, 8 connections of 8 streams` }, sides);
  }
}

const measureHttp2 =
  ({ client }: MeshBed, order: Omit<Http2Order, 'seconds'>): Measure<MeshPath> =>
  async ({ host }, seconds) => {
    const { perSecond, requests } = await http2(client, { host, port: ports.h2 }, { ...order, seconds });
    return { readings: [{ metric: 'requests', unit: '1/s', value: perSecond }], moved: { requests } };
  };

export async function* addedLatency(stage: MeshStage): AsyncIterable<readonly Figure[]> {
  const { bed } = stage;
  const subject = { bench, case: '1,000 requests/s' };
  const sides = await inRounds(warm(stage), bed.paths('served', 'plain'), measureLatency(bed));
  yield [...compare(subject, sides), ...['p50', 'p99'].map((metric) => figure(subject, added(sides, metric)))];
}

const measureLatency =
  ({ client }: MeshBed): Measure<MeshPath> =>
  async ({ host }, seconds) => {
    const order = { host, port: ports.http, perSecond: 1_000, seconds, connections: 16 };
    const { p50Ms, p99Ms, answered } = await steadyRate(client, order);
    const readings = [
      { metric: 'p50', unit: 'ms', value: p50Ms },
      { metric: 'p99', unit: 'ms', value: p99Ms },
    ];
    return { readings, moved: { requests: answered } };
  };

/** What the waypoint adds to the way past it. */
function added(sides: ReadonlyMap<Side, readonly Reading[]>, metric: string): Reading {
  const value = (side: Side): number => sides.get(side)?.find((reading) => reading.metric === metric)?.value ?? Number.NaN;
  return { metric: `added ${metric}`, unit: 'ms', value: value('ours') - value('no waypoint') };
}

export async function* largeBodies(stage: MeshStage): AsyncIterable<readonly Figure[]> {
  const { bed } = stage;
  for (const [size, octets] of [
    ['10 MB', 10e6],
    ['1 GB', 1e9],
  ] as const) {
    for (const direction of ['upload', 'download'] as const) {
      const sides = await inRounds(warm(stage), bed.paths('served', 'plain'), measureBodies(bed, { octets, direction }));
      yield compare({ bench, case: `bodies of ${size}, ${direction}` }, sides);
    }
  }
}

const measureBodies =
  ({ client, waypoint }: MeshBed, order: Pick<BodiesOrder, 'octets' | 'direction'>): Measure<MeshPath> =>
  async ({ host, side }, seconds) => {
    const before = costOf(waypoint.child.pid).rssMb;
    let most = before;
    using _watch = every(20, () => {
      most = Math.max(most, costOf(waypoint.child.pid).rssMb);
    });
    const report = await bodies(client, { host, port: ports.bodies, ...order, seconds });
    const gigabytes = (report.bodies * order.octets) / 1e9;
    const throughput = { metric: 'throughput', unit: 'Gbit/s', value: (gigabytes * 8) / report.seconds };
    const grown = { metric: 'most RSS over that before', unit: 'MB', value: most - before };
    return { readings: side === 'ours' ? [throughput, grown] : [throughput], moved: { gigabytes } };
  };

function every(milliseconds: number, work: () => void): Disposable {
  const timer = setInterval(work, milliseconds);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
