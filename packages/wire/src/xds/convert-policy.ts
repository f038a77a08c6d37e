// Copies an Authorization message into the model's Policy. Pure; the message may be dropped afterwards.
// Called by convert.ts. Entries of a match that say nothing (a malformed block, an empty string match) are left out, as Istio's tunnel does:
// a whole policy refused for one such entry would leave the workload with an older policy.
import type { Cidr, Match, Policy, StringMatch } from '@ambient-mesh/model/policy';
import type * as pb from '../messages/generated/authorization_pb.js';
import { named, toBlock } from './convert-workload.ts';
import type { Interner } from './interner.ts';

const policyScopes = ['Global', 'Namespace', 'WorkloadSelector'] as const;
const actions = ['Allow', 'Deny'] as const;

export function toPolicy(key: string, a: pb.Authorization, shared: Interner): Policy {
  return {
    key: shared.text(key),
    name: a.name,
    namespace: shared.text(a.namespace),
    scope: named('policy scope', policyScopes, a.scope),
    action: named('policy action', actions, a.action),
    rules: a.rules.map((rule) => rule.clauses.map((clause) => clause.matches.map(toMatch))),
    dryRun: a.dryRun,
  };
}

function toMatch(m: pb.Match): Match {
  return {
    namespaces: usable(m.namespaces, toStringMatch),
    notNamespaces: usable(m.notNamespaces, toStringMatch),
    principals: usable(m.principals, toStringMatch),
    notPrincipals: usable(m.notPrincipals, toStringMatch),
    serviceAccounts: usable(m.serviceAccounts, toServiceAccount),
    notServiceAccounts: usable(m.notServiceAccounts, toServiceAccount),
    sourceIps: usable(m.sourceIps, toCidr),
    notSourceIps: usable(m.notSourceIps, toCidr),
    destinationIps: usable(m.destinationIps, toCidr),
    notDestinationIps: usable(m.notDestinationIps, toCidr),
    destinationPorts: m.destinationPorts.map((port) => port & 0xffff),
    notDestinationPorts: m.notDestinationPorts.map((port) => port & 0xffff),
  };
}

const toCidr = ({ address, length }: pb.Address): Cidr | undefined => toBlock(address, length);

function usable<M, T>(entries: readonly M[], convert: (entry: M) => T | undefined): T[] {
  return entries.map(convert).filter((entry) => entry !== undefined);
}

function toStringMatch({ matchType }: pb.StringMatch): StringMatch | undefined {
  if (matchType.case === 'exact') return { exact: matchType.value };
  if (matchType.case === 'prefix') return { prefix: matchType.value };
  if (matchType.case === 'suffix') return { suffix: matchType.value };
  return matchType.case === 'presence' ? { presence: true } : undefined;
}

function toServiceAccount({ namespace, serviceAccount }: pb.ServiceAccountMatch): { namespace: string; serviceAccount: string } {
  return { namespace, serviceAccount };
}
