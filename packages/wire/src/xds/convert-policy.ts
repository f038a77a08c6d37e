// Copies an Authorization message into the model's Policy. Pure; the message may be dropped afterwards.
// Called by convert.ts. A policy with an entry that cannot be understood (a malformed block, an empty string match) is refused whole:
// leaving the entry out, as Istio's tunnel does, would widen an ALLOW and narrow a DENY without a word.
import { cidrFromBytes } from '@ambient-mesh/model/cidr';
import type { Cidr, Match, Policy, StringMatch } from '@ambient-mesh/model/policy';
import type * as pb from '../messages/generated/authorization_pb.js';
import { named, Unusable } from './convert-workload.ts';
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
    namespaces: m.namespaces.map(toStringMatch),
    notNamespaces: m.notNamespaces.map(toStringMatch),
    principals: m.principals.map(toStringMatch),
    notPrincipals: m.notPrincipals.map(toStringMatch),
    serviceAccounts: m.serviceAccounts.map(toServiceAccount),
    notServiceAccounts: m.notServiceAccounts.map(toServiceAccount),
    sourceIps: m.sourceIps.map(toCidr),
    notSourceIps: m.notSourceIps.map(toCidr),
    destinationIps: m.destinationIps.map(toCidr),
    notDestinationIps: m.notDestinationIps.map(toCidr),
    destinationPorts: m.destinationPorts.map(toPort),
    notDestinationPorts: m.notDestinationPorts.map(toPort),
  };
}

function toCidr({ address, length }: pb.Address): Cidr {
  const block = cidrFromBytes(address, length);
  if (block === undefined) throw new Unusable(`a block of ${address.length} bytes and prefix ${length}`);
  return block;
}

function toPort(port: number): number {
  if (port > 65_535) throw new Unusable(`port ${port}`);
  return port;
}

function toStringMatch({ matchType }: pb.StringMatch): StringMatch {
  switch (matchType.case) {
    case 'exact':
      return { exact: matchType.value };
    case 'prefix':
      return { prefix: matchType.value };
    case 'suffix':
      return { suffix: matchType.value };
    case 'presence':
      return { presence: true };
    default:
      throw new Unusable('a string match of no known kind');
  }
}

function toServiceAccount({ namespace, serviceAccount }: pb.ServiceAccountMatch): { namespace: string; serviceAccount: string } {
  return { namespace, serviceAccount };
}
