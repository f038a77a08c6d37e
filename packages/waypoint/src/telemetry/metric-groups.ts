// Which labels each metric of a chain has. Metrics with the same labels form a group, so that the values are put together once for all of them. Pure.
// Made by chain-telemetry.ts, carried out by traffic-metrics.ts.
import type { Entry } from './entry.ts';
import type { Expression } from './expression.ts';
import { requestLabelNames, tcpLabelNames } from './labels.ts';

/** By the names of the Telemetry API (facts: control-plane §6.8). */
const requestMetrics = [
  'REQUEST_COUNT',
  'REQUEST_DURATION',
  'REQUEST_SIZE',
  'RESPONSE_SIZE',
  'GRPC_REQUEST_MESSAGES',
  'GRPC_RESPONSE_MESSAGES',
] as const;
const tcpMetrics = ['TCP_OPENED_CONNECTIONS', 'TCP_CLOSED_CONNECTIONS', 'TCP_SENT_BYTES', 'TCP_RECEIVED_BYTES'] as const;
export type MetricId = (typeof requestMetrics)[number] | (typeof tcpMetrics)[number];

/** A tag without a value is taken away: its label is empty, which to Prometheus is the same as absent. */
type Tags = ReadonlyMap<string, Expression | undefined>;
/** By metric, or `ALL_METRICS`. */
export type MetricEdits = Map<string, { readonly disabled: boolean; readonly tags: Tags }>;

export interface Group {
  readonly metrics: ReadonlySet<MetricId>;
  readonly names: readonly string[];
  /** Undefined: the values are the usual ones, in their order. */
  readonly values: ((usual: readonly string[], entry: Entry) => readonly string[]) | undefined;
}

export function groupsOf(kind: 'request' | 'tcp', edits: MetricEdits): readonly Group[] {
  const [ids, usual] = kind === 'request' ? [requestMetrics, requestLabelNames] : [tcpMetrics, tcpLabelNames];
  const none: Tags = new Map();
  const seen: (Expression | undefined)[] = [undefined];
  const groups = new Map<string, { readonly tags: Tags; readonly metrics: Set<MetricId> }>();
  for (const id of ids) {
    const edit = edits.get(id) ?? edits.get('ALL_METRICS');
    if (edit?.disabled === true) continue;
    const tags = edit?.tags ?? none;
    // The same expressions are the same objects where an override is for all metrics.
    for (const value of tags.values()) if (!seen.includes(value)) seen.push(value);
    const key = Array.from(tags, ([name, value]) => `${name} ${seen.indexOf(value)}`).join();
    const group = groups.get(key) ?? { tags, metrics: new Set() };
    group.metrics.add(id);
    groups.set(key, group);
  }
  return Array.from(groups.values(), ({ tags, metrics }) => ({ metrics, ...labelsOf(usual, tags) }));
}

function labelsOf(usual: readonly string[], tags: Tags): Pick<Group, 'names' | 'values'> {
  if (tags.size === 0) return { names: usual, values: undefined };
  // In one order, so that the same labels are the same series.
  const added = [...tags.keys()].filter((name) => tags.get(name) !== undefined && isLabel(name) && !usual.includes(name)).sort();
  const names = [...usual, ...added];
  const values: NonNullable<Group['values']> = (given, entry) =>
    names.map((name, at) => {
      const value = tags.get(name);
      if (value !== undefined) return textOf(value(entry));
      return tags.has(name) ? '' : (given[at] ?? '');
    });
  return { names, values };
}

/** A label that Prometheus would refuse costs the whole page. */
const isLabel = (name: string): boolean => /^[A-Za-z_]\w*$/.test(name) && !name.startsWith('__') && name !== 'le' && name !== 'quantile';

/** A value says at most so much: clients have a hand in it. Copied, so that a series does not keep a whole request head alive. */
const longestValue = 256;
const textOf = (value: ReturnType<Expression>): string =>
  value === undefined || value === '' ? 'unknown' : Buffer.from(String(value).slice(0, longestValue)).toString();
