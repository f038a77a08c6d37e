// What a bench says: readings of one round, their medians over the rounds, and figures that set ours beside each peer's. Pure.
// A figure is one line of `--json FILE`; table.ts prints them for people, targets.ts judges them.

/** The first two are ways without what is measured. A hop does what the waypoint does, in its place. */
const peers = ['direct', 'no waypoint', '1 route', 'HAProxy TLS pair', 'HAProxy relay', 'HAProxy hop', 'nginx hop', 'nghttpx hop'] as const;
export type Peer = (typeof peers)[number];
/** Whose round it was. */
export type Side = Peer | 'ours';

/** One number of one round. */
export interface Reading {
  readonly metric: string;
  readonly unit: string;
  readonly value: number;
}

export interface Figure {
  /** Name by which a user selects it. */
  readonly bench: string;
  readonly case: string;
  readonly metric: string;
  readonly unit: string;
  readonly ours: number;
  /** Null where there is none to compare with. */
  readonly peer: Peer | null;
  readonly theirs: number | null;
  /** Ours by theirs; null without a peer, or when theirs is 0. */
  readonly ratio: number | null;
}

export type Subject = Pick<Figure, 'bench' | 'case'>;

/** Of an even number of values, the mean of the middle two. Throws RangeError for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new RangeError('the median of no values');
  return (lower + upper) / 2;
}

/** One reading per metric: its median over the rounds that have it. Metrics keep the order of their first appearance. */
export function medians(rounds: readonly (readonly Reading[])[]): readonly Reading[] {
  const byMetric = Map.groupBy(rounds.flat(), ({ metric }) => metric);
  return Array.from(byMetric.values(), (readings) => ({ ...(readings[0] as Reading), value: median(readings.map(({ value }) => value)) }));
}

/** A figure per metric of ours and peer that has the metric too; a metric that no peer has makes one figure without a peer. */
export function compare(subject: Subject, sides: ReadonlyMap<Side, readonly Reading[]>): readonly Figure[] {
  return (sides.get('ours') ?? []).flatMap((reading) => {
    const theirs = peers.flatMap((peer) => {
      const match = sides.get(peer)?.find(({ metric }) => metric === reading.metric);
      return match === undefined ? [] : [figure(subject, reading, { peer, value: match.value })];
    });
    return theirs.length > 0 ? theirs : [figure(subject, reading)];
  });
}

export function figure(
  subject: Subject,
  { metric, unit, value }: Reading,
  against?: { readonly peer: Peer; readonly value: number },
): Figure {
  const line = { bench: subject.bench, case: subject.case, metric, unit, ours: rounded(value) };
  if (against === undefined) return { ...line, peer: null, theirs: null, ratio: null };
  const ratio = against.value === 0 ? null : rounded(value / against.value);
  return { ...line, peer: against.peer, theirs: rounded(against.value), ratio };
}

/** Four significant digits: more would be noise. */
const rounded = (value: number): number => (Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(4)));
