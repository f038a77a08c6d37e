// An L4 authorization policy as plain data (facts: ztunnel §8.1). Evaluated by authorize.ts.
import type { Ip } from './address.ts';

export type StringMatch =
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly suffix: string }
  | { readonly presence: true };

export interface Cidr {
  readonly ip: Ip;
  readonly length: number;
}

export interface ServiceAccountMatch {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** Kinds are AND-ed, the values of one kind OR-ed; a match whose lists are all empty is false. */
export interface Match {
  readonly namespaces: readonly StringMatch[];
  readonly notNamespaces: readonly StringMatch[];
  readonly principals: readonly StringMatch[];
  readonly notPrincipals: readonly StringMatch[];
  readonly serviceAccounts: readonly ServiceAccountMatch[];
  readonly notServiceAccounts: readonly ServiceAccountMatch[];
  readonly sourceIps: readonly Cidr[];
  readonly notSourceIps: readonly Cidr[];
  readonly destinationIps: readonly Cidr[];
  readonly notDestinationIps: readonly Cidr[];
  readonly destinationPorts: readonly number[];
  readonly notDestinationPorts: readonly number[];
}

/** OR of matches. */
export type Clause = readonly Match[];
/** AND of clauses. */
export type Rule = readonly Clause[];

export interface Policy {
  /** Its resource name on the wire (the key that `Workload.authorizationPolicies` lists): `namespace/name` unless the server named it otherwise. */
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  readonly scope: 'Global' | 'Namespace' | 'WorkloadSelector';
  readonly action: 'Allow' | 'Deny';
  /** OR of rules. */
  readonly rules: readonly Rule[];
  readonly dryRun: boolean;
}
