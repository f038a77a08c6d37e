// Policies in the words of those who wrote them: what an internal name stands for, and which rule held and what it compares. Pure.
// Used by arrival.ts and through-waypoint.ts.
import type { Connection, Verdict } from '@ambient-mesh/model/authorize';
import type { OperationMatch, RequestPolicy, SourceMatch } from '@ambient-mesh/model/l7/policy';
import type { Mesh } from '@ambient-mesh/model/mesh';
import type { Match, Rule, ServiceAccountMatch, StringMatch } from '@ambient-mesh/model/policy';
import { Attributes, compilePolicy } from '@ambient-mesh/model/policy-match';
import type { Workload } from '@ambient-mesh/model/workload';

/** `namespace/name` of a policy as tunnels call it. Names with an underscore are made by the control plane from other objects. */
export function calledByUsers(label: string): string {
  const [namespace = '', name = ''] = label.split('/');
  if (name === 'istio_converted_static_strict') return 'PeerAuthentication STRICT (mutual TLS only)';
  const [, peer] = /^converted_peer_authentication_(.+)$/.exec(name) ?? [];
  if (peer !== undefined) return `PeerAuthentication ${namespace}/${peer}`;
  const [, entry, required] = /^ambient_require_waypoint_(entry_)?(.+)$/.exec(name) ?? [];
  if (required !== undefined) return `require-waypoint of ${entry === undefined ? 'Service' : 'ServiceEntry'} ${namespace}/${required}`;
  return `AuthorizationPolicy ${label}`;
}

/** `rule 2 (namespaces shop; ports 80)`, counted from 0 among those that tunnels enforce; empty where none decided, or none has a condition. */
export function ruleThatHeld(mesh: Mesh, workload: Workload, { source, destination, identity }: Connection, verdict: Verdict): string {
  const label = verdict.allow ? verdict.notes.find(({ message }) => message === 'allow policy match')?.policy : verdict.policy;
  const { deny, allow } = mesh.policiesFor(workload);
  const policy = [...deny, ...allow].find((each) => each.label === label)?.policy;
  if (policy === undefined || policy.name.includes('_')) return '';
  const attributes = new Attributes(source.ip, destination, identity);
  const at = policy.rules.findIndex((rule) => compilePolicy({ ...policy, rules: [rule] })(attributes));
  const rule = policy.rules[at];
  return rule === undefined ? '' : `rule ${at} (${ruleText(rule)})`;
}

const ruleId = /ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[(\d+)\]/;

/** @param id `ns[<ns>]-policy[<name>]-rule[<i>]`, as waypoints name their rules */
export function ruleCalledByUsers(id: string): string {
  const [, namespace, name, rule] = ruleId.exec(id) ?? [];
  return namespace === undefined ? id : `AuthorizationPolicy ${namespace}/${name}, rule ${rule}`;
}

/** What a waypoint's rule asks for: `methods GET with paths /a*`. Empty for one that holds for everybody. */
export function requestRuleText(id: string, policies: readonly RequestPolicy[]): string {
  const [, namespace, name, at] = ruleId.exec(id) ?? [];
  const rule = policies.find((each) => each.namespace === namespace && each.name === name)?.rules[Number(at)];
  if (rule === undefined) return '';
  const parts = [
    rule.from.map(listsText).join(' or '),
    rule.to.map(listsText).join(' or '),
    ...rule.when.map(({ key, values, notValues }) => `${key} ${[...values, ...notValues.map((each) => `not ${each}`)].join(' or ')}`),
  ];
  return parts.filter((part) => part !== '').join(', and ');
}

const listsText = (lists: SourceMatch | OperationMatch): string =>
  Object.entries(lists)
    .map(([field, values]) => `${field} ${values.join(' or ')}`)
    .join(' with ');

const ruleText = (rule: Rule): string =>
  rule.length === 0 ? 'everybody' : rule.map((clause) => clause.map(matchText).join(' or ') || 'everybody').join(', and ');

const fields = [
  ['namespaces', 'notNamespaces', 'namespace'],
  ['principals', 'notPrincipals', 'principal'],
  ['serviceAccounts', 'notServiceAccounts', 'service account'],
  ['sourceIps', 'notSourceIps', 'source'],
  ['destinationIps', 'notDestinationIps', 'destination'],
  ['destinationPorts', 'notDestinationPorts', 'port'],
] as const;

function matchText(match: Match): string {
  const said = fields.flatMap(([wanted, unwanted, name]) => [
    ...(match[wanted].length > 0 ? [`${name} ${match[wanted].map(valueText).join(' or ')}`] : []),
    ...(match[unwanted].length > 0 ? [`${name} not ${match[unwanted].map(valueText).join(' or ')}`] : []),
  ]);
  return said.length === 0 ? 'nobody' : said.join(' with ');
}

function valueText(value: number | StringMatch | ServiceAccountMatch | { readonly ip: string; readonly length: number }): string {
  if (typeof value === 'number') return String(value);
  if ('ip' in value) return `${value.ip}/${value.length}`;
  if ('serviceAccount' in value) return `${value.namespace}/${value.serviceAccount}`;
  if ('exact' in value) return value.exact;
  if ('prefix' in value) return `${value.prefix}*`;
  return 'suffix' in value ? `*${value.suffix}` : 'anybody';
}
