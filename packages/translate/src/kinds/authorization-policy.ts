// AuthorizationPolicy as the mesh sees it: every field, also those that only a waypoint can enforce, and the names of those that are not known,
// because leaving one out silently would open a door.
import type { Condition, Labels } from './meta.ts';
import { type Attachable, policyTargets } from './policy-target.ts';
import { conditions, isRaw, items, labels, metaOf, type Raw, raw, text, unknownFields, words } from './read.ts';

const sourceFields = [
  'principals',
  'notPrincipals',
  'namespaces',
  'notNamespaces',
  'serviceAccounts',
  'notServiceAccounts',
  'ipBlocks',
  'notIpBlocks',
  'remoteIpBlocks',
  'notRemoteIpBlocks',
  'requestPrincipals',
  'notRequestPrincipals',
  'trustDomains',
  'notTrustDomains',
] as const;
const operationFields = ['hosts', 'notHosts', 'ports', 'notPorts', 'methods', 'notMethods', 'paths', 'notPaths'] as const;

export type Source = { readonly [F in (typeof sourceFields)[number]]: readonly string[] };
export type Operation = { readonly [F in (typeof operationFields)[number]]: readonly string[] };

export interface When {
  readonly key: string;
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

export interface PolicyRule {
  /** Empty: anyone. */
  readonly from: readonly Source[];
  /** Empty: anything. */
  readonly to: readonly Operation[];
  readonly when: readonly When[];
  /** Names of fields, anywhere in the rule, that this version does not know or cannot read. What they narrow is not known either. */
  readonly unknown: readonly string[];
}

export interface AuthorizationPolicy extends Attachable {
  /** Absent when the object has none; present and empty selects everything in reach, but counts as a selector. */
  readonly selector?: Labels;
  /** `ALLOW` when the object says nothing. */
  readonly action: string;
  /** Of action CUSTOM; empty when the object names none. */
  readonly provider: string;
  readonly rules: readonly PolicyRule[];
  readonly conditions: readonly Condition[];
}

export const authorizationPolicyKind = {
  group: 'security.istio.io',
  version: 'v1',
  plural: 'authorizationpolicies',
  kind: 'AuthorizationPolicy',
  namespaced: true,
  narrow(object: unknown): AuthorizationPolicy | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const [spec, status] = [raw(raw(object).spec), raw(object).status];
    return {
      meta,
      ...(isRaw(spec.selector) && { selector: labels(spec.selector.matchLabels) }),
      targets: policyTargets(spec),
      action: text(spec.action) || 'ALLOW',
      provider: text(raw(spec.provider).name),
      rules: items(spec.rules).map(ruleOf),
      conditions: conditions(status, ['ZtunnelAccepted', 'WaypointAccepted']),
    };
  },
} as const;

export const ruleOf = (value: unknown): PolicyRule => {
  const rule = raw(value);
  const [from, to, when] = [items(rule.from).map(raw), items(rule.to).map(raw), items(rule.when).map(raw)];
  const [sources, operations] = [from.map(({ source }) => raw(source)), to.map(({ operation }) => raw(operation))];
  return {
    from: sources.map((source) => listsOf(source, sourceFields)),
    to: operations.map((operation) => listsOf(operation, operationFields)),
    when: when.map(({ key, values, notValues }) => ({ key: text(key), values: words(values), notValues: words(notValues) })),
    unknown: [
      ...(isRaw(value) ? [] : ['rules']),
      ...unknownFields(rule, ['from', 'to', 'when'], Array.isArray),
      ...from.flatMap((each) => unknownFields(each, ['source'], isRaw)),
      ...to.flatMap((each) => unknownFields(each, ['operation'], isRaw)),
      ...sources.flatMap((source) => unknownFields(source, sourceFields, isList)),
      ...operations.flatMap((operation) => unknownFields(operation, operationFields, isList)),
      ...when.flatMap(({ key: _, ...lists }) => unknownFields(lists, ['values', 'notValues'], isList)),
    ],
  };
};

/** A list of which one entry cannot be read is no list: without the entry it could mean more than was written. */
const isList = (value: unknown): boolean =>
  Array.isArray(value) && value.every((each: unknown) => typeof each === 'string' || typeof each === 'number');

const listsOf = <F extends string>(part: Raw, fields: readonly F[]): Record<F, readonly string[]> =>
  Object.fromEntries(fields.map((field) => [field, words(part[field])])) as Record<F, readonly string[]>;
