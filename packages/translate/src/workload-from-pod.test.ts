// A pod as a workload, field by field [PodWorkloads].
import { describe, expect, test } from 'vitest';
import { plainSettings, waypointOf } from './testing/services.ts';
import { nodeOf, podOf } from './testing/workloads.ts';
import { type PodSurroundings, workloadFromPod } from './workload-from-pod.ts';

const around: PodSurroundings = {
  settings: plainSettings,
  network: '',
  services: new Map(),
  policies: [],
  waypoint: undefined,
  node: undefined,
  applicationTunnel: undefined,
};

const fields = (pod: Parameters<typeof podOf>[0], given: Partial<PodSurroundings> = {}) =>
  workloadFromPod(podOf(pod), { ...around, ...given });
const tunnel = 'networking.istio.io/tunnel';

describe('each field', () => {
  const rows: readonly (readonly [rule: string, workload: ReturnType<typeof fields>, has: object])[] = [
    ['uid, name and namespace', fields({}), { uid: 'Kubernetes//Pod/ns/web-1', name: 'web-1', namespace: 'ns' }],
    ['its account is its identity', fields({ serviceAccount: 'sa' }), { identity: { uri: 'spiffe://cluster.local/ns/ns/sa/sa' } }],
    ['all its addresses, in order', fields({ ips: ['10.0.0.2', 'fd00::2'] }), { addresses: ['10.0.0.2', 'fd00::2'] }],
    ['node', fields({ node: 'n' }), { node: 'n' }],
    ['no place without a node', fields({}), { locality: { region: '', zone: '', subzone: '' } }],
    ['the place of its node', fields({}, { node: nodeOf('n', 'r', 'z', 's') }), { locality: { region: 'r', zone: 'z', subzone: 's' } }],
    ['network and cluster', fields({}, { network: 'east' }), { network: 'east', clusterId: 'Kubernetes' }],
    [
      'captured',
      fields({ meta: { annotations: { 'ambient.istio.io/redirection': 'enabled' } } }),
      { protocol: 'HBONE', nativeTunnel: false },
    ],
    ['not yet captured', fields({ meta: { annotations: { 'ambient.istio.io/redirection': 'pending' } } }), { protocol: 'TCP' }],
    ['ends tunnels itself', fields({ meta: { labels: { [tunnel]: 'http' } } }), { protocol: 'HBONE', nativeTunnel: true }],
    ['or among other ways', fields({ meta: { labels: { [tunnel]: 'none,http' } } }), { protocol: 'HBONE', nativeTunnel: true }],
    ['other ways alone do not count', fields({ meta: { labels: { [tunnel]: 'httpx' } } }), { protocol: 'TCP', nativeTunnel: false }],
    ['on its node’s network', fields({ hostNetwork: true }), { networkMode: 'HostNetwork' }],
    ['not ready', fields({ ready: false }), { health: 'Unhealthy' }],
    ['on its way out', fields({ deleting: true }), { health: 'Unhealthy' }],
    [
      'the type is always pod',
      fields({ generated: true, controller: { kind: 'Job', name: 'j' } }),
      { workloadType: 'pod', workloadName: 'j' },
    ],
    ['names fall back to the workload’s', fields({ meta: { labels: {} } }), { canonicalName: 'web-1', canonicalRevision: 'latest' }],
    [
      'canonical names before the recommended before the plain',
      fields({ meta: { labels: { app: 'c', 'app.kubernetes.io/name': 'b', 'service.istio.io/canonical-name': 'a' } } }),
      { canonicalName: 'a' },
    ],
    ['the recommended before the plain', fields({ meta: { labels: { app: 'c', 'app.kubernetes.io/name': 'b' } } }), { canonicalName: 'b' }],
    [
      'revisions likewise',
      fields({ meta: { labels: { version: 'c', 'app.kubernetes.io/version': 'b', 'service.istio.io/canonical-revision': 'a' } } }),
      { canonicalRevision: 'a' },
    ],
    ['a waypoint', fields({}, { waypoint: waypointOf().address }), { waypoint: waypointOf().address }],
    [
      'how a waypoint’s pod takes traffic',
      fields({}, { applicationTunnel: { protocol: 'NONE' } }),
      { applicationTunnel: { protocol: 'NONE' } },
    ],
    [
      'services and policies as found',
      fields({}, { policies: ['a/b'], services: new Map([['s', new Map()]]) }),
      { authorizationPolicies: ['a/b'], services: new Map([['s', new Map()]]) },
    ],
  ];
  test.each(rows)('%s', (_, workload, has) => {
    expect(workload).toMatchObject(has);
  });
});

describe('no workload', () => {
  const rows: readonly (readonly [rule: string, pod: Parameters<typeof podOf>[0]])[] = [
    ['of a pod that has succeeded', { phase: 'Succeeded' }],
    ['of a pod that has failed', { phase: 'Failed' }],
    ['without an address', { ips: [] }],
    ['when any address cannot be read', { ips: ['10.0.0.1', '10.0.0'] }],
  ];
  test.each(rows)('%s', (_, pod) => {
    expect(fields(pod)).toBeUndefined();
  });
});
