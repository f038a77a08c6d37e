// What node tunnels are sent of an AuthorizationPolicy, and what its status says. Rows by the numbers of the fact sheet, and its goldens by name.
import { describe, expect, test } from 'vitest';
import { policyFrom } from './authorization-policy.ts';
import { authorizationPolicy, rulesOf, type Written } from './testing/policies.ts';
import { plainSettings } from './testing/services.ts';

const from = (...sources: readonly unknown[]) => ({ from: sources.map((source) => ({ source })) });
const to = (...operations: readonly unknown[]) => ({ to: operations.map((operation) => ({ operation })) });
const when = (key: string, values?: readonly string[], notValues?: readonly string[]) => ({ key, values, notValues });
const rules = (...all: readonly unknown[]) => ({ rules: all });

/** All that both say: rules, and the condition as `status reason`. */
type Row = readonly [rule: string, spec: object, rules: readonly string[] | undefined, condition?: string];

function check([rule, spec, expected, condition = 'True Accepted']: Row): void {
  test(rule, () => {
    const verdict = policyFrom(authorizationPolicy({ spec }), plainSettings);
    expect(rulesOf(verdict.policy)).toEqual(expected);
    expect(verdict.condition).toMatchObject({ type: 'ZtunnelAccepted', observedGeneration: 3 });
    expect(`${verdict.condition?.status} ${verdict.condition?.reason}`).toBe(condition);
    expect(verdict.unenforced === undefined).toBe(condition === 'True Accepted');
  });
}

describe('1 to 4: what is sent', () => {
  type Sent = readonly [rule: string, written: Written, settings: Partial<typeof plainSettings>, sent: string | undefined, said?: string];
  const any = { rules: [{}] };
  const dry = { 'istio.io/dry-run': 'true' };
  const rows: readonly Sent[] = [
    ['a dry run is not sent', { spec: any, annotations: dry }, {}, undefined, 'False UnsupportedValue'],
    ['1: unless dry runs are turned on', { spec: any, annotations: dry }, { dryRun: true }, 'Namespace Allow dry'],
    ['1: T is true', { spec: any, annotations: { 'istio.io/dry-run': 'T' } }, { dryRun: true }, 'Namespace Allow dry'],
    ['1: what is no truth value is no dry run', { spec: any, annotations: { 'istio.io/dry-run': 'yes' } }, {}, 'Namespace Allow'],
    ['2: with targets it is for waypoints', { spec: { ...any, targetRefs: [{ kind: 'Service', name: 'web' }] } }, {}, undefined, ''],
    ['2: one target too', { spec: { ...any, targetRef: { kind: 'Service', name: 'web' } } }, {}, undefined, ''],
    ['2: an empty list of targets is none', { spec: { ...any, targetRefs: [] } }, {}, 'Namespace Allow'],
    ['3: without a selector it is for its namespace', { spec: any }, {}, 'Namespace Allow'],
    ['3: of the root namespace it is for all', { spec: any, namespace: 'istio-system' }, {}, 'Global Allow'],
    ['3: with a selector it is listed', { spec: { ...any, selector: { matchLabels: { app: 'web' } } } }, {}, 'WorkloadSelector Allow'],
    ['3: in the root namespace too', { spec: { ...any, selector: {} }, namespace: 'istio-system' }, {}, 'WorkloadSelector Allow'],
    ['3: an empty selector is one', { spec: { ...any, selector: {} } }, {}, 'WorkloadSelector Allow'],
    ['4: DENY', { spec: { ...any, action: 'DENY' } }, {}, 'Namespace Deny'],
    ['4: CUSTOM is not sent', { spec: { ...any, action: 'CUSTOM' } }, {}, undefined, 'False UnsupportedValue'],
    ['4: AUDIT is not sent', { spec: { ...any, action: 'AUDIT' } }, {}, undefined, 'False UnsupportedValue'],
    ['of another revision it is not ours', { spec: any, labels: { 'istio.io/rev': 'b' } }, { revision: 'a' }, undefined, ''],
  ];
  for (const [rule, written, settings, sent, said = 'True Accepted'] of rows)
    test(rule, () => {
      const { policy, condition } = policyFrom(authorizationPolicy(written), { ...plainSettings, ...settings });
      expect(policy && `${policy.scope} ${policy.action}${policy.dryRun ? ' dry' : ''}`).toBe(sent);
      expect(condition === undefined ? '' : `${condition.status} ${condition.reason}`).toBe(said);
    });

  test('3: the verdict says whom the selector is about', () => {
    const { policy, selector } = policyFrom(authorizationPolicy({ spec: { selector: { matchLabels: { app: 'web' } } } }), plainSettings);
    expect(selector).toEqual({ app: 'web' });
    expect(policy).toMatchObject({ key: 'ns/policy', name: 'policy', namespace: 'ns' });
  });

  test('4: the action is named', () => {
    const { condition, unenforced } = policyFrom(authorizationPolicy({ spec: { action: 'AUDIT' } }), plainSettings);
    expect(condition?.message).toBe('ztunnel does not support the AUDIT action');
    expect(unenforced).toMatchObject({ reason: 'UnsupportedAction', attributes: ['AUDIT'] });
  });
});

describe('5 to 9: rules', () => {
  const rows: readonly Row[] = [
    [
      '5: to before from before when',
      rules({ ...from({ namespaces: ['a'] }), ...to({ ports: ['80'] }), when: [when('source.ip', ['1.1.1.1'])] }),
      ['(ports 80) AND (namespaces a) AND (from 1.1.1.1/32)'],
    ],
    [
      '5: entries of one list are alternatives',
      rules({ ...from({ namespaces: ['a'] }, { principals: ['p'] }), ...to({ ports: ['80'] }, { ports: ['90'] }) }),
      ['(ports 80 OR ports 90) AND (namespaces a OR principals p)'],
    ],
    [
      '5: every when is a condition of its own',
      rules({ when: [when('source.ip', ['1.1.1.1']), when('source.ip', ['2.2.2.2'])] }),
      ['(from 1.1.1.1/32) AND (from 2.2.2.2/32)'],
    ],
    [
      '5: fields of one entry hold together',
      rules(from({ namespaces: ['a'], notNamespaces: ['b'], ipBlocks: ['10.0.0.0/8'] })),
      ['(namespaces a; not namespaces b; from 10.0.0.0/8)'],
    ],
    ['6: source.ip', rules({ when: [when('source.ip', ['1.1.1.1'], ['2.0.0.0/8'])] }), ['(from 1.1.1.1/32; not from 2.0.0.0/8)']],
    ['6: source.namespace', rules({ when: [when('source.namespace', ['a*'], ['b'])] }), ['(namespaces a*; not namespaces b)']],
    ['6: source.principal', rules({ when: [when('source.principal', ['*a'], ['*'])] }), ['(principals *a; not principals *)']],
    ['6: destination.ip', rules({ when: [when('destination.ip', ['1.1.1.1'], ['2.2.2.2'])] }), ['(to 1.1.1.1/32; not to 2.2.2.2/32)']],
    ['6: destination.port', rules({ when: [when('destination.port', ['80'], ['90'])] }), ['(ports 80; not ports 90)']],
    ['7: presence, suffix, prefix, exact', rules(from({ principals: ['*', '*x', 'x*', 'x'] })), ['(principals * *x x* x)']],
    ['7: only one end is open', rules(from({ namespaces: ['*a*'] })), ['(namespaces *a*)']],
    ['7: no character is special', rules(from({ namespaces: ['a.b', 'a+', '^a$'] })), ['(namespaces a.b a+ ^a$)']],
    [
      '8: accounts of the own namespace and of others',
      rules(from({ serviceAccounts: ['web', 'other/web'], notServiceAccounts: ['db'] })),
      ['(accounts ns/web other/web; not accounts ns/db)'],
    ],
    ['8: accounts are exact', rules(from({ serviceAccounts: ['*'] })), ['(accounts ns/*)']],
    ['9: ports', rules(to({ ports: ['0', '65535', '080'], notPorts: ['1'] })), ['(ports 0 65535 80; not ports 1)']],
    ['9: numbers are ports too', rules(to({ ports: [80] })), ['(ports 80)']],
    [
      '9: addresses and blocks, as written',
      rules(from({ ipBlocks: ['1.2.3.4', '10.1.2.3/8', 'fd00::1', 'fd00::/8', '::ffff:1.2.3.4'] })),
      ['(from 1.2.3.4/32 10.1.2.3/8 fd00::1/128 fd00::/8 1.2.3.4/32)'],
    ],
  ];
  for (const row of rows) check(row);

  test('7: a suffix and a text that only looks like a pattern', () => {
    const { policy } = policyFrom(authorizationPolicy({ spec: rules(from({ namespaces: ['*a*', 'a.*b'] })) }), plainSettings);
    expect(policy?.rules[0]?.[0]?.[0]?.namespaces).toEqual([{ suffix: 'a*' }, { exact: 'a.*b' }]);
  });
});

describe('9: values that mean nothing allow nobody, and deny everybody whom they might mean', () => {
  const bad = 'True UnsupportedValue';
  const rows: readonly (readonly [rule: string, rule: object, allowed: readonly string[], denied: readonly string[]])[] = [
    ['the only port', to({ ports: ['http'] }), [], ['everybody']],
    ['one of two ports', to({ ports: ['http', '80'] }), ['(ports 80)'], ['everybody']],
    ['a port too large', to({ ports: ['65536'] }), [], ['everybody']],
    ['an exception', to({ ports: ['80'], notPorts: ['http'] }), [], ['(ports 80)']],
    ['one of two exceptions', to({ notPorts: ['http', '90'] }), [], ['(not ports 90)']],
    ['the only exception', to({ notPorts: ['http'] }), [], ['everybody']],
    ['an address among fields', from({ ipBlocks: ['10.0.0.0/33'], namespaces: ['a'] }), [], ['(namespaces a)']],
    ['one of two sources', from({ ipBlocks: ['nope'] }, { namespaces: ['a'] }), ['(namespaces a)'], ['everybody']],
    ['an account of three parts', from({ serviceAccounts: ['a/b/c'] }), [], ['everybody']],
    ['a value of when', { when: [when('destination.port', ['http'])] }, [], ['everybody']],
    ['the other conditions stay', { ...to({ ports: ['http'] }), ...from({ namespaces: ['a'] }) }, [], ['(namespaces a)']],
    ['an empty source', from({}), [], ['everybody']],
    ['an empty operation', { ...to({}), ...from({ namespaces: ['a'] }) }, [], ['(namespaces a)']],
    ['a when without values', { when: [when('source.ip')] }, [], ['everybody']],
  ];
  for (const [rule, written, allowed, denied] of rows) {
    check([`ALLOW: ${rule}`, rules(written), allowed, bad]);
    check([`DENY: ${rule}`, { action: 'DENY', ...rules(written) }, denied, bad]);
  }

  test('the condition names field and value, and at most ten of them', () => {
    const ports = Array.from({ length: 12 }, (_, at) => `p${10 + at}`);
    const { condition, unenforced } = policyFrom(authorizationPolicy({ spec: rules(to({ ports })) }), plainSettings);
    expect(condition?.message).toMatch(/^Values that mean nothing: ports: "p10", .* and 2 more\. /);
    expect(unenforced).toMatchObject({ reason: 'UnreadableValue' });
  });
});

const httpSource = ['remoteIpBlocks', 'notRemoteIpBlocks', 'requestPrincipals', 'notRequestPrincipals', 'trustDomains', 'notTrustDomains'];
const httpOperation = ['hosts', 'notHosts', 'methods', 'notMethods', 'paths', 'notPaths'];

describe('10: attributes that tunnels do not see', () => {
  const l7 = 'True UnsupportedValue';
  const fields = [
    ...httpSource.map((field) => [field, from({ namespaces: ['a'], [field]: ['x'] }), '(namespaces a)', from({ [field]: ['x'] })] as const),
    ...httpOperation.map((field) => [field, to({ ports: ['80'], [field]: ['x'] }), '(ports 80)', to({ [field]: ['x'] })] as const),
    ...['request.headers[x]', 'connection.sni', 'source.trustDomain', 'unheard.of'].map(
      (key) =>
        [
          key,
          { ...from({ namespaces: ['a'] }), when: [when(key, ['x'])] },
          '(namespaces a) AND (nobody)',
          { when: [when(key, ['x'])] },
        ] as const,
    ),
  ];
  for (const [field, mixed, kept, alone] of fields) {
    check([`ALLOW with ${field}: the rule is left out`, rules(mixed, {}), ['everybody'], l7]);
    check([`DENY with ${field}: the rest is kept`, { action: 'DENY', ...rules(mixed) }, [kept], l7]);
    check([`DENY with ${field} alone holds for nobody`, { action: 'DENY', ...rules(alone) }, ['(nobody)'], l7]);
  }
  const rows: readonly Row[] = [
    ['ALLOW: one alternative spoils the rule', rules(to({ paths: ['/'] }, { ports: ['80'] })), [], l7],
    ['ALLOW: other rules stay', rules(to({ paths: ['/'] }), from({ namespaces: ['a'] })), ['(namespaces a)'], l7],
    ['a field that nobody knows is not passed over', rules(from({ namespaces: ['a'], moonPhase: ['full'] })), [], l7],
    ['nor is one of a rule', rules({ ...from({ namespaces: ['a'] }), unless: [] }), [], l7],
    ['nor is a rule that is none', { rules: [null, 'any'] }, [], l7],
    ['nor one that should be a list', rules(to({ ports: ['80'], paths: '/' })), [], l7],
    [
      'DENY: whom it narrows is denied',
      { action: 'DENY', ...rules(from({ namespaces: ['a'], moonPhase: ['full'] })) },
      ['(namespaces a)'],
      l7,
    ],
    ['DENY: also where nothing else is known', { action: 'DENY', ...rules(from({ moonPhase: ['full'] })) }, ['everybody'], l7],
    ['empty lists say nothing', rules(to({ ports: ['80'], paths: [] })), ['(ports 80)']],
  ];
  for (const row of rows) check(row);
});

describe('11: emptiness', () => {
  const rows: readonly Row[] = [
    ['an empty rule is for everybody', rules({}), ['everybody']],
    ['empty lists are no conditions', rules({ from: [], to: [], when: [] }), ['everybody']],
    ['no rules: nobody is allowed', {}, []],
    ['no rules: nobody is denied', { action: 'DENY', rules: [] }, []],
  ];
  for (const row of rows) check(row);
});

describe('12: what the condition says', () => {
  const rows: readonly (readonly [rule: string, spec: object, message: string])[] = [
    ['nothing is wrong', rules({}), 'attached to ztunnel'],
    [
      'names are sorted, each once',
      rules(to({ paths: ['/'], methods: ['GET'] }), to({ paths: ['/'] })),
      'ztunnel does not see these attributes: methods, paths. Rules that use them are left out, so the policy allows less than written',
    ],
    [
      'DENY with a part that can be enforced',
      { action: 'DENY', ...rules(to({ ports: ['80'], paths: ['/'] })) },
      'ztunnel does not see these attributes: paths. They are left out of the rules, so the policy denies more than written',
    ],
    [
      'DENY with nothing that can be enforced',
      { action: 'DENY', ...rules(to({ paths: ['/'] }), { ...from({ namespaces: ['a'] }), ...to({ paths: ['/'] }) }) },
      'ztunnel does not see these attributes: paths. Without them its rules hold for nobody, so the policy has no effect; attach it to a waypoint with targetRefs',
    ],
    [
      'DENY with a rule that is lost, and one that is not',
      { action: 'DENY', ...rules(to({ paths: ['/'] }), from({ namespaces: ['a'] })) },
      'ztunnel does not see these attributes: paths. What only they describe is not denied; attach the policy to a waypoint with targetRefs',
    ],
    [
      'both kinds of trouble',
      rules(to({ paths: ['/'] }), to({ ports: ['http'] })),
      'ztunnel does not see these attributes: paths. Rules that use them are left out, so the policy allows less than written. Values that mean nothing: ports: "http". They allow nobody, so the policy allows less than written',
    ],
  ];
  for (const [rule, spec, message] of rows)
    test(rule, () => expect(policyFrom(authorizationPolicy({ spec }), plainSettings).condition?.message).toBe(message));
});

describe('goldens', () => {
  const groups = rules(from({ namespaces: ['a'] }), to({ ports: ['80'] }), {
    ...from({ namespaces: ['b'] }, { principals: ['p'] }),
    ...to({ ports: ['1'] }, { ports: ['2'] }),
  });
  const grouped = ['(namespaces a)', '(ports 80)', '(ports 1 OR ports 2) AND (namespaces b OR principals p)'];
  const full = {
    ...from({
      ...{ namespaces: ['a', 'a*'], notNamespaces: ['b'], principals: ['*/sa/x'], notPrincipals: ['*'] },
      ...{ ipBlocks: ['10.0.0.0/8'], notIpBlocks: ['10.1.0.0/16'] },
    }),
    ...to({ ports: ['80'], notPorts: ['90'] }),
    when: [when('destination.ip', ['1.1.1.1']), when('source.principal', undefined, ['q'])],
  };
  const whole =
    '(ports 80; not ports 90) AND (namespaces a a*; not namespaces b; principals */sa/x; not principals *; from 10.0.0.0/8; not from 10.1.0.0/16) AND (to 1.1.1.1/32) AND (not principals q)';
  const rows: readonly Row[] = [
    ['allow-full', rules(full), [whole]],
    ['allow-groups', groups, grouped],
    ['deny-groups', { action: 'DENY', ...groups }, grouped],
  ];
  for (const row of rows) check(row);
});
