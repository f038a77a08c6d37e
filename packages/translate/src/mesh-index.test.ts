// Scenarios of workloads and services in the index: what each change of the cluster changes in the mesh. Names in brackets: the checks of facts, control-plane §3.18.
// Waypoints are in mesh-index-waypoints.test.ts, policies in mesh-index-policies.test.ts.
import { describe, expect, test } from 'vitest';
import type { Labels } from './kinds/meta.ts';
import { Cluster } from './testing/cluster.ts';
import { kubeServiceOf, portOf, serviceEntryOf } from './testing/services.ts';
import { endpointOf, nodeOf, podOf, sliceOf, workloadEntryOf } from './testing/workloads.ts';

const webKey = 'ns/web.ns.svc.cluster.local';
const servicesOf = (cluster: Cluster, workload: string) => [...(cluster.workload(workload)?.services.keys() ?? [])];
const pod = (name: string, labels: Labels = { app: 'web' }) => podOf({ meta: { name, uid: `uid-${name}`, labels } });

describe('pods', () => {
  test('a pod is a workload from its first address until it has run to its end [PodLifecycleWorkloadGates]', () => {
    const cluster = new Cluster();
    const has = (given: Parameters<typeof podOf>[0]) => {
      cluster.apply('pods', podOf(given));
      return cluster.workload('ns/web-1')?.health;
    };
    expect(has({ ips: [], phase: 'Pending', ready: false })).toBeUndefined();
    expect(has({ phase: 'Pending', ready: false })).toBe('Unhealthy');
    expect(has({})).toBe('Healthy');
    expect(has({ deleting: true })).toBe('Unhealthy');
    expect(has({ phase: 'Succeeded', ready: false })).toBeUndefined();
    expect(has({ phase: 'Failed', ready: false })).toBeUndefined();
    expect(has({ ips: ['not an address'] })).toBeUndefined();
  });

  test('a pod that goes takes its workload with it, and one that comes back is known again', () => {
    const cluster = new Cluster();
    cluster.apply('pods', podOf());
    expect(cluster.remove('pods', 'ns/web-1')).toEqual(['w Kubernetes//Pod/ns/web-1']);
    expect(cluster.workload('ns/web-1')).toBeUndefined();
    cluster.apply('pods', podOf());
    expect(cluster.workload('ns/web-1')).toBeDefined();
  });

  test('its node says where it is, whenever that becomes known', () => {
    const cluster = new Cluster();
    cluster.apply('pods', podOf());
    expect(cluster.workload('ns/web-1')?.locality.region).toBe('');
    expect(cluster.apply('nodes', nodeOf('node-1', 'north'))).toEqual(['w Kubernetes//Pod/ns/web-1']);
    expect(cluster.workload('ns/web-1')?.locality.region).toBe('north');
    cluster.remove('nodes', 'node-1');
    expect(cluster.workload('ns/web-1')?.locality.region).toBe('');
  });

  test('the network is what the system namespace says, and everything moves with it [SystemNamespaceNetworkChange, NetworkAndClusterIDs]', () => {
    const cluster = new Cluster({ clusterId: 'c1' });
    cluster.apply('pods', podOf());
    cluster.apply('services', kubeServiceOf());
    const said = cluster.label('istio-system', { 'topology.istio.io/network': 'east' });
    expect(said).toEqual([`s ${webKey}`, 'w c1//Pod/ns/web-1']);
    const workload = cluster.out.workloads.get('c1//Pod/ns/web-1');
    expect([workload?.network, workload?.clusterId]).toEqual(['east', 'c1']);
    expect(cluster.service(webKey)?.vips).toEqual([{ network: 'east', ip: '10.0.0.1' }]);
    cluster.remove('namespaces', 'istio-system');
    expect(cluster.out.workloads.get('c1//Pod/ns/web-1')?.network).toBe('');
  });
});

describe('who backs a service', () => {
  test('pods of its namespace with all pairs of its selector [ServiceSelectsCorrectWorkloads]', () => {
    const cluster = new Cluster();
    cluster.apply('services', kubeServiceOf({ selector: { app: 'web', tier: 'front' } }));
    cluster.apply('pods', pod('all', { app: 'web', tier: 'front' }), pod('half'), podOf({ meta: { namespace: 'other', name: 'far' } }));
    expect(servicesOf(cluster, 'ns/all')).toEqual([webKey]);
    expect(servicesOf(cluster, 'ns/half')).toEqual([]);
    expect(servicesOf(cluster, 'other/far')).toEqual([]);
  });

  test('several services may select one pod, in the order of their names [ServiceOverlap]', () => {
    const cluster = new Cluster();
    cluster.apply('pods', podOf());
    cluster.apply(
      'services',
      kubeServiceOf({ meta: { name: 'z' } }),
      kubeServiceOf({ meta: { name: 'a' }, ports: [portOf({ targetPort: 9 })] }),
    );
    expect(servicesOf(cluster, 'ns/web-1')).toEqual(['ns/a.ns.svc.cluster.local', 'ns/z.ns.svc.cluster.local']);
    cluster.remove('services', 'ns/z');
    expect(servicesOf(cluster, 'ns/web-1')).toEqual(['ns/a.ns.svc.cluster.local']);
    expect([...(cluster.workload('ns/web-1')?.services.get('ns/a.ns.svc.cluster.local') ?? [])]).toEqual([[80, 9]]);
  });

  test('a service without a selector is backed by the pods that its slices name, by uid', () => {
    const cluster = new Cluster();
    cluster.apply('services', kubeServiceOf({ selector: {}, ports: [portOf({ name: 'http', targetPort: 'http' })] }));
    cluster.apply('pods', podOf({ namedPorts: { http: 8081 } }));
    const named = (uid: string) => sliceOf([{ addresses: ['10.1.0.1'], ready: true, pod: { namespace: 'ns', name: 'web-1', uid } }]);
    cluster.apply('endpointSlices', named('uid-of-another'));
    expect(servicesOf(cluster, 'ns/web-1')).toEqual([]);
    cluster.apply('endpointSlices', named('uid-1'));
    expect(servicesOf(cluster, 'ns/web-1')).toEqual([webKey]);
    expect([...(cluster.workload('ns/web-1')?.services.get(webKey) ?? [])]).toEqual([[80, 8081]]);
    cluster.apply('services', kubeServiceOf({ selector: {}, ports: [portOf({ targetPort: 9 })] }));
    expect([...(cluster.workload('ns/web-1')?.services.get(webKey) ?? [])]).toEqual([[80, 9]]);
    cluster.remove('endpointSlices', 'ns/web-abc');
    expect(servicesOf(cluster, 'ns/web-1')).toEqual([]);
  });

  test('the same address without a reference to the pod does not count', () => {
    const cluster = new Cluster();
    cluster.apply('services', kubeServiceOf({ selector: {} }));
    cluster.apply('pods', podOf());
    cluster.apply('endpointSlices', sliceOf([{ addresses: ['10.1.0.1'], ready: true }]));
    expect(servicesOf(cluster, 'ns/web-1')).toEqual([]);
    expect(servicesOf(cluster, 'discovery.k8s.io/EndpointSlice/ns/web-abc/10.1.0.1')).toEqual([webKey]);
  });

  test('endpoints that are no pods come and go with their service', () => {
    const cluster = new Cluster();
    const name = 'discovery.k8s.io/EndpointSlice/ns/web-abc/10.9.0.1';
    cluster.apply('endpointSlices', sliceOf([{ addresses: ['10.9.0.1'], ready: true }]));
    expect(cluster.workload(name)).toBeUndefined();
    cluster.apply('services', kubeServiceOf());
    expect(cluster.workload(name)?.networkMode).toBe('HostNetwork');
    cluster.remove('services', 'ns/web');
    expect(cluster.workload(name)).toBeUndefined();
  });

  test('WorkloadEntries too, unless that is switched off [DisableK8SServiceSelectWorkloadEntries]', () => {
    for (const servicesSelectEntries of [true, false]) {
      const cluster = new Cluster({ servicesSelectEntries });
      cluster.apply('services', kubeServiceOf());
      cluster.apply('workloadEntries', workloadEntryOf());
      expect(servicesOf(cluster, 'networking.istio.io/WorkloadEntry/ns/vm')).toEqual(servicesSelectEntries ? [webKey] : []);
    }
  });
});

describe('ServiceEntries', () => {
  const entry = serviceEntryOf({ workloadSelector: { app: 'web' } });

  test('select pods and WorkloadEntries, the pods unless that is switched off [ServiceEntry]', () => {
    for (const entriesSelectPods of [true, false]) {
      const cluster = new Cluster({ entriesSelectPods });
      cluster.apply('serviceEntries', entry);
      cluster.apply('pods', podOf());
      cluster.apply('workloadEntries', workloadEntryOf());
      expect(servicesOf(cluster, 'ns/web-1')).toEqual(entriesSelectPods ? ['ns/example.com'] : []);
      expect(servicesOf(cluster, 'networking.istio.io/WorkloadEntry/ns/vm')).toEqual(['ns/example.com']);
    }
  });

  test('of one host and namespace, the oldest counts, and the other when that one goes [Duplicates]', () => {
    const cluster = new Cluster();
    const endpoints = (address: string) => ({ endpoints: [endpointOf({ address })] });
    cluster.apply('serviceEntries', serviceEntryOf({ meta: { name: 'young', createdAt: 2 }, ...endpoints('10.2.0.2') }));
    cluster.apply('serviceEntries', serviceEntryOf({ meta: { name: 'old', createdAt: 1 }, ...endpoints('10.2.0.1') }));
    const uids = () => [...cluster.out.workloads.keys()].map((uid) => uid.slice('Kubernetes/networking.istio.io/ServiceEntry/ns/'.length));
    expect([cluster.service('ns/example.com')?.name, uids()]).toEqual(['old', ['old/10.2.0.1']]);
    cluster.remove('serviceEntries', 'ns/old');
    expect([cluster.service('ns/example.com')?.name, uids()]).toEqual(['young', ['young/10.2.0.2']]);
  });

  test('a pod that two of one name select backs the one that stands', () => {
    const cluster = new Cluster();
    const of = (name: string, createdAt: number, targetPort: number) => {
      const ports = [{ name: 'http', number: 80, targetPort, protocol: 'HTTP' }];
      return serviceEntryOf({ meta: { name, createdAt }, workloadSelector: { app: 'web' }, ports });
    };
    const port = () => cluster.workload('ns/web-1')?.services.get('ns/example.com')?.get(80);
    cluster.apply('pods', podOf());
    cluster.apply('serviceEntries', of('young', 2, 8002), of('old', 1, 8001));
    expect(port()).toBe(8001);
    cluster.apply('serviceEntries', of('old', 3, 8001));
    expect(port()).toBe(8002);
    cluster.apply('serviceEntries', { ...of('old', 1, 8001), workloadSelector: { app: 'other' } });
    expect(port()).toBeUndefined();
  });

  test('a Kubernetes Service of the same name stands before an entry, whose endpoints are not sent', () => {
    const cluster = new Cluster();
    const clash = serviceEntryOf({ hosts: ['web.ns.svc.cluster.local'], endpoints: [endpointOf()], meta: { createdAt: 0 } });
    cluster.apply('serviceEntries', clash);
    expect([cluster.service(webKey)?.name, cluster.out.workloads.size]).toEqual(['entry', 1]);
    cluster.apply('services', kubeServiceOf({ meta: { createdAt: 9 } }));
    expect([cluster.service(webKey)?.name, cluster.out.workloads.size]).toEqual(['web', 0]);
  });

  test('of several namespaces, one is canonical', () => {
    const cluster = new Cluster();
    const of = (namespace: string, createdAt: number) => serviceEntryOf({ meta: { namespace, createdAt } });
    cluster.apply('serviceEntries', of('ns', 2));
    expect(cluster.apply('serviceEntries', of('older', 1))).toEqual(['s ns/example.com', 's older/example.com']);
    expect(cluster.service('ns/example.com')?.canonical).toBe(false);
    expect(cluster.service('older/example.com')?.canonical).toBe(true);
  });

  test('of another revision are not ours', () => {
    const cluster = new Cluster({ revision: 'one' });
    const labelled = (rev: string) => ({ meta: { labels: { 'istio.io/rev': rev } } });
    cluster.apply('serviceEntries', serviceEntryOf({ ...labelled('two'), endpoints: [endpointOf()] }));
    cluster.apply('workloadEntries', workloadEntryOf(labelled('two')));
    expect([cluster.out.services.size, cluster.out.workloads.size]).toEqual([0, 0]);
    cluster.apply('serviceEntries', serviceEntryOf({ ...labelled('one'), endpoints: [endpointOf()] }));
    cluster.apply('workloadEntries', workloadEntryOf(labelled('one')));
    expect([cluster.out.services.size, cluster.out.workloads.size]).toEqual([1, 2]);
  });

  test('one without endpoints that is resolved by DNS has an endpoint for each host', () => {
    const cluster = new Cluster();
    cluster.apply('serviceEntries', serviceEntryOf({ hosts: ['x.com', 'y.com'], resolution: 'DNS' }));
    const made = cluster.workload('networking.istio.io/ServiceEntry/ns/entry/x.com');
    expect([made?.hostname, [...(made?.services.keys() ?? [])]]).toEqual(['x.com', ['ns/x.com']]);
    expect(cluster.out.workloads.size).toBe(2);
  });
});

describe('only what depends on a change is done again', () => {
  const cluster = new Cluster();
  cluster.apply('services', kubeServiceOf(), kubeServiceOf({ meta: { name: 'db' }, selector: { app: 'db' } }));
  cluster.apply('pods', pod('web-1'), pod('web-2'), pod('db-1', { app: 'db' }));

  const rows: readonly (readonly [rule: string, change: () => readonly string[], said: readonly string[]])[] = [
    ['a pod: itself', () => cluster.apply('pods', podOf({ ready: false })), ['w Kubernetes//Pod/ns/web-1']],
    [
      'the ports of a service: the service, and the pods that it selects',
      () => cluster.apply('services', kubeServiceOf({ meta: { name: 'db' }, selector: { app: 'db' }, ports: [portOf({ targetPort: 9 })] })),
      ['s ns/db.ns.svc.cluster.local', 'w Kubernetes//Pod/ns/db-1'],
    ],
    [
      'slices of a service that selects its pods: nothing',
      () =>
        cluster.apply(
          'endpointSlices',
          sliceOf([{ addresses: ['10.1.0.1'], ready: true, pod: { namespace: 'ns', name: 'web-1', uid: 'uid-web-1' } }]),
        ),
      [],
    ],
    ['a service that is equal: nothing of the mesh', () => cluster.apply('services', kubeServiceOf()), []],
    ['a namespace that nobody is in: nothing', () => cluster.label('elsewhere', { a: 'b' }), []],
    ['a node that no pod is on: nothing', () => cluster.apply('nodes', nodeOf('node-9')), []],
  ];
  test.each(rows)('%s', (_, change, said) => {
    expect(change()).toEqual(said);
  });
});
