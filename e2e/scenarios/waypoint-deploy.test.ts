// Gateways of class istio-waypoint become Deployments and Services, and say in their status how far they are. On the API server alone: no pod ever runs.
// What runs inside the pods, and how it is replaced, is told by the scenarios with nodes.
import { writeFileSync } from 'node:fs';
import { loadAccess } from '@ambient-mesh/kube/access';
import { KubeClient } from '@ambient-mesh/kube/client';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startControllers } from '../lab/cluster/controllers/all.ts';
import { becomes, type Istiod } from '../lab/istiod.ts';
import { apis } from '../lab/kubernetes/each-api.ts';
import type { JsonObject } from '../lab/kubernetes/patch/json.ts';
import { MeshApi, systemNamespace } from '../lab/mesh-api.ts';

interface Seen {
  readonly metadata: {
    readonly uid: string;
    readonly generation: number;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly uid: string;
      readonly controller?: boolean;
    }[];
  };
  readonly spec: JsonObject;
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
      readonly observedGeneration?: number;
    }[];
    readonly addresses?: readonly { readonly type: string; readonly value: string }[];
    readonly listeners?: readonly JsonObject[];
  };
}

const gatewayApi = 'gateway.networking.k8s.io/v1';
const named = (apiVersion: string, kind: string, name: string, namespace?: string) => ({
  apiVersion,
  kind,
  metadata: { name, ...(namespace !== undefined && { namespace }) },
});
const gateway = (name: string, { spec = {}, metadata = {} }: { spec?: JsonObject; metadata?: JsonObject } = {}) => ({
  apiVersion: gatewayApi,
  kind: 'Gateway',
  metadata: { name, namespace: 'default', ...metadata },
  spec: { gatewayClassName: 'istio-waypoint', listeners: [{ name: 'mesh', port: 15_008, protocol: 'HBONE' }], ...spec },
});
const configMap = (
  name: string,
  data: Record<string, string>,
  { namespace = 'default', labels = {} }: { namespace?: string; labels?: Record<string, string> } = {},
) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels },
  data,
});
const parametersRef = (name: string, kind = 'ConfigMap') => ({ infrastructure: { parametersRef: { group: '', kind, name } } });
const deployment = (name: string) => named('apps/v1', 'Deployment', name, 'default');
const service = (name: string) => named('v1', 'Service', name, 'default');
const slice = (of: string, ready: boolean) => ({
  ...named('discovery.k8s.io/v1', 'EndpointSlice', `${of}-1`, 'default'),
  metadata: { name: `${of}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': of } },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.0.0.9'], conditions: { ready } }],
  ports: [{ name: 'mesh', port: 15_008, protocol: 'TCP' }],
});

describe.each(apis)('on %s', (_, startApi) => {
  let mesh: MeshApi;
  let istiod: Istiod;
  const owned = new AsyncDisposableStack();

  beforeAll(async () => {
    mesh = owned.use(await MeshApi.start(startApi));
    const kubeconfig = `${mesh.folder}/kubeconfig`;
    writeFileSync(kubeconfig, mesh.api.kubeconfig(), { mode: 0o600 });
    const client = owned.use(new KubeClient(await loadAccess({ kubeconfig }), { clock: systemClock }));
    owned.use(startControllers({ client, apiCaPem: mesh.api.keys.caPem, complain: () => {} }));
    istiod = await mesh.istiod();
    await istiod.leads();
  }, 60_000);
  afterAll(() => owned.disposeAsync());

  const get = async (object: JsonObject): Promise<Seen | undefined> => {
    const found = await mesh.get(object);
    return found.kind === 'Status' ? undefined : (found as unknown as Seen);
  };
  const seen = (object: JsonObject, what: string, is: (seen: Seen) => boolean = () => true): Promise<Seen> =>
    becomes(`${object.kind} ${what}`, async () => {
      const found = await get(object);
      return found !== undefined && is(found) ? found : undefined;
    });
  const gone = (object: JsonObject): Promise<true> =>
    becomes(`no ${object.kind}`, async () => ((await get(object)) === undefined ? true : undefined));
  const says = (object: JsonObject, type: string, status: string, reason: string): Promise<Seen> =>
    seen(object, `says ${type}=${status} ${reason}`, (found) =>
      (found.status?.conditions ?? []).some((each) => each.type === type && each.status === status && each.reason === reason),
    );

  test('a Gateway gets an account, a Deployment and a Service, all of them its own', async () => {
    await mesh.put(gateway('first'));
    const { metadata } = await seen(gateway('first'), 'is there');
    for (const object of [deployment('first'), service('first'), named('v1', 'ServiceAccount', 'first', 'default')]) {
      const made = await seen(object, 'is made');
      expect(made.metadata.ownerReferences).toEqual([{ apiVersion: gatewayApi, kind: 'Gateway', name: 'first', uid: metadata.uid }]);
      expect(made.metadata.labels).toMatchObject({ 'gateway.networking.k8s.io/gateway-name': 'first' });
    }
    const claimed = await seen(gateway('first'), 'is claimed', (found) => found.metadata.annotations !== undefined);
    expect(claimed.metadata.annotations).toMatchObject({ 'gateway.istio.io/controller-version': '5' });
    expect(await get(named('autoscaling/v2', 'HorizontalPodAutoscaler', 'first', 'default'))).toBeUndefined();
  });

  test('it is programmed once an endpoint is ready, and its addresses stay when none is ready any more', async () => {
    const object = gateway('ready');
    await mesh.put(object);
    await says(object, 'Programmed', 'False', 'Pending');
    await mesh.put(slice('ready', true));
    const programmed = await says(object, 'Programmed', 'True', 'Programmed');
    const { clusterIPs } = ((await get(service('ready')))?.spec ?? {}) as { clusterIPs: string[] };
    expect(programmed.status?.addresses).toEqual([
      { type: 'Hostname', value: 'ready.default.svc.cluster.local' },
      ...clusterIPs.map((value) => ({ type: 'IPAddress', value })),
    ]);
    expect(programmed.status?.conditions).toContainEqual(
      expect.objectContaining({
        type: 'Programmed',
        message: 'Resource programmed, assigned to service(s) ready.default.svc.cluster.local:15008',
        observedGeneration: programmed.metadata.generation,
      }),
    );
    expect(programmed.status?.listeners).toEqual([expect.objectContaining({ name: 'mesh', attachedRoutes: 0 })]);
    await mesh.put(slice('ready', false));
    const pending = await says(object, 'Programmed', 'False', 'Pending');
    expect(pending.status?.addresses).toEqual(programmed.status?.addresses);
  });

  test('a listener that is none of a waypoint is refused by name', async () => {
    const object = gateway('odd', { spec: { listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }] } });
    await mesh.put(object);
    const refused = await says(object, 'Accepted', 'False', 'ListenersNotValid');
    expect(JSON.stringify(refused.status)).toMatch(/port 15008 with protocol HBONE, but this listener has port 80 and protocol HTTP/);
  });

  test('parameters of the class come first, those of the Gateway win, and both are followed', async () => {
    const defaults = (replicas: number) =>
      configMap(
        'defaults',
        { deployment: `spec: {replicas: ${replicas}, minReadySeconds: 3}` },
        {
          namespace: systemNamespace,
          labels: { 'gateway.istio.io/defaults-for-class': 'istio-waypoint' },
        },
      );
    await mesh.put(defaults(2));
    const own = (cpu: string) => ({
      deployment: `spec: {minReadySeconds: 5, template: {spec: {containers: [{name: istio-proxy, resources: {limits: {cpu: "${cpu}"}}}]}}}`,
      horizontalPodAutoscaler: 'spec: {minReplicas: 2, maxReplicas: 4}',
      podDisruptionBudget: 'spec: {minAvailable: 1}',
    });
    const object = gateway('tuned', { spec: parametersRef('own') });
    await mesh.put(object);
    await says(object, 'Accepted', 'False', 'InvalidParameters');
    expect(await get(deployment('tuned'))).toBeUndefined();
    await mesh.put(configMap('own', own('3')));
    const made = await seen(deployment('tuned'), 'is made');
    expect(made.spec).toMatchObject({ replicas: 2, minReadySeconds: 5 });
    expect(JSON.stringify(made.spec)).toContain('"limits":{"cpu":"3","memory":"1Gi"}');
    expect((await seen(named('autoscaling/v2', 'HorizontalPodAutoscaler', 'tuned', 'default'), 'is made')).spec).toMatchObject({
      minReplicas: 2,
      maxReplicas: 4,
      scaleTargetRef: { kind: 'Deployment', name: 'tuned' },
    });
    await seen(named('policy/v1', 'PodDisruptionBudget', 'tuned', 'default'), 'is made');
    await says(object, 'Accepted', 'True', 'Accepted');
    const { horizontalPodAutoscaler: _gone, ...rest } = own('4');
    await mesh.put(configMap('own', rest));
    await seen(deployment('tuned'), 'follows', ({ spec }) => JSON.stringify(spec).includes('"cpu":"4"'));
    await gone(named('autoscaling/v2', 'HorizontalPodAutoscaler', 'tuned', 'default'));
    await mesh.put(defaults(3));
    await seen(deployment('tuned'), 'has 3 replicas', ({ spec }) => spec.replicas === 3);
    await mesh.remove(defaults(3));
    await seen(deployment('tuned'), 'has no say of replicas', ({ spec }) => spec.replicas !== 3);
  });

  test('parameters that cannot be used are told, and what is there stays', async () => {
    const object = gateway('wrong', { spec: parametersRef('wrong') });
    await mesh.put(configMap('wrong', {}));
    await mesh.put(object);
    const before = await seen(deployment('wrong'), 'is made');
    await mesh.put(configMap('wrong', { deployment: 'metadata: {name: other}' }));
    const refused = await says(object, 'Accepted', 'False', 'InvalidParameters');
    expect(JSON.stringify(refused.status?.conditions)).toContain('may not change metadata.name');
    await mesh.put(configMap('wrong', { deployment: 'spec: {replicas: many}' }));
    await seen(object, 'repeats what the API server says', ({ status }) =>
      /"False","reason":"Invalid","message":"apply Deployment default\/wrong/.test(JSON.stringify(status?.conditions)),
    );
    expect((await get(deployment('wrong')))?.metadata.uid).toBe(before.metadata.uid);
    await mesh.put(configMap('wrong', { deployment: 'spec: {replicas: 2}' }));
    await seen(deployment('wrong'), 'is well again', ({ spec }) => spec.replicas === 2);
    await says(object, 'Programmed', 'False', 'Pending');
  });

  test('a Service and a Deployment of that name that are not ours stay as they are', async () => {
    const foreign = { ...service('mine'), spec: { ports: [{ name: 'web', port: 80 }], selector: { app: 'mine' } } };
    await mesh.put(foreign);
    await mesh.put(gateway('mine'));
    await seen(deployment('mine'), 'is made');
    await says(gateway('mine'), 'Accepted', 'True', 'Accepted');
    const kept = await get(service('mine'));
    expect(kept?.spec).toMatchObject({ selector: { app: 'mine' } });
    expect(kept?.metadata.ownerReferences).toBeUndefined();
  });

  test('what is changed or deleted by hand comes back', async () => {
    await mesh.put(gateway('kept'));
    const { metadata } = await seen(service('kept'), 'is made');
    await mesh.remove(service('kept'));
    await seen(service('kept'), 'is made again', (found) => found.metadata.uid !== metadata.uid);
    await seen(deployment('kept'), 'is made');
    await mesh.put({ ...deployment('kept'), spec: { template: { spec: { serviceAccountName: 'other' } } } } as JsonObject);
    await seen(deployment('kept'), 'has its account again', ({ spec }) => JSON.stringify(spec).includes('"serviceAccountName":"kept"'));
  });

  const others: readonly (readonly [string, string, Parameters<typeof gateway>[1]])[] = [
    ['of another class', 'classed', { spec: { gatewayClassName: 'else' } }],
    ['of another revision', 'revised', { metadata: { labels: { 'istio.io/rev': 'canary' } } }],
    ['of a later controller', 'later', { metadata: { annotations: { 'gateway.istio.io/controller-version': '6' } } }],
  ];
  test.each(others)('a Gateway %s is left alone', async (_name, name, wish) => {
    await mesh.put(gateway(name, wish));
    await mesh.put(gateway(`after-${name}`));
    await seen(deployment(`after-${name}`), 'is made');
    expect(await get(deployment(name))).toBeUndefined();
  });

  test('a Gateway that names a Service made by hand only gets a status', async () => {
    const object = gateway('by-hand', { spec: { addresses: [{ type: 'Hostname', value: 'front' }] } });
    await mesh.put({ ...service('front'), spec: { ports: [{ name: 'mesh', port: 15_008 }] } });
    await mesh.put(object);
    await says(object, 'Programmed', 'False', 'Pending');
    await mesh.put(slice('front', true));
    const told = await says(object, 'Programmed', 'True', 'Programmed');
    expect(told.status?.addresses?.[0]).toEqual({ type: 'Hostname', value: 'front.default.svc.cluster.local' });
    expect(await get(deployment('by-hand'))).toBeUndefined();
  });

  test('the class says that it is accepted, says so again when that is wiped, and comes back when it is deleted', async () => {
    const waypoints = named(gatewayApi, 'GatewayClass', 'istio-waypoint');
    const first = await says(waypoints, 'Accepted', 'True', 'Accepted');
    expect(first.spec).toMatchObject({
      controllerName: 'istio.io/mesh-controller',
      description: 'The default Istio waypoint GatewayClass',
    });
    await mesh.put({
      ...waypoints,
      status: {
        conditions: [{ type: 'Accepted', status: 'Unknown', reason: 'Wiped', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }],
      },
    });
    const again = await says(waypoints, 'Accepted', 'True', 'Accepted');
    expect(again.status?.conditions?.[0]?.observedGeneration).toBe(again.metadata.generation);
    await mesh.remove(waypoints);
    await seen(waypoints, 'is made again', (found) => found.metadata.uid !== first.metadata.uid);
    await says(waypoints, 'Accepted', 'True', 'Accepted');
  });

  test('all that a Gateway owns goes with it', async () => {
    await mesh.put(gateway('going'));
    await seen(deployment('going'), 'is made');
    await seen(service('going'), 'is made');
    await mesh.remove(gateway('going'));
    await gone(deployment('going'));
    await gone(service('going'));
    await gone(named('v1', 'ServiceAccount', 'going', 'default'));
  });
});
