// The columns of the table: what each shows of an edge and what it is sorted by. Pure.
// parts/table.ts draws them; the order here is the order on the screen.
import type { GraphEdge } from '../../src/graph.ts';
import { byteRate, count, milliseconds, nothing, percent, rate } from './figures.ts';
import { isDenied, nameOf, security, traffic } from './words.ts';

export const columnIds = [
  'from',
  'to',
  'security',
  'protocol',
  'traffic',
  'connections',
  'open',
  'requests',
  'errors',
  'p50',
  'p99',
  'denied',
] as const;
export type ColumnId = (typeof columnIds)[number];

interface Column {
  readonly title: string;
  readonly text: (edge: GraphEdge) => string;
  /** Text sorts by the alphabet, figures by size; what has no figure is the smallest. */
  readonly key: (edge: GraphEdge) => string | number;
  readonly isFigure: boolean;
  /** Left out where the screen is narrow; the panel has it. */
  readonly minor: boolean;
}

/** Worst first when descending. */
const risk = { none: 4, mixed: 3, unknown: 2, local: 1, mutual_tls: 0 } as const;

export const columns: Readonly<Record<ColumnId, Column>> = {
  from: { title: 'From', text: (edge) => nameOf(edge.from), key: (edge) => nameOf(edge.from), isFigure: false, minor: false },
  to: { title: 'To', text: (edge) => nameOf(edge.to), key: (edge) => nameOf(edge.to), isFigure: false, minor: false },
  security: {
    title: 'Security',
    text: (edge) => security[edge.security].short,
    key: (edge) => risk[edge.security],
    isFigure: false,
    minor: false,
  },
  protocol: {
    title: 'Protocol',
    text: (edge) => edge.protocol.toUpperCase(),
    key: (edge) => edge.protocol,
    isFigure: false,
    minor: true,
  },
  traffic: { title: 'Traffic', text: (edge) => byteRate(traffic(edge)), key: traffic, isFigure: true, minor: false },
  connections: figure('Conn/s', (edge) => edge.connectionsPerSecond, rate),
  open: figure('Open', (edge) => edge.openConnections, count),
  requests: figure('Req/s', (edge) => edge.http?.requestsPerSecond, rate),
  errors: figure('Errors', (edge) => edge.http?.errorRate, percent),
  p50: figure('p50', (edge) => edge.http?.p50Ms, milliseconds),
  p99: figure('p99', (edge) => edge.http?.p99Ms, milliseconds),
  denied: {
    title: 'Denied',
    text: (edge) => (isDenied(edge) ? [count(edge.denials), ...edge.deniedBy.slice(0, 1)].join(' · ') : nothing),
    key: (edge) => edge.denials,
    isFigure: true,
    minor: false,
  },
};

function figure(title: string, of: (edge: GraphEdge) => number | undefined, write: (n: number) => string): Column {
  return {
    title,
    text: (edge) => {
      const value = of(edge);
      return value === undefined ? nothing : write(value);
    },
    key: (edge) => of(edge) ?? -1,
    isFigure: true,
    minor: true,
  };
}

/** A sorted copy. Equals keep the order of their ids, so that rows do not jump about at each poll. */
export function sorted(edges: readonly GraphEdge[], column: ColumnId, descending: boolean): GraphEdge[] {
  const { key } = columns[column];
  const sign = descending ? -1 : 1;
  const keyed = edges.map((edge) => ({ edge, key: key(edge) }));
  keyed.sort((a, b) => sign * compare(a.key, b.key) || compare(a.edge.id, b.edge.id));
  return keyed.map(({ edge }) => edge);
}

function compare(a: string | number, b: string | number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
