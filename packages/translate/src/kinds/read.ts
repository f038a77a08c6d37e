// Reads objects as the API server sends them, field by field: a field of the wrong type counts as absent, and nothing throws.
// Used by the kinds beside it only.
import type { Condition, LabelSelector, Labels, Meta } from './meta.ts';

export type Raw = Readonly<Record<string, unknown>>;

const nothing: Raw = Object.freeze({});
const noItems: readonly never[] = Object.freeze([]);
const noLabels: Labels = Object.freeze({});

export const isRaw = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value);
export const raw = (value: unknown): Raw => (isRaw(value) ? value : nothing);
export const items = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : noItems);
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');
export const whole = (value: unknown): number => (typeof value === 'number' && Number.isInteger(value) ? value : 0);
/** Undefined where there is no whole number, unlike 0. */
export const count = (value: unknown): number | undefined => (typeof value === 'number' && Number.isInteger(value) ? value : undefined);
/** Undefined where there is no text, unlike the empty one. */
export const said = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
export const flag = (value: unknown): boolean => value === true;

/** Entries that are no text are left out. */
export function texts(value: unknown): readonly string[] {
  const all = items(value);
  if (all.length === 0) return noItems;
  return all.filter((each) => typeof each === 'string');
}

/** Numbers are taken as text too: `ports: [80]` and `ports: ["80"]` mean the same. */
export const words = (value: unknown): readonly string[] =>
  items(value).flatMap((each) => (typeof each === 'string' ? each : typeof each === 'number' ? String(each) : []));

/** Names of fields that are not among the known ones, or whose value is not what it should be; null is absent. */
export const unknownFields = (value: Raw, known: readonly string[], readable: (value: unknown) => boolean): readonly string[] =>
  Object.entries(value)
    .filter(([field, each]) => each !== undefined && each !== null && !(known.includes(field) && readable(each)))
    .map(([field]) => field);

export function labels(value: unknown): Labels {
  if (!isRaw(value)) return noLabels;
  const entries = Object.entries(value);
  if (entries.length === 0) return noLabels;
  return entries.every(([, each]) => typeof each === 'string')
    ? (value as Labels)
    : Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** Text to whole number; others are left out. */
export const numbers = (value: unknown): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(raw(value)).filter((entry): entry is [string, number] => Number.isInteger(entry[1])));

/** Whatever else an object's annotations say is not kept. */
const annotationsRead: ReadonlySet<string> = new Set([
  'ambient-mesh.dev/require-waypoint',
  'ambient.istio.io/bypass-inbound-capture',
  'ambient.istio.io/redirection',
  'ambient.istio.io/waypoint-inbound-binding',
  'istio.io/autoRegistrationGroup',
  'istio.io/connect-strategy',
  'istio.io/dry-run',
  'istio.io/use-waypoint-canary-weight',
  'networking.istio.io/traffic-distribution',
]);

function annotations(value: unknown): Labels {
  const read = Object.entries(labels(value)).filter(([key]) => annotationsRead.has(key));
  return read.length === 0 ? noLabels : Object.fromEntries(read);
}

/** Undefined for an object without a name. */
export function metaOf(object: unknown): Meta | undefined {
  const meta = raw(raw(object).metadata);
  const name = text(meta.name);
  if (name === '') return undefined;
  return {
    namespace: text(meta.namespace),
    name,
    uid: text(meta.uid),
    labels: labels(meta.labels),
    annotations: annotations(meta.annotations),
    createdAt: momentOf(text(meta.creationTimestamp)),
    generation: whole(meta.generation),
  };
}

/** `2026-01-31T23:59:59Z` as 20260131235959: timestamps of the API server are in UTC and to the second. */
const momentOf = (timestamp: string): number => Number(timestamp.replace(/\D/g, '').slice(0, 14));

/** Those of the types named. */
export function conditions(status: unknown, types: readonly string[]): readonly Condition[] {
  const found = items(raw(status).conditions).flatMap((each): Condition | readonly never[] => {
    const condition = raw(each);
    const type = text(condition.type);
    if (!types.includes(type)) return noItems;
    const said = text(condition.status);
    return {
      type,
      status: said === 'True' || said === 'False' ? said : 'Unknown',
      reason: text(condition.reason),
      message: text(condition.message),
      observedGeneration: whole(condition.observedGeneration),
    };
  });
  return found.length === 0 ? noItems : found;
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

/** An expression that cannot be understood selects nothing: `In` no value. */
export function labelSelector(value: unknown): LabelSelector {
  const { matchLabels, matchExpressions } = raw(value);
  return {
    matchLabels: labels(matchLabels),
    matchExpressions: items(matchExpressions).map((each) => {
      const expression = raw(each);
      const operator = operators.find((one) => one === expression.operator);
      return { key: text(expression.key), operator: operator ?? 'In', values: operator === undefined ? noItems : texts(expression.values) };
    }),
  };
}
