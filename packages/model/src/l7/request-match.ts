// Compiles one rule of a policy for waypoints into a test of a request (facts: control-plane §6.4). Pure.
// Used by authorize-request.ts, and for the conditions of rate limits. Knows what a rule matches, not what follows from it.
// What nobody can judge (a value that cannot be read, an attribute that a connection does not have) leans to the side that its reader names.
import type { IpWords } from '../address.ts';
import { compileCidr, parseCidr } from '../cidr.ts';
import { claimAt, textsOf } from './claims.ts';
import { compileTemplate, isTemplate } from './path-template.ts';
import type { ConditionMatch, OperationMatch, RequestRule, SourceMatch } from './policy.ts';
import { comparablePath, type RequestFacts } from './request-facts.ts';
import { principalPatterns } from './trust-domains.ts';

export type RequestTest = (facts: RequestFacts) => boolean;

/** What is known at the point where the rule is asked: `connection` on TCP, `request` before tokens are checked, `token` after. */
export type Sees = 'connection' | 'request' | 'token';

export interface Reader {
  /** Of the policy: service accounts without a namespace are of this one. */
  readonly namespace: string;
  readonly sees: Sees;
  /** What a part counts as that nobody can judge: true makes the rule wider, for denying; false narrower, for allowing. */
  readonly lean: boolean;
  /** The mesh's own, then its aliases. */
  readonly trustDomains: readonly string[];
}

/** Reads one value; undefined: it means nothing. `lean` here: the side to err on for this value alone. */
type Read = (text: string, reader: Reader, lean: boolean) => RequestTest | undefined;

interface Attribute {
  readonly needs: Sees;
  readonly read: Read;
}

/** Any source, any operation, all conditions. */
export function compileRule(rule: RequestRule, reader: Reader): RequestTest {
  return allOf([
    ...someOf(rule.from, (source) => compileSource(source, reader)),
    ...someOf(rule.to, (operation) => compileOperation(operation, reader)),
    ...rule.when.map((condition) => compileCondition(condition, reader)),
  ]);
}

const someOf = <V>(list: readonly V[], compile: (each: V) => RequestTest): RequestTest[] =>
  list.length === 0 ? [] : [anyOf(list.map(compile))];

function compileSource(source: SourceMatch, reader: Reader): RequestTest {
  return fields(reader, [
    [principal, source.principals, source.notPrincipals],
    [namespace, source.namespaces, source.notNamespaces],
    [serviceAccount, source.serviceAccounts, source.notServiceAccounts],
    [trustDomain, source.trustDomains, source.notTrustDomains],
    [sourceIp, source.ipBlocks, source.notIpBlocks],
    [remoteIp, source.remoteIpBlocks, source.notRemoteIpBlocks],
    [requestPrincipal, source.requestPrincipals, source.notRequestPrincipals],
  ]);
}

function compileOperation(operation: OperationMatch, reader: Reader): RequestTest {
  return fields(reader, [
    [host, operation.hosts, operation.notHosts],
    [port, operation.ports, operation.notPorts],
    [method, operation.methods, operation.notMethods],
    [path, operation.paths, operation.notPaths],
  ]);
}

function compileCondition({ key, values, notValues }: ConditionMatch, reader: Reader): RequestTest {
  const attribute = byKey(key);
  return attribute === undefined ? () => reader.lean : fields(reader, [[attribute, values, notValues]]);
}

type Field = readonly [attribute: Attribute, wanted: readonly string[] | undefined, unwanted: readonly string[] | undefined];

/** All fields must hold. One that names nothing at all says nothing about whom it means. */
function fields(reader: Reader, all: readonly Field[]): RequestTest {
  const tests = all.flatMap((each) => compileField(each, reader));
  return tests.length === 0 ? () => reader.lean : allOf(tests);
}

const order: Readonly<Record<Sees, number>> = { connection: 0, request: 1, token: 2 };

function compileField([attribute, wanted = [], unwanted = []]: Field, reader: Reader): RequestTest[] {
  if (wanted.length + unwanted.length === 0) return [];
  if (order[attribute.needs] > order[reader.sees]) return [() => reader.lean];
  const hit = (texts: readonly string[], lean: boolean): RequestTest =>
    anyOf(texts.map((text) => attribute.read(text, reader, lean) ?? (() => lean)));
  const tests = wanted.length === 0 ? [] : [hit(wanted, reader.lean)];
  if (unwanted.length > 0) {
    const unwelcome = hit(unwanted, !reader.lean);
    tests.push((facts) => !unwelcome(facts));
  }
  return tests;
}

const principal: Attribute = {
  needs: 'connection',
  read: (text, { trustDomains }) => {
    const patterns = principalPatterns(text, trustDomains).map(textTest);
    return ({ connection }) => connection.principal !== undefined && patterns.some((holds) => holds(connection.principal ?? ''));
  },
};

const namespace: Attribute = {
  needs: 'connection',
  read: (text) => {
    const holds = globTest(text);
    return ({ connection }) => connection.identity !== undefined && holds(connection.identity.namespace);
  },
};

const serviceAccount: Attribute = {
  needs: 'connection',
  read: (text, reader) => {
    const parts = text.split('/');
    const [account = '', of = reader.namespace] = parts.toReversed();
    if (parts.length > 2 || account === '' || of === '') return undefined;
    return ({ connection: { identity } }) => identity?.namespace === of && identity.serviceAccount === account;
  },
};

const trustDomain: Attribute = {
  needs: 'connection',
  read: (text) => {
    if (text.split('*').length > 2) return undefined;
    const holds = globTest(text);
    return ({ connection }) => connection.identity !== undefined && holds(connection.identity.trustDomain);
  },
};

const sourceIp = block((facts) => facts.connection.sourceWords);
const destinationIp = block((facts) => facts.connection.destinationWords);
const remoteIp = block((facts) => facts.remoteWords);

const port: Attribute = {
  needs: 'connection',
  read: (text) => {
    const wanted = /^\d{1,5}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
    return wanted > 65_535 ? undefined : (facts) => facts.connection.destination.port === wanted;
  },
};

const sni = text('connection', (facts) => facts.connection.sni);
const method = text('request', (facts) => facts.line.method);

const host: Attribute = {
  needs: 'request',
  read: (text) => {
    const holds = textTest(text.toLowerCase());
    return (facts) => holds(facts.host);
  },
};

const path: Attribute = {
  needs: 'request',
  read: (text) => {
    const pattern = comparablePath(text);
    const holds = isTemplate(pattern) ? compileTemplate(pattern) : textTest(pattern);
    return holds && ((facts) => holds(facts.path));
  },
};

/** `issuer/subject`, taken apart at the last slash. */
const requestPrincipal: Attribute = {
  needs: 'token',
  read: (text) => {
    if (text === '*') return (facts) => facts.claims !== undefined;
    const bare = text.replace(/^\*|\*$/, '');
    const slash = bare.lastIndexOf('/');
    const [issuer, subject] = [bare.slice(0, Math.max(0, slash)), bare.slice(slash + 1)];
    if (text.startsWith('*')) return token(slash < 0 ? '*' : `*${issuer}`, slash < 0 ? `*${subject}` : subject);
    if (text.endsWith('*')) return slash < 0 ? token(`${bare}*`, '*') : token(issuer, `${subject}*`);
    return slash < 0 ? undefined : token(issuer, subject);
  },
};

function token(issuer: string, subject: string): RequestTest {
  const issuerHolds = textTest(issuer);
  const subjectHolds = textTest(subject);
  return (facts) => facts.claimTexts('iss').some(issuerHolds) && facts.claimTexts('sub').some(subjectHolds);
}

const keys: ReadonlyMap<string, Attribute> = new Map([
  ['source.principal', principal],
  ['source.namespace', namespace],
  ['source.serviceAccount', serviceAccount],
  ['source.trustDomain', trustDomain],
  ['source.ip', sourceIp],
  ['remote.ip', remoteIp],
  ['destination.ip', destinationIp],
  ['destination.port', port],
  ['connection.sni', sni],
  ['request.auth.principal', requestPrincipal],
  ['request.auth.audiences', texts((facts) => facts.claimTexts('aud'))],
  ['request.auth.presenter', texts((facts) => facts.claimTexts('azp'))],
]);

/** Undefined: nobody knows the key. */
function byKey(key: string): Attribute | undefined {
  const known = keys.get(key);
  if (known) return known;
  const [, name] = /^request\.headers\[([^[\]]+)\]$/.exec(key) ?? [];
  if (name !== undefined) return header(name.toLowerCase());
  const [, nested] = /^request\.auth\.claims((?:\[[^[\]]+\])+)$/.exec(key) ?? [];
  if (nested === undefined) return undefined;
  const names = nested.slice(1, -1).split('][');
  return texts((facts) => (facts.claims === undefined ? [] : textsOf(claimAt(facts.claims, names))));
}

/** A header that comes several times: leaning to a match any of them will do, and all of them as one list; else every one must match. */
function header(name: string): Attribute {
  return {
    needs: 'request',
    read: (text, _, lean) => {
      const holds = text === '*' ? () => true : textTest(text);
      return (facts) => {
        const values = facts.header(name);
        if (lean) return values.length > 0 && (values.some(holds) || holds(values.join(',')));
        return values.length > 0 && values.every(holds);
      };
    },
  };
}

function text(needs: Sees, of: (facts: RequestFacts) => string): Attribute {
  const read: Read = (wanted) => {
    const holds = textTest(wanted);
    return (facts) => holds(of(facts));
  };
  return { needs, read };
}

/** Any of the token's texts. */
function texts(of: (facts: RequestFacts) => readonly string[]): Attribute {
  const read: Read = (wanted) => {
    const holds = textTest(wanted);
    return (facts) => of(facts).some(holds);
  };
  return { needs: 'token', read };
}

function block(of: (facts: RequestFacts) => IpWords): Attribute {
  const read: Read = (text) => {
    const cidr = parseCidr(text);
    if (cidr === undefined) return undefined;
    const holds = compileCidr(cidr);
    return (facts) => holds(of(facts));
  };
  return { needs: 'connection', read };
}

/** Only one end may be open; `*` alone: any text but the empty one. */
function textTest(pattern: string): (text: string) => boolean {
  if (pattern === '*') return (text) => text !== '';
  if (pattern.startsWith('*')) return (text) => text.endsWith(pattern.slice(1));
  if (pattern.endsWith('*')) return (text) => text.startsWith(pattern.slice(0, -1));
  return (text) => text === pattern;
}

/** Every `*` stands for any characters, none included. Walked once, so that no pattern can make it slow. */
function globTest(pattern: string): (text: string) => boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return (text) => text === pattern;
  return (text) => {
    if (!text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const part of rest) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= text.length - last.length;
  };
}

// Plain loops: with many policies these two are the hot path.
function anyOf(tests: readonly RequestTest[]): RequestTest {
  const [only] = tests;
  if (only && tests.length === 1) return only;
  return (facts) => {
    for (const test of tests) if (test(facts)) return true;
    return false;
  };
}

function allOf(tests: readonly RequestTest[]): RequestTest {
  const [only] = tests;
  if (only && tests.length === 1) return only;
  return (facts) => {
    for (const test of tests) if (!test(facts)) return false;
    return true;
  };
}
