// Which NetworkPolicies stand in the way of the mesh, and which only look so.
import { expect, test } from 'vitest';
import { blockedBy, type NetworkPolicy, type Openings, type PolicyPort } from './network-policy.ts';

const everything = { matchLabels: {}, matchExpressions: [] };
const policy = (more: Partial<NetworkPolicy>): NetworkPolicy => ({
  namespace: 'shop',
  name: more.uid ?? 'p',
  uid: 'p',
  pods: everything,
  ingress: undefined,
  egress: undefined,
  ...more,
});
const port = (number: number | string, more: Partial<PolicyPort> = {}): PolicyPort => ({
  protocol: 'TCP',
  port: number,
  endPort: undefined,
  ...more,
});
const opens = (...rules: readonly (readonly PolicyPort[])[]): Openings => ({ rules });
const web = { namespace: 'shop', name: 'web', labels: { app: 'web' } };
const said = (policies: readonly NetworkPolicy[], pods = [web]): readonly string[] =>
  blockedBy(policies, pods).map(({ policy: { name }, direction, pods: names }) => `${name} ${direction} ${names.join()}`);

const rows: readonly (readonly [name: string, policies: readonly NetworkPolicy[], want: readonly string[]])[] = [
  ['no policy', [], []],
  ['only the application port', [policy({ ingress: opens([port(8080)]) })], ['p ingress web']],
  ['a named port', [policy({ ingress: opens([port('http')]) })], ['p ingress web']],
  ['every port', [policy({ ingress: opens([]) })], []],
  ['every TCP port', [policy({ ingress: opens([{ protocol: 'TCP', port: undefined, endPort: undefined }]) })], []],
  ['every UDP port', [policy({ ingress: opens([{ protocol: 'UDP', port: undefined, endPort: undefined }]) })], ['p ingress web']],
  ["the tunnel's port by number", [policy({ ingress: opens([port(8080), port(15_008)]) })], []],
  ['a range around it', [policy({ ingress: opens([port(15_000, { endPort: 15_010 })]) })], []],
  ['a range beside it', [policy({ ingress: opens([port(15_009, { endPort: 15_010 })]) })], ['p ingress web']],
  ['the same number in UDP', [policy({ ingress: opens([port(15_008, { protocol: 'UDP' })]) })], ['p ingress web']],
  ['everything shut on purpose', [policy({ ingress: opens() })], []],
  [
    'shut, and one port opened',
    [policy({ uid: 'shut', ingress: opens() }), policy({ uid: 'open', ingress: opens([port(80)]) })],
    ['open ingress web'],
  ],
  [
    'another policy opens the tunnel',
    [policy({ uid: 'a', ingress: opens([port(80)]) }), policy({ uid: 'b', ingress: opens([port(15_008)]) })],
    [],
  ],
  ['egress to a database only', [policy({ egress: opens([port(5432)]) })], ['p egress web']],
  ['of other pods', [policy({ pods: { ...everything, matchLabels: { app: 'db' } }, ingress: opens([port(80)]) })], []],
  ['of another namespace', [policy({ namespace: 'bank', ingress: opens([port(80)]) })], []],
];
for (const [name, policies, want] of rows) test(name, () => expect(said(policies)).toEqual(want));
