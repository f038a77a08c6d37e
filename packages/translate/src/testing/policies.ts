// Policies in one line each, so that a row of a table can say what it expects; and policies as users write them.
import type { Match, Policy, Rule, ServiceAccountMatch, StringMatch } from '@ambient-mesh/model/policy';
import { type AuthorizationPolicy, authorizationPolicyKind } from '../kinds/authorization-policy.ts';
import type { Labels } from '../kinds/meta.ts';

export interface Written {
  readonly namespace?: string;
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly spec: unknown;
}

/** As the API server would send it: `ns/policy`, of generation 3. */
export function authorizationPolicy({ namespace = 'ns', labels = {}, annotations = {}, spec }: Written): AuthorizationPolicy {
  const metadata = { namespace, name: 'policy', generation: 3, labels, annotations };
  const policy = authorizationPolicyKind.narrow({ metadata, spec });
  if (policy === undefined) throw new TypeError('a policy without a name');
  return policy;
}

/** Rules as `(ports 80; not ports 90 OR namespaces a) AND (...)`; a rule without clauses is `everybody`, a match without values `nobody`. */
export const rulesOf = (policy: Policy | undefined): readonly string[] | undefined => policy?.rules.map(ruleText);

const ruleText = (rule: Rule): string =>
  rule.length === 0 ? 'everybody' : rule.map((clause) => `(${clause.map(matchText).join(' OR ')})`).join(' AND ');

const fields = [
  ['namespaces', 'notNamespaces', 'namespaces'],
  ['principals', 'notPrincipals', 'principals'],
  ['serviceAccounts', 'notServiceAccounts', 'accounts'],
  ['sourceIps', 'notSourceIps', 'from'],
  ['destinationIps', 'notDestinationIps', 'to'],
  ['destinationPorts', 'notDestinationPorts', 'ports'],
] as const;

function matchText(match: Match): string {
  const said = fields.flatMap(([wanted, unwanted, name]) => [
    ...(match[wanted].length > 0 ? [`${name} ${match[wanted].map(valueText).join(' ')}`] : []),
    ...(match[unwanted].length > 0 ? [`not ${name} ${match[unwanted].map(valueText).join(' ')}`] : []),
  ]);
  return said.length === 0 ? 'nobody' : said.join('; ');
}

function valueText(value: number | StringMatch | ServiceAccountMatch | { readonly ip: string; readonly length: number }): string {
  if (typeof value === 'number') return String(value);
  if ('ip' in value) return `${value.ip}/${value.length}`;
  if ('serviceAccount' in value) return `${value.namespace}/${value.serviceAccount}`;
  if ('exact' in value) return value.exact;
  if ('prefix' in value) return `${value.prefix}*`;
  if ('suffix' in value) return `*${value.suffix}`;
  return '*';
}
