// Scenarios of waypoints in the index: who goes through which, and how that follows Gateways, labels and namespaces. Names in brackets: the checks of facts, control-plane §3.18.
// The rules of one binding are tables in waypoint-binding.test.ts.
import { describe, expect, test } from 'vitest';
import { addressOf, Cluster } from './testing/cluster.ts';
import { gatewayClassOf, gatewayOf, kubeServiceOf, listenerOf, namespaceOf, serviceEntryOf } from './testing/services.ts';
import { endpointOf, podOf, workloadEntryOf } from './testing/workloads.ts';

const webKey = 'ns/web.ns.svc.cluster.local';
const useWaypoint = { 'istio.io/use-waypoint': 'waypoint' };
const forAll = gatewayOf({ meta: { labels: { 'istio.io/waypoint-for': 'all' } } });
const host = 'waypoint.ns.svc.cluster.local';
const waypointPod = podOf({
  meta: { name: 'waypoint-1', labels: { 'gateway.networking.k8s.io/gateway-name': 'waypoint' } },
  ips: ['10.1.0.9'],
  serviceAccount: 'waypoint',
});

const ofPod = (cluster: Cluster, name = 'ns/web-1') => addressOf(cluster.workload(name)?.waypoint);
const ofService = (cluster: Cluster, key = webKey) => addressOf(cluster.service(key)?.waypoint);

describe('Gateways', () => {
  test('a Gateway is a waypoint as soon as it has an address [WaypointConfiguredOnlyWhenReady]', () => {
    const cluster = new Cluster();
    cluster.apply('services', kubeServiceOf({ meta: { labels: useWaypoint } }));
    cluster.apply('gateways', gatewayOf({ addresses: [] }));
    expect(ofService(cluster)).toBe('');
    expect(cluster.conditions('services', 'ns/web')).toMatchObject([{ status: 'False', reason: 'WaypointIsNotReady' }]);
    cluster.apply('gateways', gatewayOf());
    expect(ofService(cluster)).toBe(host);
    expect(cluster.conditions('services', 'ns/web')).toMatchObject([{ status: 'True', reason: 'WaypointAccepted' }]);
    cluster.remove('gateways', 'ns/waypoint');
    expect(ofService(cluster)).toBe('');
  });

  test('a new address reaches services and workloads alike [WaypointAddressAddedToWorkloads]', () => {
    const cluster = new Cluster();
    cluster.label('ns', useWaypoint);
    cluster.apply('pods', podOf());
    cluster.apply('services', kubeServiceOf());
    cluster.apply('gateways', forAll);
    expect([ofPod(cluster), ofService(cluster)]).toEqual([host, host]);
    cluster.apply('gateways', { ...forAll, addresses: [{ type: 'IPAddress', value: '10.5.0.1' }] });
    expect([ofPod(cluster), ofService(cluster)]).toEqual(['10.5.0.1', '10.5.0.1']);
  });

  test('the class says what is taken where the Gateway does not', () => {
    const cluster = new Cluster();
    cluster.label('ns', useWaypoint);
    cluster.apply('pods', podOf());
    cluster.apply('gateways', gatewayOf());
    expect(ofPod(cluster)).toBe('');
    cluster.apply('gatewayClasses', gatewayClassOf({ labels: { 'istio.io/waypoint-for': 'workload' } }));
    expect(ofPod(cluster)).toBe(host);
  });

  test('a waypoint is itself behind none, and takes traffic as its binding says [WaypointInboundBinding]', () => {
    const cluster = new Cluster();
    cluster.label('ns', useWaypoint);
    cluster.apply('pods', waypointPod);
    cluster.apply('gateways', forAll);
    expect(ofPod(cluster, 'ns/waypoint-1')).toBe('');
    expect(cluster.workload('ns/waypoint-1')?.applicationTunnel).toBeUndefined();
    const annotated = (said: string) => gatewayOf({ meta: { annotations: { 'ambient.istio.io/waypoint-inbound-binding': said } } });
    cluster.apply('gateways', annotated('PROXY/15088'));
    expect(cluster.workload('ns/waypoint-1')?.applicationTunnel).toEqual({ protocol: 'PROXY', port: 15_088 });
    cluster.apply('gateways', annotated('NONE'));
    expect(cluster.workload('ns/waypoint-1')?.applicationTunnel).toEqual({ protocol: 'NONE' });
    cluster.remove('gateways', 'ns/waypoint');
    expect(cluster.workload('ns/waypoint-1')?.applicationTunnel).toBeUndefined();
  });

  test('another pod of a waypoint changes nothing for those behind it', () => {
    const cluster = new Cluster();
    cluster.label('ns', useWaypoint);
    cluster.apply('gateways', forAll);
    cluster.apply('pods', podOf(), waypointPod);
    cluster.apply('services', kubeServiceOf());
    const second = { ...waypointPod, meta: { ...waypointPod.meta, name: 'waypoint-2' } };
    expect(cluster.apply('pods', second)).toEqual(['w Kubernetes//Pod/ns/waypoint-2']);
  });
});

describe('workloads', () => {
  test('follow their own label, then their namespace’s [WaypointForWorkloadTraffic, UpdateWaypointForWorkload, WorkloadsForWaypoint]', () => {
    const cluster = new Cluster();
    cluster.apply(
      'gateways',
      forAll,
      gatewayOf({
        meta: { name: 'own', labels: { 'istio.io/waypoint-for': 'workload' } },
        addresses: [{ type: 'IPAddress', value: '10.5.0.2' }],
      }),
    );
    cluster.apply('pods', podOf());
    expect(ofPod(cluster)).toBe('');
    cluster.label('ns', useWaypoint);
    expect(ofPod(cluster)).toBe(host);
    const labelled = (waypoint: string) => podOf({ meta: { labels: { 'istio.io/use-waypoint': waypoint } } });
    cluster.apply('pods', labelled('own'));
    expect(ofPod(cluster)).toBe('10.5.0.2');
    cluster.apply('pods', labelled('none'));
    expect(ofPod(cluster)).toBe('');
    cluster.apply('pods', podOf());
    cluster.label('ns', {});
    expect(ofPod(cluster)).toBe('');
  });

  test('WorkloadEntries likewise, and their status says so [WorkloadEntryConditions]', () => {
    const cluster = new Cluster();
    cluster.apply('gateways', forAll);
    cluster.apply('workloadEntries', workloadEntryOf());
    expect(cluster.conditions('workloadEntries', 'ns/vm')).toEqual([]);
    cluster.label('ns', useWaypoint);
    expect(ofPod(cluster, 'networking.istio.io/WorkloadEntry/ns/vm')).toBe(host);
    expect(cluster.conditions('workloadEntries', 'ns/vm')).toMatchObject([{ status: 'True' }]);
    cluster.remove('workloadEntries', 'ns/vm');
    expect(cluster.conditions('workloadEntries', 'ns/vm')).toEqual([]);
  });

  test('endpoints in a ServiceEntry follow their own labels; implied ones have none [Inlined]', () => {
    const cluster = new Cluster();
    cluster.apply('gateways', forAll);
    const name = 'networking.istio.io/ServiceEntry/ns/entry/10.2.0.1';
    cluster.apply('serviceEntries', serviceEntryOf({ endpoints: [endpointOf({ labels: useWaypoint })] }));
    expect(ofPod(cluster, name)).toBe(host);
    cluster.apply('serviceEntries', serviceEntryOf({ meta: { labels: useWaypoint }, endpoints: [endpointOf()] }));
    expect(ofPod(cluster, name)).toBe('');
    cluster.label('ns', useWaypoint);
    cluster.apply('serviceEntries', serviceEntryOf({ resolution: 'DNS' }));
    expect(ofPod(cluster, 'networking.istio.io/ServiceEntry/ns/entry/example.com')).toBe('');
  });
});

describe('services', () => {
  test('follow their own label, then their namespace’s [ServicesForWaypoint, ServiceAttachedWaypoints]', () => {
    const cluster = new Cluster();
    cluster.apply('gateways', gatewayOf());
    cluster.apply('services', kubeServiceOf());
    cluster.apply('serviceEntries', serviceEntryOf());
    expect(ofService(cluster)).toBe('');
    expect(cluster.label('ns', useWaypoint)).toEqual(['s ns/example.com', `s ${webKey}`]);
    expect([ofService(cluster), ofService(cluster, 'ns/example.com')]).toEqual([host, host]);
    cluster.apply('services', kubeServiceOf({ meta: { labels: { 'istio.io/use-waypoint': 'none' } } }));
    expect(ofService(cluster)).toBe('');
    expect(cluster.conditions('services', 'ns/web')).toEqual([]);
    expect(cluster.conditions('serviceEntries', 'ns/example.com')).toEqual([]);
    expect(cluster.conditions('serviceEntries', 'ns/entry')).toMatchObject([{ status: 'True' }]);
  });

  test('of another namespace need its leave, which can depend on the labels of theirs', () => {
    const cluster = new Cluster();
    const selector = { matchLabels: { team: 'x' }, matchExpressions: [] };
    cluster.apply('gateways', gatewayOf({ listeners: [listenerOf({ from: 'Selector', selector })] }));
    const labels = { ...useWaypoint, 'istio.io/use-waypoint-namespace': 'ns' };
    cluster.apply('services', kubeServiceOf({ meta: { namespace: 'other', labels } }));
    const key = 'other/web.other.svc.cluster.local';
    expect(cluster.conditions('services', 'other/web')).toMatchObject([{ status: 'False', reason: 'AttachmentDenied' }]);
    cluster.apply('namespaces', namespaceOf('other', { team: 'x' }));
    expect(ofService(cluster, key)).toBe(host);
    cluster.remove('namespaces', 'other');
    expect(ofService(cluster, key)).toBe('');
  });

  test('one that is no service of the mesh any more says nothing of a waypoint any more', () => {
    const cluster = new Cluster();
    cluster.apply('services', kubeServiceOf({ meta: { labels: useWaypoint } }));
    cluster.apply('serviceEntries', serviceEntryOf({ meta: { labels: useWaypoint } }));
    expect(cluster.out.statuses.size).toBe(2);
    cluster.apply('services', kubeServiceOf({ type: 'ExternalName', meta: { labels: useWaypoint } }));
    cluster.apply('serviceEntries', serviceEntryOf({ addresses: ['no address'], meta: { labels: useWaypoint } }));
    expect(cluster.out.statuses.size).toBe(0);
  });

  test('a canary comes and goes without touching the waypoint', () => {
    const cluster = new Cluster();
    cluster.apply('gateways', gatewayOf());
    const meta = {
      labels: { ...useWaypoint, 'istio.io/use-waypoint-canary': 'canary' },
      annotations: { 'istio.io/use-waypoint-canary-weight': '20' },
    };
    cluster.apply('services', kubeServiceOf({ meta }));
    const weights = () => cluster.service(webKey)?.weightedWaypoints.map(({ weight }) => weight);
    expect(weights()).toEqual([]);
    cluster.apply('gateways', gatewayOf({ meta: { name: 'canary' } }));
    expect(weights()).toEqual([80, 20]);
    cluster.remove('gateways', 'ns/canary');
    expect([ofService(cluster), weights()]).toEqual([host, []]);
  });
});

test('where a waypoint is required, pods behind the service refuse everybody until there is one, and then all but that one', () => {
  const cluster = new Cluster();
  const annotations = { 'ambient-mesh.dev/require-waypoint': 'true' };
  const key = 'ns/ambient_require_waypoint_web';
  const pod = podOf({ meta: { name: 'p', namespace: 'ns', labels: { app: 'web' } } });
  const listed = () => cluster.workload('ns/p')?.authorizationPolicies;
  cluster.apply('pods', pod);
  cluster.apply('services', kubeServiceOf({ meta: { annotations, labels: { 'istio.io/use-waypoint': 'waypoint' } } }));
  expect([listed(), cluster.policy(key)?.rules]).toEqual([[key], [[]]]);
  const required = () => cluster.conditions('services', 'ns/web').find(({ type }) => type === 'ambient-mesh.dev/WaypointRequired')?.reason;
  expect(required()).toBe('WaypointIsNotReady');

  const labels = { 'gateway.networking.k8s.io/gateway-name': 'waypoint' };
  cluster.apply('gateways', gatewayOf());
  cluster.apply('pods', podOf({ meta: { name: 'wp', namespace: 'ns', labels }, serviceAccount: 'wp' }));
  expect(JSON.stringify(cluster.policy(key)?.rules)).toContain('cluster.local/ns/ns/sa/wp');
  expect([required(), listed()]).toEqual(['Enforced', [key]]);

  cluster.remove('gateways', 'ns/waypoint');
  expect([cluster.policy(key)?.rules, required()]).toEqual([[[]], 'WaypointIsNotReady']);
  cluster.apply('services', kubeServiceOf({}));
  expect([listed(), cluster.policy(key), required()]).toEqual([[], undefined, undefined]);
  cluster.apply('namespaces', namespaceOf('ns', {}, annotations));
  expect([listed(), required()]).toEqual([[key], 'NoWaypoint']);
});
