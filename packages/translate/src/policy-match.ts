// One rule of an AuthorizationPolicy as node tunnels can enforce it: who, to which port, from and to which address. Pure.
// Used by authorization-policy.ts. Says what had to be left out: attributes of HTTP, and values that cannot be read (facts: control-plane §4.2).
import { parseCidr } from '@ambient-mesh/model/cidr';
import type { Clause, Match, Rule, ServiceAccountMatch, StringMatch } from '@ambient-mesh/model/policy';
import type { Operation, PolicyRule, Source, When } from './kinds/authorization-policy.ts';

export interface RuleReading {
  /** Undefined: the rule must not be sent. */
  readonly rule: Rule | undefined;
  /** Attributes that only a waypoint can judge. */
  readonly l7: readonly string[];
  /** Values that mean nothing, as `field: value`. */
  readonly unreadable: readonly string[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const none: readonly never[] = [];
const nothing: Match = {
  namespaces: none,
  notNamespaces: none,
  principals: none,
  notPrincipals: none,
  serviceAccounts: none,
  notServiceAccounts: none,
  sourceIps: none,
  notSourceIps: none,
  destinationIps: none,
  notDestinationIps: none,
  destinationPorts: none,
  notDestinationPorts: none,
};

/** Fields that only a waypoint can judge, by the part of the rule they are in. */
const httpSource = ['remoteIpBlocks', 'notRemoteIpBlocks', 'requestPrincipals', 'notRequestPrincipals'] as const;
const httpOperation = ['hosts', 'notHosts', 'methods', 'notMethods', 'paths', 'notPaths'] as const;

export const matchOf = (fields: Partial<Match>): Match => ({ ...nothing, ...fields });

/** A match without any value decides nothing: tunnels pass over it. */
export const isEmpty = (match: Match): boolean => Object.values(match).every((values: readonly unknown[]) => values.length === 0);

/**
 * What the rule becomes. A granting rule that a tunnel can judge only in part is left out: half a condition would grant more than the user
 * wrote. A denying one keeps the part that can be judged, and so denies more.
 */
export function readRule(rule: PolicyRule, action: 'ALLOW' | 'DENY', namespace: string): RuleReading {
  const reading = new Reading(action, namespace);
  const clauses: Clause[] = [];
  if (rule.to.length > 0) clauses.push(rule.to.flatMap((operation) => reading.operation(operation) ?? none));
  if (rule.from.length > 0) clauses.push(rule.from.flatMap((source) => reading.source(source) ?? none));
  for (const when of rule.when) clauses.push([reading.when(when) ?? none].flat());
  const omitted = action === 'ALLOW' && (reading.l7.size > 0 || clauses.some((clause) => clause.length === 0));
  return { rule: omitted ? undefined : clauses, l7: [...reading.l7], unreadable: reading.unreadable };
}

/** Collects what is left out on the way. Each part gives a match, or undefined when an unreadable value must not be passed over. */
class Reading {
  readonly l7: Set<string> = new Set();
  readonly unreadable: string[] = [];
  readonly #action: 'ALLOW' | 'DENY';
  readonly #namespace: string;

  constructor(action: 'ALLOW' | 'DENY', namespace: string) {
    this.#action = action;
    this.#namespace = namespace;
  }

  operation(operation: Operation): Match | undefined {
    for (const field of httpOperation) if (operation[field].length > 0) this.l7.add(field);
    return this.#match([
      ['destinationPorts', this.#values('ports', operation.ports, portOf)],
      ['notDestinationPorts', this.#values('notPorts', operation.notPorts, portOf)],
    ]);
  }

  source(source: Source): Match | undefined {
    for (const field of httpSource) if (source[field].length > 0) this.l7.add(field);
    const account = (text: string): ServiceAccountMatch | undefined => accountOf(text, this.#namespace);
    return this.#match([
      ['sourceIps', this.#values('ipBlocks', source.ipBlocks, parseCidr)],
      ['notSourceIps', this.#values('notIpBlocks', source.notIpBlocks, parseCidr)],
      ['namespaces', this.#values('namespaces', source.namespaces, stringMatch)],
      ['notNamespaces', this.#values('notNamespaces', source.notNamespaces, stringMatch)],
      ['serviceAccounts', this.#values('serviceAccounts', source.serviceAccounts, account)],
      ['notServiceAccounts', this.#values('notServiceAccounts', source.notServiceAccounts, account)],
      ['principals', this.#values('principals', source.principals, stringMatch)],
      ['notPrincipals', this.#values('notPrincipals', source.notPrincipals, stringMatch)],
    ]);
  }

  when({ key, values, notValues }: When): Match | undefined {
    const pair = (field: keyof Match, notField: keyof Match, read: (text: string) => unknown): Match | undefined =>
      this.#match([
        [field, this.#values(key, values, read)],
        [notField, this.#values(key, notValues, read)],
      ]);
    switch (key) {
      case 'source.ip':
        return pair('sourceIps', 'notSourceIps', parseCidr);
      case 'source.namespace':
        return pair('namespaces', 'notNamespaces', stringMatch);
      case 'source.principal':
        return pair('principals', 'notPrincipals', stringMatch);
      case 'destination.ip':
        return pair('destinationIps', 'notDestinationIps', parseCidr);
      case 'destination.port':
        return pair('destinationPorts', 'notDestinationPorts', portOf);
      default:
        this.l7.add(key);
        return nothing;
    }
  }

  #values(
    field: string,
    texts: readonly string[],
    read: (text: string) => unknown,
  ): { readonly good: readonly unknown[]; readonly bad: boolean } {
    const good: unknown[] = [];
    for (const text of texts) {
      const value = read(text);
      if (value === undefined) this.unreadable.push(`${field}: ${text}`);
      else good.push(value);
    }
    return { good, bad: good.length < texts.length };
  }

  /**
   * A value that cannot be read grants nothing: without it a list that is all bad would mean "any", and an exception would be missing.
   * When denying, what can be read stays, and a list that is all bad means "any".
   */
  #match(fields: readonly (readonly [keyof Match, { readonly good: readonly unknown[]; readonly bad: boolean }])[]): Match | undefined {
    const match: Mutable<Match> = { ...nothing };
    for (const [name, { good, bad }] of fields) {
      if (bad && this.#action === 'ALLOW' && (good.length === 0 || name.startsWith('not'))) return undefined;
      if (good.length > 0) Object.assign(match, { [name]: good });
    }
    return match;
  }
}

/** Only the ends may be open; every other character stands for itself. */
export function stringMatch(text: string): StringMatch {
  if (text === '*') return { presence: true };
  if (text.startsWith('*')) return { suffix: text.slice(1) };
  if (text.endsWith('*')) return { prefix: text.slice(0, -1) };
  return { exact: text };
}

function accountOf(text: string, own: string): ServiceAccountMatch | undefined {
  const [first = '', second, surplus] = text.split('/');
  if (surplus !== undefined || first === '' || second === '') return undefined;
  return second === undefined ? { namespace: own, serviceAccount: first } : { namespace: first, serviceAccount: second };
}

function portOf(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}
