// Compiles one authorization policy into a test of a connection. Compiled once when the policy arrives, run at each decision.
// Knows what a policy matches, not what follows from it: that is authorize.ts. The rules are those of Istio's L4 policies (facts: ztunnel §8.2).
import { type Ip, type IpWords, wordsOf } from './address.ts';
import { compileCidr } from './cidr.ts';
import type { Cidr, Match, Policy, ServiceAccountMatch, StringMatch } from './policy.ts';
import { principalOf, type SpiffeId } from './spiffe.ts';

/** What policies can see of a connection, taken apart once for all of them. Addresses are parsed only if some policy asks. */
export class Attributes {
  readonly identity: SpiffeId | undefined;
  /** `""` in clear text, so that a policy about namespaces sees "no namespace". */
  readonly namespace: string;
  /** Undefined in clear text: no rule about principals ever hits. */
  readonly principal: string | undefined;
  readonly port: number;
  readonly #source: Ip;
  readonly #destination: Ip;
  #sourceWords: IpWords | undefined;
  #destinationWords: IpWords | undefined;

  constructor(source: Ip, destination: { readonly ip: Ip; readonly port: number }, identity: SpiffeId | undefined) {
    this.identity = identity;
    this.namespace = identity?.namespace ?? '';
    this.principal = identity && principalOf(identity);
    this.port = destination.port;
    this.#source = source;
    this.#destination = destination.ip;
  }

  get source(): IpWords {
    this.#sourceWords ??= wordsOf(this.#source);
    return this.#sourceWords;
  }

  get destination(): IpWords {
    this.#destinationWords ??= wordsOf(this.#destination);
    return this.#destinationWords;
  }
}

export type Test = (connection: Attributes) => boolean;

/** True when any rule matches: a rule needs all its clauses, a clause any of its matches. No rules: never. An empty rule or clause: always. */
export function compilePolicy({ rules }: Policy): Test {
  return anyOf(rules.map((rule) => allOf(rule.map((clause) => (clause.length === 0 ? () => true : anyOf(clause.map(compileMatch)))))));
}

/** All kinds that the match names must hold; one that names none holds for nobody. */
function compileMatch(match: Match): Test {
  const kinds = [
    ...kind(match.namespaces, match.notNamespaces, namespaceTest),
    ...kind(match.principals, match.notPrincipals, principalTest),
    ...kind(match.serviceAccounts, match.notServiceAccounts, accountTest),
    ...kind(match.sourceIps, match.notSourceIps, sourceTest),
    ...kind(match.destinationIps, match.notDestinationIps, destinationTest),
    ...kind(match.destinationPorts, match.notDestinationPorts, portTest),
  ];
  return kinds.length === 0 ? () => false : allOf(kinds);
}

/** The tests for one attribute: one of `wanted` if there are any, none of `unwanted`. */
function kind<V>(wanted: readonly V[], unwanted: readonly V[], compile: (value: V) => Test): Test[] {
  const tests: Test[] = [];
  if (wanted.length > 0) tests.push(anyOf(wanted.map(compile)));
  if (unwanted.length > 0) {
    const hit = anyOf(unwanted.map(compile));
    tests.push((connection) => !hit(connection));
  }
  return tests;
}

function namespaceTest(match: StringMatch): Test {
  const test = compileString(match);
  return (connection) => test(connection.namespace);
}

function principalTest(match: StringMatch): Test {
  const test = compileString(match);
  return ({ principal }) => principal !== undefined && test(principal);
}

/** The trust domain does not matter here. */
const accountTest =
  ({ namespace, serviceAccount }: ServiceAccountMatch): Test =>
  ({ identity }) =>
    identity !== undefined && identity.namespace === namespace && identity.serviceAccount === serviceAccount;

function sourceTest(cidr: Cidr): Test {
  const holds = compileCidr(cidr);
  return (connection) => holds(connection.source);
}

function destinationTest(cidr: Cidr): Test {
  const holds = compileCidr(cidr);
  return (connection) => holds(connection.destination);
}

const portTest =
  (port: number): Test =>
  (connection) =>
    connection.port === port;

function compileString(match: StringMatch): (text: string) => boolean {
  if ('exact' in match) return (text) => text === match.exact;
  if ('prefix' in match) return (text) => text.startsWith(match.prefix);
  if ('suffix' in match) return (text) => text.endsWith(match.suffix);
  return (text) => text !== '';
}

// Plain loops: with many policies these two are the hot path, and `some` and `every` cost twice as much.
function anyOf(tests: readonly Test[]): Test {
  const [only] = tests;
  if (only && tests.length === 1) return only;
  return (connection) => {
    for (const test of tests) if (test(connection)) return true;
    return false;
  };
}

function allOf(tests: readonly Test[]): Test {
  const [only] = tests;
  if (only && tests.length === 1) return only;
  return (connection) => {
    for (const test of tests) if (!test(connection)) return false;
    return true;
  };
}
