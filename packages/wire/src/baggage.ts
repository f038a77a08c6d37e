// The `baggage` header: how a tunnel's ends tell each other about the workloads behind them (facts: ztunnel §2.6). Pure.
// Written into requests and answers by ztunnel, read by its inbound side and by double tunnels. For telemetry only: nothing here is proven.
import type { HeaderList } from './http/message.ts';

/** What a header said; each part may be missing. */
export interface Baggage {
  readonly clusterId?: string | undefined;
  readonly namespace?: string | undefined;
  /** Lower case: `deployment`, `cronjob`, `pod`, `job`, ... */
  readonly workloadType?: string | undefined;
  readonly workloadName?: string | undefined;
  readonly canonicalName?: string | undefined;
  readonly canonicalRevision?: string | undefined;
  readonly region?: string | undefined;
  readonly zone?: string | undefined;
}

/** Empty and missing parts are left out; values are not escaped, so one with a comma or `=` reads back differently. */
export function encodeBaggage(baggage: Baggage): string {
  const parts: readonly (readonly [string, string | undefined])[] = [
    ['k8s.cluster.name', baggage.clusterId],
    ['k8s.namespace.name', baggage.namespace],
    [`k8s.${baggage.workloadType?.toLowerCase()}.name`, baggage.workloadType && baggage.workloadName],
    ['service.name', baggage.canonicalName],
    ['service.version', baggage.canonicalRevision],
    ['cloud.region', baggage.region],
    ['cloud.availability_zone', baggage.zone],
  ];
  return parts.flatMap(([name, value]) => (value ? [`${name}=${value}`] : [])).join(',');
}

const keys: ReadonlyMap<string, keyof Baggage> = new Map([
  ['k8s.cluster.name', 'clusterId'],
  ['k8s.namespace.name', 'namespace'],
  ['service.name', 'canonicalName'],
  ['service.version', 'canonicalRevision'],
  ['cloud.region', 'region'],
  ['cloud.availability_zone', 'zone'],
]);
const workloadKey = /^k8s\.(deployment|cronjob|pod|job)\.name$/;

/** Of all `baggage` headers together; undefined when there is none, or one that is not ASCII. Unknown keys are ignored. */
export function readBaggage(headers: HeaderList): Baggage | undefined {
  const lines = headers.filter(([name]) => name === 'baggage').map(([, value]) => value);
  if (lines.length === 0 || !lines.every(isPrintable)) return undefined;
  const baggage: { -readonly [K in keyof Baggage]: string } = {};
  for (const part of lines.join(',').split(',')) {
    const [key = '', value] = part.split('=', 2);
    if (!value) continue;
    const known = keys.get(key);
    const type = workloadKey.exec(key)?.[1];
    if (known !== undefined) baggage[known] = value;
    else if (type !== undefined) Object.assign(baggage, { workloadType: type, workloadName: value });
  }
  return baggage;
}

const isPrintable = (text: string): boolean => /^[\t\x20-\x7e]*$/.test(text);
