// What one end of a tunnel says of its workload, for the other end's telemetry: a `baggage` header (facts: ztunnel §2.6). Pure.
// Written into CONNECT requests and their answers; hearsay, so nothing but telemetry may believe it.
import type { HeaderList } from './h2/protocol.ts';

export interface Baggage {
  readonly clusterId?: string;
  readonly namespace?: string;
  /** Lower case: `deployment`, `cronjob`, `pod`, `job`. */
  readonly workloadType?: string;
  readonly workloadName?: string;
  readonly canonicalName?: string;
  readonly canonicalRevision?: string;
  readonly region?: string;
  readonly zone?: string;
}

const workloadTypes = ['deployment', 'cronjob', 'pod', 'job'] as const;
/** A header may be 64 KiB long; what telemetry keeps of one value may not. */
const longestValue = 512;

/** Comma-joined `key=value` pairs in the order that others expect; what is empty is left out. Values are not escaped. */
export function encodeBaggage(b: Baggage): string {
  const pairs: readonly (readonly [key: string, value: string | undefined])[] = [
    ['k8s.cluster.name', b.clusterId],
    ['k8s.namespace.name', b.namespace],
    [`k8s.${b.workloadType || 'deployment'}.name`, b.workloadName],
    ['service.name', b.canonicalName],
    ['service.version', b.canonicalRevision],
    ['cloud.region', b.region],
    ['cloud.availability_zone', b.zone],
  ];
  return pairs.flatMap(([key, value]) => (value ? [`${key}=${value}`] : [])).join(',');
}

/** From all `baggage` header lines; undefined when there is none or when one is not plain ASCII. */
export function readBaggage(headers: HeaderList): Baggage | undefined {
  const lines = headers.filter(([name]) => name === 'baggage').map(([, value]) => value);
  if (lines.length === 0 || lines.some((line) => !printable(line))) return undefined;
  const said: { -readonly [K in keyof Baggage]: Baggage[K] } = {};
  for (const pair of lines.flatMap((line) => line.split(','))) {
    const [key = '', value = ''] = pair.split('=', 2);
    if (value !== '' && value.length <= longestValue) take(said, key, value);
  }
  return said;
}

function take(said: { -readonly [K in keyof Baggage]: Baggage[K] }, key: string, value: string): void {
  const type = workloadTypes.find((t) => key === `k8s.${t}.name`);
  if (type !== undefined) {
    said.workloadType = type;
    said.workloadName = value;
    return;
  }
  const field = fields.get(key);
  if (field !== undefined) said[field] = value;
}

const fields: ReadonlyMap<string, keyof Baggage> = new Map([
  ['k8s.cluster.name', 'clusterId'],
  ['k8s.namespace.name', 'namespace'],
  ['service.name', 'canonicalName'],
  ['service.version', 'canonicalRevision'],
  ['cloud.region', 'region'],
  ['cloud.availability_zone', 'zone'],
]);

const printable = (text: string): boolean => /^[\x20-\x7e\t]*$/.test(text);
