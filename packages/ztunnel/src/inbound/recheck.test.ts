// Which open connections a change of the mesh cuts: those that would not be let in now, and no others.
// Beside recheck.ts; the rules of policies themselves are tested in the model.
// That the data plane asks after the right changes is told by its compliance suite.

import type { Policy } from '@ambient-mesh/model/policy';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { delta, ip, match, meshOf, policy, workload } from '@ambient-mesh/model/testing';
import { expect, test } from 'vitest';
import { Connections, type Entry } from '../connections.ts';
import { recheck } from './recheck.ts';

const server = workload({ name: 'server', ips: ['10.0.0.2'] });
const client = spiffeId('cluster.local', 'ns', 'client');
const other = spiffeId('cluster.local', 'ns', 'other');

function open(connections: Connections, more: Partial<NonNullable<Entry['subject']>> = {}) {
  const destination = { ip: ip('10.0.0.2'), port: 8080 };
  return connections.inbound({
    from: { ip: ip('10.0.0.1'), port: 4000 },
    originalDst: undefined,
    to: destination,
    protocol: 'HBONE',
    subject: { workload: server, identity: client, destination, ...more },
    peers: [],
  });
}

const naming = (account: string) => [[[match({ serviceAccounts: [{ namespace: 'ns', serviceAccount: account }] })]]];
const deny = policy({ name: 'deny', action: 'Deny', rules: naming('client') });
const allow = policy({ name: 'allow', rules: naming('client') });
const onPort = (port: number): Policy => policy({ name: 'port', action: 'Deny', rules: [[[match({ destinationPorts: [port] })]]] });

const rows: readonly (readonly [rule: string, policies: readonly Policy[], lists: readonly string[], cut: string | undefined])[] = [
  ['nothing forbids it', [], [], undefined],
  ['a policy denies it', [deny], [], 'explicitly denied by: ns/deny'],
  ['a policy denies another', [policy({ ...deny, rules: naming('other') })], [], undefined],
  ['a policy allows it', [allow], [], undefined],
  ['policies allow others only', [policy({ ...allow, rules: naming('other') })], [], 'allow policies exist, but none allowed'],
  ['a policy denies it for a trial', [{ ...deny, dryRun: true }], [], undefined],
  ['a policy of another namespace', [policy({ ...deny, namespace: 'elsewhere' })], [], undefined],
  ['a policy of the whole mesh', [{ ...deny, scope: 'Global' }], [], 'explicitly denied by: ns/deny'],
  ['a policy for selected workloads, this one', [{ ...deny, scope: 'WorkloadSelector' }], ['ns/deny'], 'explicitly denied by: ns/deny'],
  ['a policy for selected workloads, others', [{ ...deny, scope: 'WorkloadSelector' }], [], undefined],
  ['a listed policy that was never received', [], ['ns/late'], undefined],
  ['a policy on its port', [onPort(8080)], [], 'explicitly denied by: ns/port'],
  ['a policy on another port', [onPort(8081)], [], undefined],
];
test.each(rows)('%s', (_, policies, authorizationPolicies, cut) => {
  const connections = new Connections();
  const connection = open(connections);
  const mesh = meshOf({ workloads: [{ ...server, authorizationPolicies }], policies });
  expect(recheck(mesh, connections)).toEqual(cut === undefined ? [] : [connection]);
  expect(connection.cutBecause).toEqual(cut === undefined ? undefined : expect.objectContaining({ because: 'policy', text: cut }));
});

test('the cut names the policy that denied', () => {
  const connections = new Connections();
  const connection = open(connections);
  recheck(meshOf({ workloads: [server], policies: [deny] }), connections);
  expect(connection.cutBecause).toEqual({ because: 'policy', policy: 'ns/deny', text: 'explicitly denied by: ns/deny' });
});

test('only those that are denied are cut, each judged by its own identity', () => {
  const connections = new Connections();
  const [denied, plaintext, allowed] = [
    open(connections),
    open(connections, { identity: undefined }),
    open(connections, { identity: other }),
  ];
  expect(recheck(meshOf({ workloads: [server], policies: [deny] }), connections)).toEqual([denied]);
  expect([plaintext.cutBecause, allowed.cutBecause]).toEqual([undefined, undefined]);
});

test('a workload is judged as it is now, not as it was', () => {
  const connections = new Connections();
  const connection = open(connections);
  const mesh = meshOf({ workloads: [server], policies: [{ ...deny, scope: 'WorkloadSelector' }] });
  expect(recheck(mesh, connections)).toEqual([]);
  mesh.apply(delta({ workloads: [{ ...server, authorizationPolicies: ['ns/deny'] }] }));
  expect(recheck(mesh, connections)).toEqual([connection]);
});

test('one that vanished is judged as it was', () => {
  const connections = new Connections();
  const connection = open(connections);
  expect(recheck(meshOf({ policies: [deny] }), connections)).toEqual([connection]);
});

test('outbound connections are not judged here, nor inbound ones that never got so far', () => {
  const connections = new Connections();
  const { subject: _, ...early } = open(connections).entry;
  connections.cutAll({ because: 'drain' });
  const fresh = new Connections();
  const untouched = [fresh.inbound(early), fresh.outbound(early)];
  expect(recheck(meshOf({ policies: [deny] }), fresh)).toEqual([]);
  expect(untouched.map(({ cutBecause }) => cutBecause)).toEqual([undefined, undefined]);
});

test('a connection that ends by being cut does not disturb the others', () => {
  const connections = new Connections();
  const all = [open(connections), open(connections), open(connections)];
  for (const connection of all) connection.whenCut(() => connection[Symbol.dispose]());
  expect(recheck(meshOf({ workloads: [server], policies: [deny] }), connections)).toEqual(all);
});
