// The mesh as a whole: what is found after which deltas, and what a delta reports. Rows: workload_information, overlapping_workload_ip,
// remove_drops_endpoint, lookup_address and the "wait for a workload" rows (as reported changes) of the reference's catalogue.
import { describe, expect, test } from 'vitest';
import { addressAt, referenced } from './look-up.ts';
import { Mesh, policiesDiffer, reachedOtherwise } from './mesh.ts';
import { spiffeId } from './spiffe.ts';
import { delta, ip, meshOf, policy, service, workload } from './testing/index.ts';

const pod = workload({ name: 'pod', ips: ['10.0.0.2', 'fd00::2'] });
const named = (hostname: string) => ({ destination: { hostname: { namespace: 'ns', hostname } }, hboneMtlsPort: 15_008 });
const addressed = (address: string) => ({ destination: { address: { network: '', ip: ip(address) } }, hboneMtlsPort: 15_008 });

describe('workloads', () => {
  test('are found by uid and by each address on their network', () => {
    const mesh = meshOf({ workloads: [pod] });
    expect(mesh.workload(pod.uid)).toEqual(pod);
    for (const address of pod.addresses) expect(mesh.workloadAt('', address)).toEqual(pod);
    expect(mesh.workloadAt('other', ip('10.0.0.2'))).toBeUndefined();
  });

  test('move with their addresses', () => {
    const mesh = meshOf({ workloads: [pod] });
    mesh.apply(delta({ workloads: [{ ...pod, addresses: [ip('10.0.0.3')] }] }));
    expect(mesh.workloadAt('', ip('10.0.0.2'))).toBeUndefined();
    expect(mesh.workloadAt('', ip('10.0.0.3'))?.uid).toBe(pod.uid);
  });

  test('are gone once removed, from their services too', () => {
    const s = service({ hostname: 'h' });
    const mesh = meshOf({ services: [s], workloads: [workload({ name: 'w', ips: ['10.0.0.2'], serves: { 'ns/h': {} } })] });
    expect(mesh.endpoints(s)).toHaveLength(1);
    mesh.apply(delta({ removedAddresses: ['cluster1//Pod/ns/w'] }));
    expect([mesh.workload('cluster1//Pod/ns/w'), mesh.workloadAt('', ip('10.0.0.2')), ...mesh.endpoints(s)]).toEqual([
      undefined,
      undefined,
    ]);
  });

  test('on the host’s network are not found by address', () => {
    expect(meshOf({ workloads: [{ ...pod, networkMode: 'HostNetwork' }] }).workloadAt('', ip('10.0.0.2'))).toBeUndefined();
  });

  test('with a hostname are found by it', () => {
    const mesh = meshOf({ workloads: [{ ...pod, hostname: 'db.example.com' }] });
    expect(mesh.workloadByHostname({ namespace: 'ns', hostname: 'db.example.com' })?.uid).toBe(pod.uid);
    expect(mesh.workloadByHostname({ namespace: 'other', hostname: 'db.example.com' })).toBeUndefined();
  });

  test('a workload of the other kind of name is no service: removal goes by uid first', () => {
    const odd = { ...pod, uid: 'ns/h' };
    const mesh = meshOf({ services: [service({ hostname: 'h' })], workloads: [odd] });
    mesh.apply(delta({ removedAddresses: ['ns/h'] }));
    expect([mesh.workload('ns/h'), mesh.service('ns/h')?.hostname]).toEqual([undefined, 'h']);
    mesh.apply(delta({ removedAddresses: ['ns/h', 'neither'] }));
    expect(mesh.service('ns/h')).toBeUndefined();
  });
});

describe('several workloads on one address', () => {
  const entry = { ...pod, uid: 'cluster1/networking/WorkloadEntry/ns/e' };
  const hbonePod = { ...pod, uid: 'cluster1//Pod/ns/hbone', protocol: 'HBONE' } as const;
  const rows: readonly (readonly [rule: string, workloads: readonly (typeof pod)[], winner: string])[] = [
    ['a pod goes before others', [entry, pod], pod.uid],
    ['a pod goes before others that speak HBONE', [{ ...entry, protocol: 'HBONE' }, pod], pod.uid],
    ['a pod that speaks HBONE goes before one that does not', [pod, hbonePod], hbonePod.uid],
    ['among others, HBONE first', [entry, { ...entry, uid: 'x', protocol: 'HBONE' }], 'x'],
    ['else the first', [entry, { ...entry, uid: 'x' }], entry.uid],
  ];
  for (const [rule, workloads, winner] of rows)
    test(rule, () => expect(meshOf({ workloads }).workloadAt('', ip('10.0.0.2'))?.uid).toBe(winner));

  test('whichever is removed, the other remains', () => {
    for (const [gone, left] of [
      [entry, pod],
      [pod, entry],
    ] as const) {
      const mesh = meshOf({ workloads: [entry, pod] });
      mesh.apply(delta({ removedAddresses: [gone.uid] }));
      expect(mesh.workloadAt('', ip('10.0.0.2'))?.uid).toBe(left.uid);
    }
  });
});

describe('this node', () => {
  const here = { ...pod, node: 'n1' };
  const account = { name: 'pod', namespace: 'ns', serviceAccount: 'default' };
  const rows: readonly (readonly [rule: string, node: string, asked: typeof account, found: boolean])[] = [
    ['finds its pod by name and account', 'n1', account, true],
    ['finds every pod when it has no name itself', '', account, true],
    ['does not find pods of other nodes', 'n2', account, false],
    ['does not find another name', 'n1', { ...account, name: 'other' }, false],
    ['does not find another account', 'n1', { ...account, serviceAccount: 'other' }, false],
    ['does not find another namespace', 'n1', { ...account, namespace: 'other' }, false],
  ];
  for (const [rule, node, asked, found] of rows)
    test(rule, () => expect(meshOf({ workloads: [here] }, node).localWorkload(asked) !== undefined).toBe(found));

  test('uses an identity until its last workload is gone', () => {
    const twin = { ...here, uid: 'twin', name: 'twin' };
    const mesh = meshOf({ workloads: [here, twin] }, 'n1');
    mesh.apply(delta({ removedAddresses: [here.uid] }));
    expect(mesh.usesLocally(here.identity)).toBe(true);
    mesh.apply(delta({ workloads: [{ ...twin, node: 'n2' }] }));
    expect(mesh.usesLocally(here.identity)).toBe(false);
  });
});

describe('changes', () => {
  test('name what was added, changed and removed, once each', () => {
    const mesh = meshOf({ workloads: [pod, { ...pod, uid: 'gone' }] });
    const moved = { ...pod, node: 'n2' };
    const change = mesh.apply(
      delta({ workloads: [{ ...pod, node: 'n3' }, moved, { ...pod, uid: 'new' }], removedAddresses: ['gone', 'unknown'] }),
    );
    expect(change.workloads).toEqual([
      { uid: 'gone', before: { ...pod, uid: 'gone' } },
      { uid: pod.uid, before: pod, after: moved },
      { uid: 'new', after: { ...pod, uid: 'new' } },
    ]);
  });

  test('do not name what was sent again word for word', () => {
    const full = { ...pod, waypoint: named('wp'), services: new Map([['ns/h', new Map([[80, 8080]])]]), authorizationPolicies: ['a', 'b'] };
    const mesh = meshOf({ workloads: [full], policies: [policy({ name: 'p' })] });
    expect(mesh.apply(delta({ workloads: [structuredClone(full)], policies: [policy({ name: 'p' })] }))).toEqual({
      workloads: [],
      policiesChanged: false,
    });
    expect(mesh.apply(delta({ workloads: [{ ...full, authorizationPolicies: ['a'] }] })).workloads).toHaveLength(1);
  });

  test('say whether policies changed', () => {
    const mesh = new Mesh();
    expect(mesh.apply(delta({ policies: [policy({ name: 'p' })] })).policiesChanged).toBe(true);
    expect(mesh.apply(delta({ removedPolicies: ['ns/p'] })).policiesChanged).toBe(true);
    expect(mesh.apply(delta({ removedPolicies: ['ns/p'] })).policiesChanged).toBe(false);
  });

  const rows: readonly (readonly [what: string, after: typeof pod | undefined, otherwise: boolean, differ: boolean])[] = [
    ['nothing that matters', { ...pod, canonicalRevision: 'v2' }, false, false],
    ['its health', { ...pod, health: 'Unhealthy' }, false, false],
    ['its addresses', { ...pod, addresses: [ip('10.0.0.3')] }, true, false],
    ['its identity', { ...pod, identity: spiffeId('td', 'ns', 'other') }, true, false],
    ['its protocol', { ...pod, protocol: 'HBONE' }, true, false],
    ['its network', { ...pod, network: 'other' }, true, false],
    ['its policies', { ...pod, authorizationPolicies: ['p'] }, false, true],
    ['its existence', undefined, true, false],
  ];
  for (const [what, after, otherwise, differ] of rows) {
    test(`of ${what}: ${otherwise ? 'tunnels are of no more use' : 'tunnels stay'}, ${differ ? 'policies differ' : 'policies stay'}`, () => {
      const change = { uid: pod.uid, before: pod, ...(after && { after }) };
      expect([reachedOtherwise(change), policiesDiffer(change)]).toEqual([otherwise, differ]);
    });
  }

  test('of a workload that comes (back) concern connections that it may have had before, and no tunnels', () => {
    expect([reachedOtherwise({ uid: 'x', after: pod }), policiesDiffer({ uid: 'x', after: pod })]).toEqual([false, true]);
  });
});

describe('look-up', () => {
  const s = service({ hostname: 'h', vips: ['10.9.0.1', '10.0.0.2'] });
  const mesh = meshOf({ services: [s], workloads: [{ ...pod, hostname: 'vm' }] });
  test('of an address: the workload before the service', () => {
    expect(addressAt(mesh, '', ip('10.0.0.2'))?.workload?.uid).toBe(pod.uid);
    expect(addressAt(mesh, '', ip('10.9.0.1'))?.service).toBe(s);
    expect(addressAt(mesh, '', ip('10.9.0.2'))).toBeUndefined();
    expect(addressAt(mesh, 'other', ip('10.9.0.1'))).toBeUndefined();
  });
  test('of a reference: the service before the workload', () => {
    expect(referenced(mesh, addressed('10.0.0.2'))?.service).toBe(s);
    expect(referenced(mesh, addressed('fd00::2'))?.workload?.uid).toBe(pod.uid);
    expect(referenced(mesh, named('h'))?.service).toBe(s);
    expect(referenced(mesh, named('vm'))?.workload?.uid).toBe(pod.uid);
    expect(referenced(mesh, named('unknown'))).toBeUndefined();
  });
});

test('clear forgets everything but the node', () => {
  const mesh = meshOf({ workloads: [pod], services: [service({ hostname: 'h' })], policies: [policy({ name: 'p' })] }, 'n2');
  mesh.clear();
  expect([...mesh.workloads(), ...mesh.services(), ...mesh.policies()]).toEqual([]);
  expect(mesh.isLocal(pod)).toBe(false);
});
