// What the baseline scenarios apply before they begin: a namespace in the mesh with echo servers, v1 on node-a and v2 on node-b,
// once captured and once opted out by a label, each kind behind a Service of both families. Pure; applied by echo-mesh.ts.
import { echoPorts } from '../../lab/cluster/apps/echo-protocol.ts';

export const namespace = 'echo';

export const kinds = ['captured', 'uncaptured'] as const;
export type Kind = (typeof kinds)[number];
const versions = ['v1', 'v2'] as const;
export type Version = (typeof versions)[number];
/** Name of a Deployment with one pod. */
export type EchoName = `${Kind}-${Version}`;

export const echoNames: readonly EchoName[] = kinds.flatMap((kind) => versions.map((version) => `${kind}-${version}` as const));
export const kindOf = (name: EchoName): Kind => (name.startsWith('un') ? 'uncaptured' : 'captured');
export const versionOf = (name: EchoName): Version => (name.endsWith('v1') ? 'v1' : 'v2');
const nodeOf = (name: EchoName): 'node-a' | 'node-b' => (versionOf(name) === 'v1' ? 'node-a' : 'node-b');

/** Of the Service: those of the containers, and names that promise nothing or something else about the same servers. */
export const servicePorts = {
  ...echoPorts,
  'auto-http': 18_080,
  'auto-https': 18_443,
  'auto-tcp': 19_090,
  'tcp-for-http': 28_080,
} as const;

const targets: Readonly<Record<string, number>> = {
  'auto-http': echoPorts.http,
  'auto-https': echoPorts.https,
  'auto-tcp': echoPorts.tcp,
  'tcp-for-http': echoPorts.http,
};

export interface KubeManifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: object;
}

const serviceAccount = (kind: Kind): KubeManifest => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: kind } });

function deployment(name: EchoName): KubeManifest {
  const [app, version] = [kindOf(name), versionOf(name)];
  const optOut = app === 'uncaptured' ? { 'istio.io/dataplane-mode': 'none' } : {};
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app, version } },
      template: {
        metadata: { labels: { app, version, ...optOut } },
        spec: {
          serviceAccountName: app,
          nodeSelector: { 'kubernetes.io/hostname': nodeOf(name) },
          containers: [
            {
              name: 'echo',
              image: 'ambient-mesh/echo',
              env: [{ name: 'VERSION', value: version }],
              ports: Object.values(echoPorts).map((containerPort) => ({ containerPort })),
              readinessProbe: { httpGet: { path: '/', port: echoPorts.http }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  };
}

const service = (app: Kind): KubeManifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: app },
  spec: {
    ipFamilyPolicy: 'RequireDualStack',
    selector: { app },
    ports: Object.entries(servicePorts).map(([name, port]) => ({ name, port, targetPort: targets[name] ?? port })),
  },
});

export const echoNamespace: KubeManifest = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: namespace, labels: { 'istio.io/dataplane-mode': 'ambient' } },
};

export const echoApps: readonly KubeManifest[] = [...kinds.map(serviceAccount), ...kinds.map(service), ...echoNames.map(deployment)];

/** A client that asks at a steady pace; what it is to ask is its argument. */
export const loadPod = ({ name, kind, node, order }: LoadWish): KubeManifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    labels: { app: name, ...(kind === 'uncaptured' && { 'istio.io/dataplane-mode': 'none' }) },
  },
  spec: {
    serviceAccountName: kind,
    nodeSelector: { 'kubernetes.io/hostname': node },
    containers: [{ name: 'load', image: 'ambient-mesh/load', args: [JSON.stringify(order)] }],
  },
});

export interface LoadWish {
  readonly name: string;
  readonly kind: Kind;
  readonly node: 'node-a' | 'node-b';
  readonly order: object;
}
