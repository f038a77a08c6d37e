// AuthorizationPolicy as the mesh sees it: every field, also those that only a waypoint can enforce, because leaving one out silently would open a door.
import type { Condition, Labels, Meta } from './meta.ts';
import { conditions, isRaw, items, labels, metaOf, raw, text, texts, words } from './read.ts';

export interface PolicyTarget {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  /** Empty: the policy's own. */
  readonly namespace: string;
}

export interface Source {
  readonly principals: readonly string[];
  readonly notPrincipals: readonly string[];
  readonly namespaces: readonly string[];
  readonly notNamespaces: readonly string[];
  readonly serviceAccounts: readonly string[];
  readonly notServiceAccounts: readonly string[];
  readonly ipBlocks: readonly string[];
  readonly notIpBlocks: readonly string[];
  readonly remoteIpBlocks: readonly string[];
  readonly notRemoteIpBlocks: readonly string[];
  readonly requestPrincipals: readonly string[];
  readonly notRequestPrincipals: readonly string[];
}

export interface Operation {
  readonly hosts: readonly string[];
  readonly notHosts: readonly string[];
  readonly ports: readonly string[];
  readonly notPorts: readonly string[];
  readonly methods: readonly string[];
  readonly notMethods: readonly string[];
  readonly paths: readonly string[];
  readonly notPaths: readonly string[];
}

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
}

export interface AuthorizationPolicy {
  readonly meta: Meta;
  /** Absent when the object has none; present and empty selects everything in reach, but counts as a selector. */
  readonly selector?: Labels;
  readonly targets: readonly PolicyTarget[];
  /** `ALLOW` when the object says nothing. */
  readonly action: string;
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
    const targets = [...items(spec.targetRefs), ...(isRaw(spec.targetRef) ? [spec.targetRef] : [])];
    return {
      meta,
      ...(isRaw(spec.selector) && { selector: labels(spec.selector.matchLabels) }),
      targets: targets.map((each) => {
        const { group, kind, name, namespace } = raw(each);
        return { group: text(group), kind: text(kind), name: text(name), namespace: text(namespace) };
      }),
      action: text(spec.action) || 'ALLOW',
      rules: items(spec.rules).map(ruleOf),
      conditions: conditions(status, ['ZtunnelAccepted', 'WaypointAccepted']),
    };
  },
} as const;

const ruleOf = (value: unknown): PolicyRule => {
  const { from, to, when } = raw(value);
  return {
    from: items(from).map((each) => sourceOf(raw(raw(each).source))),
    to: items(to).map((each) => operationOf(raw(raw(each).operation))),
    when: items(when).map((each) => {
      const { key, values, notValues } = raw(each);
      return { key: text(key), values: texts(values), notValues: texts(notValues) };
    }),
  };
};

const sourceOf = (source: Readonly<Record<string, unknown>>): Source => ({
  principals: texts(source.principals),
  notPrincipals: texts(source.notPrincipals),
  namespaces: texts(source.namespaces),
  notNamespaces: texts(source.notNamespaces),
  serviceAccounts: texts(source.serviceAccounts),
  notServiceAccounts: texts(source.notServiceAccounts),
  ipBlocks: texts(source.ipBlocks),
  notIpBlocks: texts(source.notIpBlocks),
  remoteIpBlocks: texts(source.remoteIpBlocks),
  notRemoteIpBlocks: texts(source.notRemoteIpBlocks),
  requestPrincipals: texts(source.requestPrincipals),
  notRequestPrincipals: texts(source.notRequestPrincipals),
});

const operationOf = (operation: Readonly<Record<string, unknown>>): Operation => ({
  hosts: texts(operation.hosts),
  notHosts: texts(operation.notHosts),
  ports: words(operation.ports),
  notPorts: words(operation.notPorts),
  methods: texts(operation.methods),
  notMethods: texts(operation.notMethods),
  paths: texts(operation.paths),
  notPaths: texts(operation.notPaths),
});
