// Against an evaluation of policies as users write them: what tunnels are sent never allows more, and never denies less.
import { authorize } from '@ambient-mesh/model/authorize';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { ip, meshOf, workload } from '@ambient-mesh/model/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { policyFrom } from './authorization-policy.ts';
import { authorizationPolicy } from './testing/policies.ts';
import { plainSettings } from './testing/services.ts';

interface Client {
  /** `namespace/account`; undefined in clear text. */
  readonly account: string | undefined;
  readonly ip: string;
  readonly port: number;
}

const clients: readonly Client[] = [undefined, 'ns/web', 'ab/web', 'b/db'].flatMap((account) =>
  ['10.0.0.1', '192.168.0.1'].flatMap((from) => [80, 90].map((port) => ({ account, ip: from, port }))),
);
const server = '10.9.9.9';

type Holds = (value: string, client: Client) => boolean;

const like = (pattern: string, said: string): boolean => {
  if (pattern === '*') return said !== '';
  if (pattern.startsWith('*')) return said.endsWith(pattern.slice(1));
  return pattern.endsWith('*') ? said.startsWith(pattern.slice(0, -1)) : said === pattern;
};
const within = (block: string, address: string): boolean => block === address || (block === '10.0.0.0/8' && address.startsWith('10.'));

const inNamespace: Holds = (value, { account }) => like(value, account?.split('/')[0] ?? '');
const withPrincipal: Holds = (value, { account }) =>
  account !== undefined && like(value, `cluster.local/ns/${account.split('/')[0]}/sa/${account.split('/')[1]}`);
const withAccount: Holds = (value, { account }) => account === (value.includes('/') ? value : `ns/${value}`);
const fromIp: Holds = (value, client) => within(value, client.ip);
const toIp: Holds = (value) => within(value, server);
const toPort: Holds = (value, { port }) => value === String(port);

const seen: Readonly<Record<string, Holds>> = {
  namespaces: inNamespace,
  principals: withPrincipal,
  serviceAccounts: withAccount,
  ipBlocks: fromIp,
  ports: toPort,
  'source.ip': fromIp,
  'source.namespace': inNamespace,
  'source.principal': withPrincipal,
  'destination.ip': toIp,
  'destination.port': toPort,
};

type Lists = Readonly<Record<string, readonly string[]>>;
interface WrittenRule {
  readonly from?: readonly { readonly source: Lists }[];
  readonly to?: readonly { readonly operation: Lists }[];
  readonly when?: readonly { readonly key: string; readonly values: readonly string[]; readonly notValues: readonly string[] }[];
}

const meaningless: Lists = {
  serviceAccounts: ['a/b/c'],
  ipBlocks: ['?'],
  ports: ['?', '99999'],
  'source.ip': ['10.0.0.0/33'],
  'destination.port': ['http'],
};
const meansNothing = (value: string): boolean => Object.values(meaningless).some((each) => each.includes(value));

/** Of a field that tunnels do not see, and of an exception that means nothing, nobody knows: they do not hold. */
function listHolds(field: string, values: readonly string[], client: Client): boolean {
  const wanted = field.startsWith('not') ? `${field.charAt(3).toLowerCase()}${field.slice(4)}` : field;
  const holds = seen[wanted];
  if (values.length === 0) return true;
  if (holds === undefined) return false;
  if (wanted === field) return values.some((value) => holds(value, client));
  return values.every((value) => !meansNothing(value) && !holds(value, client));
}

const partHolds = (part: Lists, client: Client): boolean =>
  Object.entries(part).every(([field, values]) => listHolds(field, values, client));

function ruleHolds({ from, to, when = [] }: WrittenRule, client: Client): boolean {
  return (
    (from === undefined || from.length === 0 || from.some(({ source }) => partHolds(source, client))) &&
    (to === undefined || to.length === 0 || to.some(({ operation }) => partHolds(operation, client))) &&
    when.every(({ key, values, notValues }) => {
      const holds = seen[key];
      if (holds === undefined || notValues.some((value) => meansNothing(value) || holds(value, client))) return false;
      return values.length === 0 || values.some((value) => holds(value, client));
    })
  );
}

/** Whether each client gets through. */
function enforced(action: string, rules: readonly WrittenRule[]): readonly boolean[] {
  const { policy } = policyFrom(authorizationPolicy({ spec: { action, rules } }), plainSettings);
  const to = workload({ name: 'server', ips: [server] });
  const mesh = meshOf({ policies: policy ? [policy] : [], workloads: [to] });
  return clients.map(({ account, ip: from, port }) => {
    const [namespace = '', name = ''] = account?.split('/') ?? [];
    const identity = account === undefined ? undefined : spiffeId('cluster.local', namespace, name);
    return authorize(mesh, to, { source: { ip: ip(from) }, destination: { ip: ip(server), port }, identity }).allow;
  });
}

const values = {
  namespaces: ['ns', 'a*', '*b', '*'],
  principals: ['cluster.local/ns/ns/sa/web', 'cluster.local/ns/a*', '*/sa/db', '*'],
  serviceAccounts: ['web', 'b/db', 'ab/web'],
  ipBlocks: ['10.0.0.1', '10.0.0.0/8', server],
  ports: ['80', '90'],
};
const valuesOfWhen: Lists = {
  'source.ip': values.ipBlocks,
  'source.namespace': values.namespaces,
  'source.principal': values.principals,
  'destination.ip': values.ipBlocks,
  'destination.port': values.ports,
};

interface Oddities {
  readonly bad: Lists;
  readonly unseenOfSource: readonly string[];
  readonly unseenOfOperation: readonly string[];
  readonly unseenKeys: readonly string[];
}
const plain: Oddities = { bad: {}, unseenOfSource: [], unseenOfOperation: [], unseenKeys: [] };
const odd: Oddities = {
  bad: meaningless,
  unseenOfSource: ['requestPrincipals', 'notRemoteIpBlocks', 'trustDomains'],
  unseenOfOperation: ['paths', 'notMethods'],
  unseenKeys: ['request.headers[x]', 'connection.sni'],
};
const exception = (field: string): string => `not${field.charAt(0).toUpperCase()}${field.slice(1)}`;

/** A part with some of the fields; an empty one is anybody. */
function somePart(fields: Lists, unseen: readonly string[], bad: Lists): fc.Arbitrary<Lists> {
  const lists = Object.entries(fields).flatMap(([field, good]) => {
    const list = fc.array(fc.constantFrom(...good, ...(bad[field] ?? [])), { minLength: 1, maxLength: 2 });
    return [[field, list] as const, [exception(field), list] as const];
  });
  const others = unseen.map((field) => [field, fc.constant(['x'])] as const);
  return fc
    .shuffledSubarray([...lists, ...others])
    .chain((chosen) => fc.record(Object.fromEntries(chosen.slice(0, 3))) as fc.Arbitrary<Lists>);
}

function someRules({ bad, unseenOfSource, unseenOfOperation, unseenKeys }: Oddities): fc.Arbitrary<readonly WrittenRule[]> {
  const { ports, ...ofSource } = values;
  const source = somePart(ofSource, unseenOfSource, bad).map((each) => ({ source: each }));
  const operation = somePart({ ports }, unseenOfOperation, bad).map((each) => ({ operation: each }));
  const when = fc.constantFrom(...Object.keys(valuesOfWhen), ...unseenKeys).chain((key) => {
    const list = fc.array(fc.constantFrom(...(valuesOfWhen[key] ?? ['x']), ...(bad[key] ?? [])), { maxLength: 2 });
    return fc.record({ key: fc.constant(key), values: list, notValues: list });
  });
  const rule = fc.record(
    { from: fc.array(source, { maxLength: 2 }), to: fc.array(operation, { maxLength: 2 }), when: fc.array(when, { maxLength: 2 }) },
    { requiredKeys: [] },
  );
  return fc.array(rule, { maxLength: 3 });
}

const isBare = ({ from = [], to = [], when = [] }: WrittenRule): boolean =>
  from.some(({ source }) => Object.keys(source).length === 0) ||
  to.some(({ operation }) => Object.keys(operation).length === 0) ||
  when.some((each) => each.values.length + each.notValues.length === 0);

const written = (rules: readonly WrittenRule[]) => clients.map((client) => rules.some((rule) => ruleHolds(rule, client)));
const runs = { numRuns: 2_000 };

describe('as written', () => {
  test('DENY of what tunnels see denies exactly that', () => {
    fc.assert(
      fc.property(someRules(plain), (rules) => {
        expect(enforced('DENY', rules)).toEqual(written(rules).map((denied) => !denied));
      }),
      runs,
    );
  });

  test('ALLOW of what tunnels see allows exactly that, but nobody by an empty part', () => {
    fc.assert(
      fc.property(someRules(plain), (rules) => {
        fc.pre(!rules.some(isBare));
        expect(enforced('ALLOW', rules)).toEqual(written(rules));
      }),
      runs,
    );
  });
});

describe('whatever is written', () => {
  test('ALLOW never allows more', () => {
    fc.assert(
      fc.property(someRules(odd), (rules) => {
        const meant = written(rules);
        for (const [at, allowed] of enforced('ALLOW', rules).entries()) if (allowed) expect(meant[at]).toBe(true);
      }),
      runs,
    );
  });

  test('DENY never denies less, values without meaning included', () => {
    fc.assert(
      fc.property(someRules(odd), (rules) => {
        const through = enforced('DENY', rules);
        for (const [at, denied] of written(rules).entries()) if (denied) expect(through[at]).toBe(false);
      }),
      runs,
    );
  });
});
