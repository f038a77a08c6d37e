// The part of the worlds of explain.test.ts that stays: two namespaces in the mesh and one outside, their pods on two nodes, two waypoints.
// Pure; applied by stage.ts. What changes from round to round is in random-objects.ts.

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** The first two are in the mesh. */
export const namespaces = ['alpha', 'beta', 'gamma'] as const;

export interface PodPlan {
  readonly namespace: (typeof namespaces)[number];
  readonly name: string;
  readonly app: string;
  readonly node: 'node-a' | 'node-b';
  /** Not in the mesh though its namespace is. */
  readonly isOut?: boolean;
  /** Never ready. */
  readonly isSick?: boolean;
}

export const pods: readonly PodPlan[] = [
  { namespace: 'alpha', name: 'a1', app: 'echo', node: 'node-a' },
  { namespace: 'alpha', name: 'a2', app: 'echo', node: 'node-b' },
  { namespace: 'alpha', name: 'a3', app: 'other', node: 'node-b' },
  { namespace: 'alpha', name: 'ill', app: 'ill', node: 'node-a', isSick: true },
  { namespace: 'beta', name: 'b1', app: 'back', node: 'node-b' },
  { namespace: 'beta', name: 'b2', app: 'back', node: 'node-a' },
  { namespace: 'beta', name: 'bout', app: 'bout', node: 'node-a', isOut: true },
  { namespace: 'gamma', name: 'g1', app: 'far', node: 'node-b' },
];

const label = 'istio.io/dataplane-mode';

const podOf = ({ namespace, name, app, node, isOut, isSick }: PodPlan): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels: { app, pod: name, ...(isOut && { [label]: 'none' }) } },
  spec: {
    nodeName: node,
    serviceAccountName: app,
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'echo',
        image: 'ambient-mesh/echo-http',
        env: [{ name: 'VERSION', value: name }],
        ...(isSick && { readinessProbe: { httpGet: { path: '/', port: 1 }, periodSeconds: 1 } }),
      },
    ],
  },
});

const accounts: readonly Manifest[] = [...new Set(pods.map(({ namespace, app }) => `${namespace}/${app}`))].map((key) => {
  const [namespace = '', name = ''] = key.split('/');
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
});

/** `All` lets other namespaces attach. */
const waypoint = (name: string, takes: 'service' | 'all', from: 'Same' | 'All'): Manifest => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name, namespace: 'alpha', labels: { 'istio.io/waypoint-for': takes } },
  spec: {
    gatewayClassName: 'istio-waypoint',
    listeners: [{ name: 'mesh', port: 15_008, protocol: 'HBONE', allowedRoutes: { namespaces: { from } } }],
  },
});

export const waypoints = ['ways', 'wayall'] as const;
export const base: readonly Manifest[] = [
  ...accounts,
  ...pods.map(podOf),
  waypoint('ways', 'service', 'Same'),
  waypoint('wayall', 'all', 'All'),
];

export const namespaceOf = (name: string, labels: Readonly<Record<string, string>> = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { ...(name !== 'gamma' && { [label]: 'ambient' }), ...labels } },
});

export interface ServicePlan {
  readonly namespace: (typeof namespaces)[number];
  readonly name: string;
  readonly selector: Readonly<Record<string, string>>;
}

export const services: readonly ServicePlan[] = [
  { namespace: 'alpha', name: 'echo', selector: { app: 'echo' } },
  { namespace: 'alpha', name: 'one', selector: { pod: 'a1' } },
  { namespace: 'alpha', name: 'other', selector: { app: 'other' } },
  { namespace: 'alpha', name: 'ill', selector: { app: 'ill' } },
  { namespace: 'beta', name: 'back', selector: { app: 'back' } },
  { namespace: 'beta', name: 'bout', selector: { app: 'bout' } },
  { namespace: 'gamma', name: 'far', selector: { app: 'far' } },
];

/** A host of the mesh's own: its addresses are given out by the control plane. Behind it are pods of `alpha`. */
export const entry = { namespace: 'alpha', name: 'inner', host: 'inner.example.org' } as const;

export const entryOf = (metadata: Pick<Manifest['metadata'], 'labels' | 'annotations'>): Manifest => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { name: entry.name, namespace: entry.namespace, ...metadata },
  spec: {
    hosts: [entry.host],
    location: 'MESH_INTERNAL',
    resolution: 'STATIC',
    workloadSelector: { labels: { app: 'echo' } },
    ports: [
      { name: 'http', number: servicePorts.http, protocol: 'HTTP', targetPort: 8080 },
      { name: 'tcp', number: servicePorts.tcp, protocol: 'TCP', targetPort: 9090 },
    ],
  },
});

/** Port 80 says what it is, 81 does not, 90 is raw. */
export const servicePorts = { http: 80, unsaid: 81, tcp: 90 } as const;

export const serviceOf = (
  { namespace, name, selector }: ServicePlan,
  metadata: Pick<Manifest['metadata'], 'labels' | 'annotations'> = {},
): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, ...metadata },
  spec: {
    ipFamilyPolicy: 'RequireDualStack',
    selector,
    ports: [
      { name: 'http', port: servicePorts.http, targetPort: 8080, appProtocol: 'http' },
      { name: 'unsaid', port: servicePorts.unsaid, targetPort: 8080 },
      { name: 'tcp', port: servicePorts.tcp, targetPort: 9090, appProtocol: 'tcp' },
    ],
  },
});
