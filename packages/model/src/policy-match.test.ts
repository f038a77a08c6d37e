// What a policy matches. Rows: rbac_empty_policy, rbac_nesting, rbac_multi_rule, the truth table per attribute, and string_match
// of the reference's catalogue.
import { describe, expect, test } from 'vitest';
import { parseCidr } from './cidr.ts';
import type { Cidr, Match, Rule, StringMatch } from './policy.ts';
import { Attributes, compilePolicy } from './policy-match.ts';
import { spiffeId } from './spiffe.ts';
import { ip, match, policy } from './testing/index.ts';

const matches = (rules: readonly Rule[], connection: Attributes): boolean => compilePolicy(policy({ name: 'p', rules }))(connection);

const to = { ip: ip('10.0.0.2'), port: 8080 };
const plain = new Attributes(ip('10.0.0.1'), to, undefined);
const mtls = new Attributes(ip('10.0.0.1'), to, spiffeId('td', 'ns', 'sa'));
const other = new Attributes(ip('fd00::1'), { ip: ip('fd00::2'), port: 80 }, spiffeId('other', 'elsewhere', 'someone'));

describe('structure', () => {
  const yes = match({ destinationPorts: [8080] });
  const no = match({ destinationPorts: [1] });
  const empty = match({});
  const rows: readonly (readonly [rule: string, rules: readonly Rule[], matched: boolean])[] = [
    ['no rules match nothing', [], false],
    ['a rule without clauses matches everything', [[]], true],
    ['a clause without matches is true', [[[]]], true],
    ['an empty match is false', [[[empty]]], false],
    ['a clause of empty matches only is false', [[[empty, empty]]], false],
    ['one match of a clause is enough', [[[no, yes]]], true],
    ['an empty match beside another does not count', [[[empty, yes]]], true],
    ['all clauses of a rule are needed', [[[yes], [no]]], false],
    ['all clauses of a rule hold', [[[yes], [no, yes]]], true],
    ['one rule is enough', [[[no]], [[yes]]], true],
    ['none of the rules', [[[no]], [[yes], [no]]], false],
    ['the kinds of one match are all needed', [[[match({ destinationPorts: [8080], namespaces: [{ exact: 'x' }] })]]], false],
  ];
  for (const [rule, rules, matched] of rows) test(rule, () => expect(matches(rules, mtls)).toBe(matched));
});

describe('attributes', () => {
  const cidr = (text: string): Cidr => parseCidr(text) ?? { ip: ip('::'), length: 0 };
  type Row = readonly [rule: string, match: Partial<Match>, plain: boolean, mtls: boolean, other: boolean];
  const rows: readonly Row[] = [
    ['namespaces', { namespaces: [{ exact: 'ns' }] }, false, true, false],
    ['namespaces: clear text has the empty one', { namespaces: [{ exact: '' }] }, true, false, false],
    ['namespaces: presence means some identity', { namespaces: [{ presence: true }] }, false, true, true],
    ['notNamespaces', { notNamespaces: [{ exact: 'ns' }] }, true, false, true],
    [
      'serviceAccounts: both parts, whatever the trust domain',
      { serviceAccounts: [{ namespace: 'ns', serviceAccount: 'sa' }] },
      false,
      true,
      false,
    ],
    ['serviceAccounts: the empty one is not clear text', { serviceAccounts: [{ namespace: '', serviceAccount: '' }] }, false, false, false],
    ['notServiceAccounts', { notServiceAccounts: [{ namespace: 'ns', serviceAccount: 'sa' }] }, true, false, true],
    ['principals: without the scheme', { principals: [{ exact: 'td/ns/ns/sa/sa' }] }, false, true, false],
    ['principals: with the scheme never', { principals: [{ exact: 'spiffe://td/ns/ns/sa/sa' }] }, false, false, false],
    ['principals: presence', { principals: [{ presence: true }] }, false, true, true],
    ['principals: the empty one is not clear text', { principals: [{ exact: '' }] }, false, false, false],
    ['principals: an empty prefix is not clear text', { principals: [{ prefix: '' }] }, false, true, true],
    ['principals: the trust domain counts', { principals: [{ prefix: 'td/' }] }, false, true, false],
    ['notPrincipals', { notPrincipals: [{ exact: 'td/ns/ns/sa/sa' }] }, true, false, true],
    ['sourceIps', { sourceIps: [cidr('10.0.0.1')] }, true, true, false],
    ['sourceIps: a block', { sourceIps: [cidr('fd00::/8')] }, false, false, true],
    ['sourceIps: any of several', { sourceIps: [cidr('1.1.1.1'), cidr('10.0.0.0/31')] }, true, true, false],
    ['notSourceIps', { notSourceIps: [cidr('10.0.0.1')] }, false, false, true],
    ['destinationIps', { destinationIps: [cidr('10.0.0.2')] }, true, true, false],
    ['notDestinationIps', { notDestinationIps: [cidr('10.0.0.0/24')] }, false, false, true],
    ['destinationPorts', { destinationPorts: [8080] }, true, true, false],
    ['notDestinationPorts', { notDestinationPorts: [8080] }, false, false, true],
    ['notDestinationPorts: none of several', { notDestinationPorts: [1, 8080] }, false, false, true],
    [
      'wanted and unwanted of one kind are both needed',
      { namespaces: [{ presence: true }], notNamespaces: [{ exact: 'ns' }] },
      false,
      false,
      true,
    ],
  ];
  for (const [rule, given, ...expected] of rows) {
    test(rule, () => expect([plain, mtls, other].map((connection) => matches([[[match(given)]]], connection))).toEqual(expected));
  }
});

describe('strings', () => {
  const rows: readonly (readonly [rule: string, match: StringMatch, text: string, hit: boolean])[] = [
    ['exact', { exact: 'abc' }, 'abc', true],
    ['exact is not a prefix', { exact: 'abc' }, 'abcd', false],
    ['exact counts case', { exact: 'abc' }, 'Abc', false],
    ['exact of nothing', { exact: '' }, '', true],
    ['prefix', { prefix: 'ab' }, 'abc', true],
    ['prefix is not a suffix', { prefix: 'bc' }, 'abc', false],
    ['prefix of nothing', { prefix: 'ab' }, '', false],
    ['suffix', { suffix: 'bc' }, 'abc', true],
    ['suffix is not a prefix', { suffix: 'ab' }, 'abc', false],
    ['suffix of nothing', { suffix: 'ab' }, '', false],
    ['presence', { presence: true }, 'abc', true],
    ['presence of nothing', { presence: true }, '', false],
  ];
  for (const [rule, given, text, hit] of rows) {
    const connection = text === '' ? plain : new Attributes(ip('10.0.0.1'), to, spiffeId('td', text, 'sa'));
    test(rule, () => expect(matches([[[match({ namespaces: [given] })]]], connection)).toBe(hit));
  }
});
