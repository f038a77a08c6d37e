// Who may reach a workload. Rows: assert_rbac_* of the reference's catalogue, plus our own: a policy never received denies.
import { describe, expect, test } from 'vitest';
import { authorize, type Verdict } from './authorize.ts';
import type { Policy } from './policy.ts';
import { spiffeId } from './spiffe.ts';
import { delta, ip, match, meshOf, policy, workload } from './testing/index.ts';
import type { Workload } from './workload.ts';

const from = (serviceAccount: string) => [[[match({ serviceAccounts: [{ namespace: 'ns', serviceAccount }] })]]];
const friend = {
  source: { ip: ip('10.0.0.1') },
  destination: { ip: ip('10.0.0.2'), port: 80 },
  identity: spiffeId('cluster.local', 'ns', 'friend'),
};
const stranger = { ...friend, identity: spiffeId('cluster.local', 'ns', 'stranger') };
const server = (given: Partial<Workload> = {}) => workload({ name: 'server', ips: ['10.0.0.2'], ...given });

const decide = (policies: readonly Policy[], connection = friend, to = server()): Verdict =>
  authorize(meshOf({ policies, workloads: [to] }), to, connection);
const allowFriend = policy({ name: 'allow-friend', rules: from('friend') });
const denyFriend = policy({ name: 'deny-friend', action: 'Deny', rules: from('friend') });
const allowAll = policy({ name: 'allow-all', rules: [[]] });
const selector = (name: string, given: Partial<Policy> = {}) => policy({ name, scope: 'WorkloadSelector', ...given });
const listing = (...authorizationPolicies: readonly string[]) => server({ authorizationPolicies });

describe('decision', () => {
  type Row = readonly [rule: string, policies: readonly Policy[], to: Workload, connection: typeof friend, allow: boolean];
  const rows: readonly Row[] = [
    ['no policies: allowed', [], server(), friend, true],
    ['an allow policy that matches', [allowFriend], server(), friend, true],
    ['allow policies exist and none matches: denied', [allowFriend], server(), stranger, false],
    ['a deny policy that matches', [denyFriend], server(), friend, false],
    ['a deny policy that does not match', [denyFriend], server(), stranger, true],
    ['deny goes before allow', [allowAll, denyFriend], server(), friend, false],
    ['any allow policy will do', [allowFriend, allowAll], server(), stranger, true],
    ['an allow policy without rules allows nobody', [policy({ name: 'nobody' })], server(), friend, false],
    ['a deny policy without rules denies nobody', [policy({ name: 'nobody', action: 'Deny' })], server(), friend, true],
    ['policies of another namespace do not apply', [{ ...denyFriend, namespace: 'other' }], server(), friend, true],
    ['global ones do', [{ ...denyFriend, namespace: 'istio-system', scope: 'Global' }], server(), friend, false],
    ['a selector policy applies when listed', [selector('s', { action: 'Deny', rules: [[]] })], listing('ns/s'), friend, false],
    ['and only then', [selector('s', { action: 'Deny', rules: [[]] })], server(), friend, true],
    [
      'one listed under another resource name',
      [selector('s', { key: 'converted_s', action: 'Deny', rules: [[]] })],
      listing('converted_s'),
      friend,
      false,
    ],
    ['a dry-run deny does not deny', [{ ...denyFriend, dryRun: true }], server(), friend, true],
    ['a dry-run allow does not make others denied', [{ ...allowFriend, dryRun: true }], server(), stranger, true],
    ['a dry-run allow does not allow', [{ ...allowAll, dryRun: true }, allowFriend], server(), stranger, false],
    ['a listed policy never received denies', [allowAll], listing('ns/unknown'), friend, false],
  ];
  for (const [rule, policies, to, connection, allow] of rows) test(rule, () => expect(decide(policies, connection, to).allow).toBe(allow));

  test('clear text has no identity to allow', () => {
    const { identity: _, ...clear } = friend;
    const mesh = meshOf({ policies: [allowFriend] });
    expect(authorize(mesh, server(), clear).allow).toBe(false);
  });

  test('a listed policy that was received and removed since does not deny', () => {
    const to = listing('ns/s');
    const mesh = meshOf({ policies: [selector('s', { rules: from('friend') })], workloads: [to] });
    expect(authorize(mesh, to, stranger).allow).toBe(false);
    mesh.apply(delta({ removedPolicies: ['ns/s'] }));
    expect(authorize(mesh, to, stranger).allow).toBe(true);
    mesh.clear();
    expect(authorize(mesh, to, stranger).allow).toBe(false);
  });

  test('a policy that arrives late counts from then on', () => {
    const to = listing('ns/s');
    const mesh = meshOf({ workloads: [to] });
    expect(authorize(mesh, to, friend)).toMatchObject({ allow: false, because: 'never received' });
    mesh.apply(delta({ policies: [selector('s', { rules: from('friend') })] }));
    expect(authorize(mesh, to, friend).allow).toBe(true);
  });
});

describe('what is said', () => {
  const dryDeny = { ...denyFriend, dryRun: true };
  const dryAllow = { ...allowFriend, dryRun: true };
  type Row = readonly [rule: string, policies: readonly Policy[], connection: typeof friend, notes: readonly string[]];
  const rows: readonly Row[] = [
    ['no policy at all', [], friend, ['no allow policies, allow']],
    ['a denial names its policy', [denyFriend], friend, ['deny policy match ns/deny-friend']],
    ['an allowance names its policy', [allowFriend], friend, ['allow policy match ns/allow-friend']],
    ['allow policies that do not match', [allowFriend], stranger, ['no allow policies matched']],
    ['deny policies that do not match', [denyFriend], stranger, ['no allow policies, allow']],
    ['a dry-run denial', [dryDeny], friend, ['dry-run: deny policy match ns/deny-friend', 'no allow policies, allow']],
    ['a dry-run allowance', [dryAllow], friend, ['dry-run: allow policy match ns/allow-friend', 'no allow policies, allow']],
    [
      'dry-run allow policies alone that do not match',
      [dryAllow],
      stranger,
      ['dry-run: no allow policies match', 'no allow policies, allow'],
    ],
    ['beside real ones they are silent', [dryAllow, allowAll], stranger, ['allow policy match ns/allow-all']],
    [
      'dry-run and real together',
      [dryDeny, allowAll],
      friend,
      ['dry-run: deny policy match ns/deny-friend', 'allow policy match ns/allow-all'],
    ],
  ];
  for (const [rule, policies, connection, expected] of rows) {
    test(rule, () => {
      const { notes } = decide(policies, connection);
      expect(notes.map(({ message, policy: label }) => (label ? `${message} ${label}` : message))).toEqual(expected);
    });
  }

  test('every refusal says why', () => {
    expect(decide([denyFriend])).toMatchObject({
      because: 'denied',
      policy: 'ns/deny-friend',
      text: 'explicitly denied by: ns/deny-friend',
    });
    expect(decide([allowFriend], stranger)).toMatchObject({ because: 'not allowed', text: 'allow policies exist, but none allowed' });
    expect(decide([], friend, listing('ns/unknown'))).toMatchObject({
      because: 'never received',
      policy: 'ns/unknown',
      text: 'policy never received: ns/unknown',
    });
  });

  test('a real denial is preferred to a missing policy, for it says more', () => {
    expect(decide([denyFriend], friend, listing('ns/unknown'))).toMatchObject({ because: 'denied' });
  });
});
