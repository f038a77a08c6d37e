// One rule of an AuthorizationPolicy as node tunnels can enforce it: who, to which port, from and to which address. Pure.
// Used by authorization-policy.ts. Says what had to be left out: attributes that tunnels do not see, and values that cannot be read
// (facts: control-plane §4.2; where a value cannot be read, stricter than there).
import { parseCidr } from '@ambient-mesh/model/cidr';
import type { Clause, Match, Rule, ServiceAccountMatch, StringMatch } from '@ambient-mesh/model/policy';
import type { Operation, PolicyRule, Source, When } from './kinds/authorization-policy.ts';

export interface RuleReading {
  /** Undefined: the rule must not be sent. */
  readonly rule: Rule | undefined;
  /** Attributes that only a waypoint can judge, and those that nobody knows. */
  readonly unseen: readonly string[];
  /** Values that mean nothing, as `field: value`. */
  readonly unreadable: readonly string[];
}

type Action = 'ALLOW' | 'DENY';

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

export const matchOf = (fields: Partial<Match>): Match => ({ ...nothing, ...fields });

/** A match without any value holds for nobody: tunnels pass over it. */
export const isEmpty = (match: Match): boolean => Object.values(match).every((values: readonly unknown[]) => values.length === 0);

/** Where values of one attribute go in a match, and how each is read; undefined: it means nothing. */
interface Attribute {
  readonly wanted: keyof Match;
  readonly unwanted: keyof Match;
  readonly read: (text: string, namespace: string) => unknown;
}

type ListsOf<V> = { [K in keyof Match]: Match[K] extends readonly V[] ? K : never }[keyof Match];

const attribute = <V>(
  read: (text: string, namespace: string) => V | undefined,
  wanted: ListsOf<NoInfer<V>>,
  unwanted: ListsOf<NoInfer<V>>,
): Attribute => ({ read, wanted, unwanted });

const sourceIp = attribute(parseCidr, 'sourceIps', 'notSourceIps');
const sourceNamespace = attribute(stringMatch, 'namespaces', 'notNamespaces');
const sourceAccount = attribute(accountOf, 'serviceAccounts', 'notServiceAccounts');
const sourcePrincipal = attribute(stringMatch, 'principals', 'notPrincipals');
const destinationIp = attribute(parseCidr, 'destinationIps', 'notDestinationIps');
const destinationPort = attribute(portOf, 'destinationPorts', 'notDestinationPorts');

const whenKeys: ReadonlyMap<string, Attribute> = new Map([
  ['source.ip', sourceIp],
  ['source.namespace', sourceNamespace],
  ['source.principal', sourcePrincipal],
  ['destination.ip', destinationIp],
  ['destination.port', destinationPort],
]);

const sourceLists = [
  ['ipBlocks', 'notIpBlocks', sourceIp],
  ['namespaces', 'notNamespaces', sourceNamespace],
  ['serviceAccounts', 'notServiceAccounts', sourceAccount],
  ['principals', 'notPrincipals', sourcePrincipal],
] as const;

/** Fields that tunnels do not see. */
const unseenOfSource = [
  'remoteIpBlocks',
  'notRemoteIpBlocks',
  'requestPrincipals',
  'notRequestPrincipals',
  'trustDomains',
  'notTrustDomains',
] as const;
const unseenOfOperation = ['hosts', 'notHosts', 'methods', 'notMethods', 'paths', 'notPaths'] as const;

/** One alternative of a clause as the user wrote it. */
interface Part {
  readonly name: string;
  readonly lists: readonly List[];
  readonly unseen: readonly string[];
}

interface List {
  readonly field: string;
  readonly texts: readonly string[];
  readonly into: keyof Match;
  /** Values that the match must not have. */
  readonly excepts: boolean;
  readonly read: Attribute['read'];
}

const wanting = ({ wanted: into, read }: Attribute, field: string, texts: readonly string[]): List => {
  return { field, texts, into, excepts: false, read };
};
const excepting = ({ unwanted: into, read }: Attribute, field: string, texts: readonly string[]): List => {
  return { field, texts, into, excepts: true, read };
};

const partOfOperation = (operation: Operation): Part => ({
  name: 'operation',
  lists: [wanting(destinationPort, 'ports', operation.ports), excepting(destinationPort, 'notPorts', operation.notPorts)],
  unseen: unseenOfOperation.filter((field) => operation[field].length > 0),
});

const partOfSource = (source: Source): Part => ({
  name: 'source',
  lists: sourceLists.flatMap(([field, notField, of]) => [wanting(of, field, source[field]), excepting(of, notField, source[notField])]),
  unseen: unseenOfSource.filter((field) => source[field].length > 0),
});

function partOfWhen({ key, values, notValues }: When): Part {
  const of = whenKeys.get(key);
  return {
    name: key,
    lists: of === undefined ? none : [wanting(of, key, values), excepting(of, key, notValues)],
    unseen: of === undefined ? [key] : none,
  };
}

/**
 * What the rule becomes. A granting rule that a tunnel can judge only in part is left out: half a condition would grant more than the user
 * wrote. A denying one keeps the part that can be judged, and so denies more.
 */
export function readRule(rule: PolicyRule, action: Action, namespace: string): RuleReading {
  const reading = new Reading(action, namespace);
  for (const field of rule.unknown) reading.unseen.add(field);
  if (rule.to.length > 0) reading.clause(rule.to.map(partOfOperation));
  if (rule.from.length > 0) reading.clause(rule.from.map(partOfSource));
  for (const when of rule.when) reading.clause([partOfWhen(when)]);
  const { clauses, unseen, unreadable } = reading;
  const omitted = action === 'ALLOW' && (unseen.size > 0 || clauses.some((clause) => clause.length === 0));
  return { rule: omitted ? undefined : clauses, unseen: [...unseen], unreadable };
}

/** Collects clauses, and what is left out of them on the way. */
class Reading {
  readonly clauses: Clause[] = [];
  readonly unseen: Set<string> = new Set();
  readonly unreadable: string[] = [];
  readonly #denying: boolean;
  readonly #namespace: string;

  constructor(action: Action, namespace: string) {
    this.#denying = action === 'DENY';
    this.#namespace = namespace;
  }

  /** A part of which nobody can say whom it means grants nobody anything, and denies everybody: then the clause says nothing. */
  clause(parts: readonly Part[]): void {
    const matches = parts.map((part) => this.#match(part));
    const known = matches.filter((match) => match !== undefined);
    if (this.#denying && known.length < matches.length) return;
    this.clauses.push(known);
  }

  /** Undefined: nobody can say whom the part means. Empty where all of it is for others to judge. */
  #match({ name, lists, unseen }: Part): Match | undefined {
    for (const each of unseen) this.unseen.add(each);
    const values = lists.map((list) => this.#values(list));
    const match = matchOf(Object.fromEntries(lists.map(({ into }, at) => [into, values[at] ?? none])));
    if (values.includes(undefined) && (!this.#denying || isEmpty(match))) return undefined;
    if (!isEmpty(match) || unseen.length > 0) return match;
    this.unreadable.push(`${name}: empty`);
    return undefined;
  }

  /**
   * Undefined: nobody can say what the list means, as one of its values cannot be read. Without that value a list of whom to let in is still
   * good, and so is one of whom not to deny: less is allowed, more is denied.
   */
  #values({ field, texts, excepts, read }: List): readonly unknown[] | undefined {
    const values = texts.map((text) => read(text, this.#namespace));
    const good = values.filter((value) => value !== undefined);
    if (good.length === texts.length) return good;
    for (const [at, text] of texts.entries())
      if (values[at] === undefined) this.unreadable.push(`${field}: ${JSON.stringify(text.slice(0, longestShown))}`);
    return good.length === 0 || excepts !== this.#denying ? undefined : good;
  }
}

/** Characters of a value that are repeated to its author. */
const longestShown = 60;

/** Only the ends may be open; every other character stands for itself. */
function stringMatch(text: string): StringMatch {
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
