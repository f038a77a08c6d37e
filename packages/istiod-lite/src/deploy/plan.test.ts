// Which Gateways are ours, what is deployed for them, and which parameters are refused. The objects themselves are goldens.
import { gatewayKind } from '@ambient-mesh/translate/kinds/gateway';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { WantedObject } from './objects.ts';
import { type Parameters, parametersKind } from './parameters.ts';
import { defaultsFor, type PlanFacts, plan } from './plan.ts';

interface Wish {
  readonly name?: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly spec?: object;
}
function gateway({ name = 'waypoint', labels = {}, annotations = {}, spec = {} }: Wish = {}) {
  const listeners = [{ name: 'mesh', port: 15_008, protocol: 'HBONE' }];
  const metadata = { name, namespace: 'shop', uid: 'u-1', generation: 1, labels, annotations };
  const narrowed = gatewayKind.narrow({ metadata, spec: { gatewayClassName: 'istio-waypoint', listeners, ...spec } });
  if (narrowed === undefined) throw new Error('no gateway');
  return narrowed;
}
function configMap(name: string, data: Record<string, string>, labels: Record<string, string> = {}, namespace = 'shop'): Parameters {
  const read = parametersKind.narrow({ metadata: { name, namespace, labels, creationTimestamp: '2026-01-01T00:00:00Z' }, data });
  if (read === undefined) throw new Error('no parameters');
  return read;
}
const facts = (wish: Wish = {}, more: Partial<PlanFacts> = {}): PlanFacts => ({
  gateway: gateway(wish),
  controller: 'istio.io/mesh-controller',
  revisions: new Set(['default']),
  settings: {
    clusterId: 'Kubernetes',
    clusterDomain: 'cluster.local',
    trustDomain: 'cluster.local',
    revision: '',
    podNamespace: 'istio-system',
    waypointImage: 'ambient-mesh/waypoint',
    waypointResources: { requests: { cpu: '100m' } },
  },
  network: '',
  parameters: () => undefined,
  defaults: undefined,
  ...more,
});
function deployed(wish?: Wish, more?: Partial<PlanFacts>): readonly WantedObject[] {
  const planned = plan(facts(wish, more));
  if (planned.do !== 'deploy') throw new Error(JSON.stringify(planned));
  return planned.objects;
}

test('the objects of a waypoint', async () => {
  await expect(stringify(deployed())).toMatchFileSnapshot('goldens/plain.yaml');
});

test('the objects with all that a Gateway and a control plane can say', async () => {
  const data = {
    horizontalPodAutoscaler: 'spec: {maxReplicas: 3}',
    podDisruptionBudget: 'spec: {minAvailable: 1}',
    service: 'spec: {type: NodePort}',
  };
  const wish: Wish = {
    labels: { ignored: 'since infrastructure speaks' },
    annotations: {
      'gateway.istio.io/name-override': 'proxy',
      'gateway.istio.io/service-account': 'account',
      'networking.istio.io/service-type': 'LoadBalancer',
    },
    spec: {
      addresses: [{ type: 'IPAddress', value: '10.9.9.9' }],
      infrastructure: { labels: { team: 'a' }, annotations: { note: 'b' }, parametersRef: { group: '', kind: 'ConfigMap', name: 'own' } },
    },
  };
  const settings = { ...facts().settings, revision: 'canary', trustDomain: 'mesh.example' };
  const more = { settings, network: 'net-1', parameters: () => configMap('own', data) };
  await expect(stringify(deployed(wish, more))).toMatchFileSnapshot('goldens/everything.yaml');
});

test("the Gateway's own labels and annotations are handed down, without those about the Gateway itself", () => {
  const [account] = deployed({
    labels: { team: 'a', 'gateway.networking.k8s.io/x': 'y' },
    annotations: { note: 'b', 'gateway.istio.io/controller-version': '5', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  });
  expect(account?.body.metadata).toMatchObject({
    labels: { team: 'a', 'gateway.istio.io/managed': 'istio.io-mesh-controller', 'gateway.networking.k8s.io/gateway-name': 'waypoint' },
    annotations: { note: 'b' },
  });
  expect(Object.keys(Object(account?.body.metadata).annotations)).toEqual(['note']);
});

const left: readonly (readonly [string, Wish, Partial<PlanFacts>])[] = [
  ['another class', {}, { controller: 'example.com/other' }],
  ['a class that nobody knows', {}, { controller: undefined }],
  ['another revision', { labels: { 'istio.io/rev': 'canary' } }, {}],
  ['no revision, where this is not the default one', {}, { revisions: new Set(['canary']) }],
  ['a later controller', { annotations: { 'gateway.istio.io/controller-version': '6' } }, {}],
];
test.each(left)('left alone: %s', (_, wish, more) => {
  expect(plan(facts(wish, more))).toEqual({ do: 'leave' });
});

const told: readonly (readonly [string, Wish, Partial<PlanFacts>])[] = [
  ['of another cluster', {}, { controller: 'istio.io/unmanaged-gateway' }],
  ['with a host', { spec: { addresses: [{ type: 'Hostname', value: 'x' }] } }, {}],
  ['with several addresses', { spec: { addresses: [{ value: '10.0.0.1' }, { value: '10.0.0.2' }] } }, {}],
];
test.each(told)('only a status for a Gateway %s', (_, wish, more) => {
  expect(plan(facts(wish, more))).toEqual({ do: 'tell' });
});

const reference = (kind = 'ConfigMap', group = ''): Wish => ({ spec: { infrastructure: { parametersRef: { group, kind, name: 'own' } } } });
const refused: readonly (readonly [string, Wish, Record<string, string> | undefined, RegExp])[] = [
  ['a reference to another kind', reference('Secret'), {}, /names a Secret/],
  ['a reference to another group', reference('ConfigMap', 'example.com'), {}, /names a ConfigMap/],
  ['a ConfigMap that is not there', reference(), undefined, /shop\/own of parametersRef does not exist/],
  ['what is no YAML', reference(), { deployment: 'a: [' }, /deployment of ConfigMap shop\/own is not YAML/],
  ['a list', reference(), { service: '- a' }, /service of ConfigMap shop\/own is not a mapping/],
  ['another name', reference(), { service: 'metadata: {name: other}' }, /service may not change metadata.name/],
  ['another namespace', reference(), { deployment: 'metadata: {namespace: other}' }, /may not change metadata.namespace/],
  [
    'a name that is taken away',
    reference(),
    { deployment: 'spec: {template: {spec: {containers: [{image: x}]}}}' },
    /containers without name/,
  ],
];
test.each(refused)('refused: %s', (_, wish, data, why) => {
  const parameters = () => (data === undefined ? undefined : configMap('own', data));
  expect(plan(facts(wish, { parameters }))).toEqual({ do: 'refuse', reason: 'InvalidParameters', message: expect.stringMatching(why) });
});

test('an address of a type that is not known is refused', () => {
  const wish = { spec: { addresses: [{ type: 'example.com/Name', value: 'x' }] } };
  expect(plan(facts(wish))).toMatchObject({ do: 'refuse', reason: 'UnsupportedAddress' });
});

test("the class's parameters come first, and the Gateway's win", () => {
  const defaults = configMap('class', { deployment: 'spec: {replicas: 2, minReadySeconds: 1}' });
  const parameters = () => configMap('own', { deployment: 'spec: {replicas: 3}' });
  const objects = deployed(reference(), { defaults, parameters });
  expect(objects.find(({ part }) => part === 'deployment')?.body.spec).toMatchObject({ replicas: 3, minReadySeconds: 1 });
});

test('defaults of a class are looked for in the system namespace, and the oldest counts', () => {
  const label = { 'gateway.istio.io/defaults-for-class': 'istio-waypoint' };
  const all = [
    configMap('b', {}, label, 'istio-system'),
    configMap('a', {}, label, 'istio-system'),
    configMap('0', {}, label),
    configMap('1', {}, {}, 'istio-system'),
  ];
  expect(defaultsFor('istio-waypoint', 'istio-system', all)?.name).toBe('a');
  expect(defaultsFor('other', 'istio-system', all)).toBeUndefined();
});
