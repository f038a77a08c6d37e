// Scenarios of policies in the index: which are sent, which workloads list them, what statuses say. Names in brackets: the checks of facts, control-plane §3.18.
// What a policy becomes is in the tests of authorization-policy.ts and peer-authentication.ts.
import { describe, expect, test } from 'vitest';
import { Cluster } from './testing/cluster.ts';
import { gatewayClassOf, gatewayOf, kubeServiceOf, serviceEntryOf } from './testing/services.ts';
import { authorizationPolicyOf, endpointOf, peerAuthenticationOf, podOf, workloadEntryOf } from './testing/workloads.ts';

const web = { app: 'web' };
const strictKey = 'istio-system/istio_converted_static_strict';
const of = (cluster: Cluster, name = 'ns/web-1') => cluster.workload(name)?.authorizationPolicies;

describe('AuthorizationPolicy', () => {
  test('pods list the policies that select them, whichever came first [PolicyAfterPod, Policy]', () => {
    const cluster = new Cluster();
    cluster.apply('pods', podOf());
    cluster.apply('authorizationPolicies', authorizationPolicyOf({ selector: web }));
    expect(of(cluster)).toEqual(['ns/policy']);
    expect(cluster.policy('ns/policy')?.scope).toBe('WorkloadSelector');
    cluster.apply('authorizationPolicies', authorizationPolicyOf({ selector: { app: 'db' } }));
    expect(of(cluster)).toEqual([]);
    cluster.apply('authorizationPolicies', authorizationPolicyOf());
    expect([of(cluster), cluster.policy('ns/policy')?.scope]).toEqual([[], 'Namespace']);
    cluster.remove('authorizationPolicies', 'ns/policy');
    expect(cluster.policy('ns/policy')).toBeUndefined();
  });

  test('a pod that is labelled anew lists others', () => {
    const cluster = new Cluster();
    cluster.apply(
      'authorizationPolicies',
      authorizationPolicyOf({ selector: web }),
      authorizationPolicyOf({ meta: { name: 'db' }, selector: { app: 'db' } }),
    );
    cluster.apply('pods', podOf());
    expect(of(cluster)).toEqual(['ns/policy']);
    cluster.apply('pods', podOf({ meta: { labels: { app: 'db' } } }));
    expect(of(cluster)).toEqual(['ns/db']);
  });

  test('those of the root namespace select everywhere; of other namespaces nowhere else; in order', () => {
    const cluster = new Cluster();
    cluster.apply('pods', podOf());
    for (const namespace of ['other', 'ns', 'istio-system'])
      cluster.apply(
        'authorizationPolicies',
        authorizationPolicyOf({ meta: { namespace }, selector: web }),
        authorizationPolicyOf({ meta: { namespace, name: 'any' }, selector: {} }),
      );
    expect(of(cluster)).toEqual(['istio-system/any', 'istio-system/policy', 'ns/any', 'ns/policy']);
  });

  test('of another revision are not sent, not listed, and get no status [AuthorizationPolicyRevisionFiltering]', () => {
    const cluster = new Cluster({ revision: 'one' });
    cluster.apply('pods', podOf());
    const labelled = (rev: string) => authorizationPolicyOf({ meta: { labels: { 'istio.io/rev': rev } }, selector: web });
    cluster.apply('authorizationPolicies', labelled('two'));
    expect([of(cluster), cluster.out.policies.size, cluster.out.statuses.size]).toEqual([[], 0, 0]);
    cluster.apply('authorizationPolicies', labelled('one'));
    expect([of(cluster), cluster.out.policies.size, cluster.out.statuses.size]).toEqual([['ns/policy'], 1, 1]);
    cluster.apply('authorizationPolicies', labelled('two'));
    expect([of(cluster), cluster.out.policies.size, cluster.out.statuses.size]).toEqual([[], 0, 0]);
  });

  test('WorkloadEntries list by the labels of both places, endpoints of a ServiceEntry by the entry’s', () => {
    const cluster = new Cluster();
    cluster.apply('authorizationPolicies', authorizationPolicyOf({ selector: { app: 'web', tier: 'back' } }));
    cluster.apply('workloadEntries', workloadEntryOf({ meta: { labels: { tier: 'back' } } }));
    expect(of(cluster, 'networking.istio.io/WorkloadEntry/ns/vm')).toEqual(['ns/policy']);
    cluster.apply('serviceEntries', serviceEntryOf({ meta: { labels: { app: 'web', tier: 'back' } }, endpoints: [endpointOf()] }));
    expect(of(cluster, 'networking.istio.io/ServiceEntry/ns/entry/10.2.0.1')).toEqual(['ns/policy']);
  });

  test('what nobody enforces is told, until somebody does', () => {
    const cluster = new Cluster();
    cluster.apply('authorizationPolicies', authorizationPolicyOf({ action: 'AUDIT' }));
    expect(cluster.out.verdicts.get('ns/policy')?.reason).toBe('UnsupportedAction');
    expect(cluster.out.policies.size).toBe(0);
    cluster.apply('authorizationPolicies', authorizationPolicyOf());
    expect(cluster.out.verdicts.size).toBe(0);
  });

  test('for a service, it waits for the service, then for its waypoint', () => {
    const cluster = new Cluster();
    const target = { group: '', kind: 'Service', name: 'web', namespace: '' };
    cluster.apply('authorizationPolicies', authorizationPolicyOf({ targets: [target] }));
    const status = () => cluster.conditions('authorizationPolicies', 'ns/policy').map(({ status, reason }) => `${status} ${reason}`);
    expect(status()).toEqual(['False TargetNotFound']);
    cluster.apply('services', kubeServiceOf({ meta: { labels: { 'istio.io/use-waypoint': 'waypoint' } } }));
    expect(status()).toEqual(['False AncestorNotBound']);
    expect(cluster.out.verdicts.get('ns/policy')?.reason).toBe('NoWaypoint');
    cluster.apply('gateways', gatewayOf());
    expect(status()).toEqual(['True Accepted']);
    expect(cluster.out.verdicts.size).toBe(0);
    expect(cluster.out.policies.size).toBe(0);
    cluster.remove('services', 'ns/web');
    expect(status()).toEqual(['False TargetNotFound']);
  });

  test('for a Gateway, and for a class in the root namespace', () => {
    const cluster = new Cluster();
    const group = 'gateway.networking.k8s.io';
    const targeting = (kind: string, name: string, namespace: string) =>
      authorizationPolicyOf({ meta: { namespace }, targets: [{ group, kind, name, namespace: '' }] });
    cluster.apply(
      'authorizationPolicies',
      targeting('Gateway', 'waypoint', 'ns'),
      targeting('GatewayClass', 'istio-waypoint', 'istio-system'),
    );
    const reasons = () => ['ns/policy', 'istio-system/policy'].map((key) => cluster.conditions('authorizationPolicies', key)[0]?.reason);
    expect(reasons()).toEqual(['TargetNotFound', 'TargetNotFound']);
    cluster.apply('gateways', gatewayOf());
    cluster.apply('gatewayClasses', gatewayClassOf({}));
    expect(reasons()).toEqual(['Accepted', 'Accepted']);
  });
});

describe('PeerAuthentication', () => {
  test('the strict policy is sent as long as there is any [PeerAuthenticationNamespacePolicyChange]', () => {
    const cluster = new Cluster();
    cluster.apply('pods', podOf(), podOf({ meta: { namespace: 'other' } }));
    expect(cluster.policy(strictKey)).toBeUndefined();
    cluster.apply('peerAuthentications', peerAuthenticationOf({ mode: 'PERMISSIVE' }));
    expect([cluster.policy(strictKey)?.action, of(cluster)]).toEqual(['Deny', []]);
    expect(cluster.apply('peerAuthentications', peerAuthenticationOf({ mode: 'STRICT' }))).toContain('w Kubernetes//Pod/ns/web-1');
    expect([of(cluster), of(cluster, 'other/web-1')]).toEqual([[strictKey], []]);
    cluster.remove('peerAuthentications', 'ns/mtls');
    expect([cluster.policy(strictKey), of(cluster)]).toEqual([undefined, []]);
  });

  test('the mesh’s own reaches every namespace that does not decide otherwise', () => {
    const cluster = new Cluster();
    cluster.apply('pods', podOf(), podOf({ meta: { namespace: 'other' } }));
    cluster.apply('peerAuthentications', peerAuthenticationOf({ meta: { namespace: 'istio-system' }, mode: 'STRICT' }));
    expect([of(cluster), of(cluster, 'other/web-1')]).toEqual([[strictKey], [strictKey]]);
    cluster.apply('peerAuthentications', peerAuthenticationOf({ mode: 'PERMISSIVE' }));
    expect([of(cluster), of(cluster, 'other/web-1')]).toEqual([[], [strictKey]]);
  });

  test('one for ports is a policy of its own, which follows its parents', () => {
    const cluster = new Cluster();
    cluster.apply('pods', podOf());
    cluster.apply('peerAuthentications', peerAuthenticationOf({ selector: web, ports: new Map([[9090, 'PERMISSIVE' as const]]) }));
    const key = 'ns/converted_peer_authentication_mtls';
    expect([cluster.policy(key), of(cluster)]).toEqual([undefined, []]);
    cluster.apply('peerAuthentications', peerAuthenticationOf({ meta: { namespace: 'istio-system' }, mode: 'STRICT' }));
    expect([cluster.policy(key)?.rules.length, of(cluster)]).toEqual([1, [key]]);
    cluster.remove('peerAuthentications', 'istio-system/mtls');
    expect([cluster.policy(key), of(cluster)]).toEqual([undefined, []]);
  });
});

describe('waypoints', () => {
  const account = podOf({
    meta: { name: 'waypoint-1', labels: { 'gateway.networking.k8s.io/gateway-name': 'waypoint' } },
    serviceAccount: 'waypoint',
  });
  const key = 'ns/istio_allow_waypoint_ns_waypoint';

  test('are allowed by a policy that those behind them list, if that is wanted [DefaultAllowWaypointPolicy]', () => {
    const cluster = new Cluster({ allowWaypoints: true });
    cluster.apply('pods', podOf());
    cluster.apply('services', kubeServiceOf({ meta: { labels: { 'istio.io/use-waypoint': 'waypoint' } } }));
    cluster.apply('gateways', gatewayOf());
    expect([cluster.policy(key), of(cluster)]).toEqual([undefined, []]);
    cluster.apply('pods', account);
    expect([cluster.policy(key)?.action, of(cluster)]).toEqual(['Allow', [key]]);
    cluster.remove('services', 'ns/web');
    expect([cluster.policy(key)?.action, of(cluster)]).toEqual(['Allow', []]);
    cluster.remove('gateways', 'ns/waypoint');
    expect(cluster.policy(key)).toBeUndefined();
  });

  test('are not, by default', () => {
    const cluster = new Cluster();
    cluster.apply('pods', account);
    cluster.apply('gateways', gatewayOf());
    expect(cluster.policy(key)).toBeUndefined();
  });
});
