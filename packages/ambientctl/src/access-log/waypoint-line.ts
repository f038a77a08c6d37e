// A line of a waypoint's log as a record: Envoy's usual text, or its usual names in JSON (facts: control-plane §6.8). Pure.
// A format of a user's own is not understood, and such lines are left out: `--raw` shows them.
import { isObject, numberOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { parsedJson } from '../files.ts';
import type { AccessRecord, Party } from './record.ts';

/** Names by address, for ends of which the line tells only that. */
export type Names = ReadonlyMap<string, { readonly name: string; readonly namespace: string }>;

export function parseWaypointLine(line: string, names: Names): AccessRecord | undefined {
  const fields = line.startsWith('{') ? parsedJson(line) : textFields(line);
  if (!isObject(fields) || textOf(fields.start_time) === '' || fields.downstream_remote_address === undefined) return undefined;
  const status = amountOf(fields.response_code);
  const details = said(fields.response_code_details);
  const flags = said(fields.response_flags);
  const outcome = outcomeOf(status, details, flags);
  const request = [said(fields.method), said(fields.path)].filter((each) => each !== '').join(' ');
  return {
    time: textOf(fields.start_time),
    from: party(said(fields.downstream_remote_address), said(fields.downstream_peer_principal), names),
    to: party(said(fields.upstream_host), '', names),
    service: serviceOf(said(fields.upstream_cluster)) || said(fields.authority),
    direction: 'waypoint',
    request,
    status,
    outcome,
    policy: /^rbac_access_denied_matched_policy\[ns\[([^\]]+)\]-policy\[([^\]]+)\]/.exec(details)?.slice(1).join('/') ?? '',
    error: outcome === 'ok' ? '' : [details, said(fields.upstream_transport_failure_reason), flags].filter((each) => each !== '').join(' '),
    sentBytes: amountOf(fields.bytes_received),
    receivedBytes: amountOf(fields.bytes_sent),
    durationMs: amountOf(fields.duration),
  };
}

function outcomeOf(status: number, details: string, flags: string): AccessRecord['outcome'] {
  if (/^(rbac_access_denied|ext_authz_denied|jwt_authn_access_denied)/.test(details) || /\bUAEX\b/.test(flags)) return 'denied';
  return status >= 500 || (status === 0 && flags !== '' && flags !== 'DC') ? 'failed' : 'ok';
}

/** `-` stands for what is not there. */
const said = (value: unknown): string => (value === '-' ? '' : textOf(value));

function amountOf(value: unknown): number {
  const amount = typeof value === 'string' ? Number(value) : numberOf(value);
  return Number.isFinite(amount) && amount >= 0 ? amount : 0;
}

function party(address: string, identity: string, names: Names): Party {
  const [, namespace = '', account = ''] = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(identity) ?? [];
  const known = names.get(address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'));
  return { workload: known?.name ?? account, namespace: known?.namespace ?? namespace, identity, address };
}

/** `cart.shop.svc.cluster.local` of `inbound-vip|80|http|cart.shop.svc.cluster.local`. */
const serviceOf = (cluster: string): string => cluster.split('|')[3] ?? '';

/** The usual text, part by part; a word of a quoted part may hold anything but quotes, which are escaped. */
const text = new RegExp(
  [
    String.raw`^\[(?<start_time>[^\]]+)\] "(?<method>\S+) (?<path>\S+) \S+" (?<response_code>\d+) (?<response_flags>\S+)`,
    String.raw`(?<response_code_details>\S+) \S+ "(?<upstream_transport_failure_reason>[^"]*)" (?<bytes_received>\d+) (?<bytes_sent>\d+)`,
    String.raw`(?<duration>\d+) \S+ "[^"]*" "[^"]*" "[^"]*" "(?<authority>[^"]*)" "(?<upstream_host>[^"]*)" (?<upstream_cluster>\S+)`,
    String.raw`\S+ \S+ (?<downstream_remote_address>\S+) \S+ \S+`,
  ].join(' '),
);

const textFields = (line: string): RawObject | undefined => text.exec(line)?.groups;
