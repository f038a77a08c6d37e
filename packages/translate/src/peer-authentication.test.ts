// Which policies a workload lists because of PeerAuthentications, and what they say. Goldens by the names of the reference's.
import { describe, expect, test } from 'vitest';
import type { Labels } from './kinds/meta.ts';
import type { MtlsMode, PeerAuthentication } from './kinds/peer-authentication.ts';
import { allowWaypointPolicy, parentsOf, peerAuthenticationKeys, portPolicy, staticStrictPolicy } from './peer-authentication.ts';
import { rulesOf } from './testing/policies.ts';
import { plainSettings, waypointOf } from './testing/services.ts';
import { peerAuthenticationOf } from './testing/workloads.ts';

const root = 'istio-system';
const always = `${root}/istio_converted_static_strict`;
const byPort = 'ns/converted_peer_authentication_web';
const app = { app: 'web' };

type Ports = Readonly<Record<number, MtlsMode>>;
const mapOf = (ports: Ports): PeerAuthentication['ports'] => new Map(Object.entries(ports).map(([port, mode]) => [Number(port), mode]));

interface Modes {
  readonly mesh?: MtlsMode;
  readonly namespace?: MtlsMode;
  readonly workload?: MtlsMode;
  readonly ports?: Ports;
}

function objectsOf({ mesh, namespace, workload, ports = {} }: Modes): readonly PeerAuthentication[] {
  return [
    ...(mesh ? [peerAuthenticationOf({ meta: { namespace: root, name: 'mesh' }, mode: mesh })] : []),
    ...(namespace ? [peerAuthenticationOf({ meta: { name: 'namespace' }, mode: namespace })] : []),
    ...(workload ? [peerAuthenticationOf({ meta: { name: 'web' }, selector: app, mode: workload, ports: mapOf(ports) })] : []),
  ];
}

/** `said`: the rules of the policy for ports; undefined: there is none. */
type Row = readonly [name: string, modes: Modes, listed: readonly string[], said?: readonly string[]];

function check([name, modes, listed, said]: Row): void {
  test(name, () => {
    const all = objectsOf(modes);
    const policies = all.flatMap((pa) => portPolicy(pa, parentsOf(all, 'ns', root), plainSettings) ?? []);
    expect(peerAuthenticationKeys(all, { namespace: 'ns', labels: app }, plainSettings)).toEqual(listed);
    expect(rulesOf(policies[0])).toEqual(said);
    for (const policy of policies) expect(policy).toMatchObject({ key: byPort, action: 'Deny', scope: 'WorkloadSelector', dryRun: false });
  });
}

const [strict, permissive, disable, unset] = ['STRICT', 'PERMISSIVE', 'DISABLE', 'UNSET'] as const;
const clear = '(not principals *)';
const clearAt = (port: number) => `(not principals *; ports ${port})`;
const clearButAt = (...ports: readonly number[]) => [clear, ...ports.map((port) => `(not ports ${port})`)].join(' AND ');

describe('goldens', () => {
  const rows: readonly Row[] = [
    ['peer-authn-disable', { namespace: disable }, []],
    ['peer-authn-permissive', { namespace: permissive }, []],
    ['peer-authn-strict', { namespace: strict }, [always]],
    ['peer-authn-disable-port-mtls-strict', { workload: disable, ports: { 9090: strict } }, [byPort], [clearAt(9090)]],
    ['peer-authn-permissive-port-mtls-strict', { workload: permissive, ports: { 9090: strict } }, [byPort], [clearAt(9090)]],
    [
      'peer-authn-permissive-port-mtls-strict-and-permissive',
      { workload: permissive, ports: { 9090: strict, 8080: permissive } },
      [byPort],
      [clearAt(9090)],
    ],
    [
      'peer-authn-permissive-root-permissive-namespace-strict-workload-ports',
      { mesh: permissive, namespace: permissive, workload: unset, ports: { 9090: strict, 8080: strict } },
      [byPort],
      [clearAt(8080), clearAt(9090)],
    ],
    ['peer-authn-permissive-root-permissive-workload', { mesh: permissive, workload: permissive }, []],
    ['peer-authn-permissive-root-strict-namespace-permissive-workload', { mesh: permissive, namespace: strict, workload: permissive }, []],
    [
      'peer-authn-permissive-root-unset-namespace-mixed-workload-ports',
      { mesh: permissive, namespace: unset, workload: unset, ports: { 9090: strict, 8080: permissive, 7070: disable } },
      [byPort],
      [clearAt(9090)],
    ],
    ['peer-authn-strict-and-disable-port-mtls', { workload: strict, ports: { 9090: disable } }, [byPort], [clearButAt(9090)]],
    ['peer-authn-strict-and-permissive-port-mtls', { workload: strict, ports: { 9090: permissive } }, [byPort], [clearButAt(9090)]],
    ['peer-authn-strict-and-strict-port-mtls', { workload: strict, ports: { 9090: strict } }, [always]],
    [
      'peer-authn-strict-port-mtls-strict-and-permissive',
      { workload: strict, ports: { 9090: strict, 8080: permissive } },
      [byPort],
      [clearButAt(8080)],
    ],
    ['peer-authn-strict-root-permissive-namespace-strict-workload', { mesh: strict, namespace: permissive, workload: strict }, [always]],
    ['peer-authn-strict-root-permissive-workload', { mesh: strict, workload: permissive }, []],
    [
      'peer-authn-strict-root-unset-workload-port-mtls-strict-and-permissive',
      { mesh: strict, workload: unset, ports: { 9090: strict, 8080: permissive } },
      [byPort],
      [clearButAt(8080)],
    ],
    ['peer-authn-strict-workload', { workload: strict }, [always]],
    ['peer-authn-unset-port-mtls-strict', { workload: unset, ports: { 9090: strict } }, [byPort], [clearAt(9090)]],
  ];
  for (const row of rows) check(row);
});

describe('modes', () => {
  const rows: readonly Row[] = [
    ['nothing is said: clear text is fine', {}, []],
    ['the mesh is strict', { mesh: strict }, [always]],
    ['a namespace that says nothing follows the mesh', { mesh: strict, namespace: unset }, [always]],
    ['one that says something does not', { mesh: strict, namespace: disable }, []],
    ['a workload that says nothing follows its namespace', { namespace: strict, workload: unset }, [always]],
    ['a port that says nothing follows its workload', { workload: strict, ports: { 9090: unset } }, [always]],
    [
      'several strict ports are alternatives, not conditions (istio#54146)',
      { workload: permissive, ports: { 80: strict, 90: strict } },
      [byPort],
      [clearAt(80), clearAt(90)],
    ],
    ['several open ports are one exception', { workload: strict, ports: { 90: disable, 80: permissive } }, [byPort], [clearButAt(80, 90)]],
    [
      'a strict port of a workload that opted out of a strict mesh stays strict',
      { mesh: strict, workload: permissive, ports: { 90: strict } },
      [byPort],
      [clearAt(90)],
    ],
    [
      'through a namespace that says nothing, a strict mesh counts for ports',
      { mesh: strict, namespace: unset, workload: unset, ports: { 90: permissive } },
      [byPort],
      [clearButAt(90)],
    ],
    [
      'inherited strictness is not lifted by DISABLE for a port',
      { mesh: strict, workload: unset, ports: { 90: disable } },
      [always],
      [clearButAt(90)],
    ],
    [
      'unless another port is PERMISSIVE',
      { mesh: strict, workload: unset, ports: { 90: disable, 80: permissive } },
      [byPort],
      [clearButAt(80, 90)],
    ],
  ];
  for (const row of rows) check(row);
});

describe('who is concerned', () => {
  const pa = (name: string, createdAt: number, mode: MtlsMode, namespace = 'ns', selector?: Labels): PeerAuthentication =>
    peerAuthenticationOf({ meta: { namespace, name, createdAt }, mode, ...(selector && { selector }) });
  const rows: readonly (readonly [rule: string, all: readonly PeerAuthentication[], listed: readonly string[], namespace?: string])[] = [
    ['the oldest of a namespace counts', [pa('a', 2, strict), pa('b', 1, permissive)], []],
    ['of one age, the first by name', [pa('b', 1, strict), pa('a', 1, permissive)], []],
    ['the oldest of the mesh counts', [pa('a', 2, permissive, root), pa('b', 1, strict, root)], [always]],
    ['the oldest that selects the workload counts', [pa('a', 2, permissive, 'ns', app), pa('b', 1, strict, 'ns', app)], [always]],
    ['one for other workloads does not', [pa('a', 1, strict, 'ns', { app: 'db' })], []],
    ['one of another namespace does not', [pa('a', 1, strict, 'other')], []],
    ['one of the root namespace with a selector reaches nobody', [pa('a', 1, strict, root, app)], []],
    ['not even there', [pa('a', 1, strict, root, app)], [], root],
    ['the root namespace follows the mesh', [pa('a', 1, strict, root)], [always], root],
  ];
  for (const [rule, all, listed, namespace = 'ns'] of rows)
    test(rule, () => expect(peerAuthenticationKeys(all, { namespace, labels: app }, plainSettings)).toEqual(listed));

  test('there is no policy for ports without a selector, or in the root namespace', () => {
    const none = { mesh: undefined, namespace: undefined };
    const ports = mapOf({ 90: strict });
    expect(portPolicy(peerAuthenticationOf({ ports }), none, plainSettings)).toBeUndefined();
    expect(portPolicy(peerAuthenticationOf({ meta: { namespace: root }, selector: app, ports }), none, plainSettings)).toBeUndefined();
  });
});

test('the policy that denies clear text', () => {
  const policy = staticStrictPolicy(plainSettings);
  expect(policy).toMatchObject({ key: always, name: 'istio_converted_static_strict', action: 'Deny', scope: 'WorkloadSelector' });
  expect(rulesOf(policy)).toEqual([clear]);
});

describe('the policy that lets a waypoint in', () => {
  test('names its accounts', () => {
    const policy = allowWaypointPolicy(waypointOf({ serviceAccounts: ['a', 'b'] }), plainSettings);
    expect(policy).toMatchObject({
      key: 'ns/istio_allow_waypoint_ns_waypoint',
      namespace: 'ns',
      action: 'Allow',
      scope: 'WorkloadSelector',
    });
    expect(rulesOf(policy)).toEqual(['(principals cluster.local/ns/ns/sa/a cluster.local/ns/ns/sa/b)']);
  });

  test('is not there for one without accounts', () => {
    expect(allowWaypointPolicy(waypointOf({ serviceAccounts: [] }), plainSettings)).toBeUndefined();
  });
});
