// AuthorizationPolicy as the mesh sees it: every field, also those that only a waypoint can enforce, because leaving one out silently would open a door.
import type { Condition, Labels, Meta } from './meta.ts';

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
