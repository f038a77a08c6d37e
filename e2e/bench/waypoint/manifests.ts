// What the waypoint's benches apply to the mesh: a client on one node, a server on the other with a Service through the waypoint and one past it,
// and beside the waypoint the proxies that it is compared with. Pure. Applied by mesh-bed.ts; what the programs read is in programs.ts.
import { fileURLToPath } from 'node:url';
import { type Hop, hops, ports, programFiles } from './programs.ts';

export const namespace = 'bench';
export const gateway = 'waypoint';

/** `served` goes through the waypoint, `plain` has the same pod and goes past it. */
export type ServiceName = 'served' | 'plain' | Hop;

const files = '/etc/bench';
/** Of the server's node, in the server's pod and the waypoint's: what the waypoint leaves at its end can still be read there. */
export const leftovers = '/var/lib/bench';
const leftoversVolume = { name: 'leftovers', hostPath: { path: leftovers, type: 'DirectoryOrCreate' } };
const leftoversMount = { name: 'leftovers', mountPath: leftovers };
const bodiesProgram = fileURLToPath(new URL('../programs/bodies-server.ts', import.meta.url));

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
}

const metadata = (name: string, labels: object = {}): object => ({ name, namespace, labels });

function pod(name: string, node: string, containers: readonly Container[]): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadata(name, { app: name }),
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 1,
      containers: containers.map((each) => ({
        ...each,
        volumeMounts: [{ name: 'files', mountPath: files, readOnly: true }, leftoversMount],
      })),
      volumes: [{ name: 'files', configMap: { name: 'files' } }, leftoversVolume],
    },
  };
}

const service = (name: ServiceName, app: string, labels: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata(name, labels),
  spec: {
    selector: { app },
    ports: [
      { name: 'http', port: ports.http, targetPort: ports.http, appProtocol: 'http' },
      { name: 'h2', port: ports.h2, targetPort: ports.h2, appProtocol: 'kubernetes.io/h2c' },
      { name: 'bodies', port: ports.bodies, targetPort: ports.bodies, appProtocol: 'http' },
    ],
  },
});

const hopCommand: Readonly<Record<Hop, readonly string[]>> = {
  haproxy: ['haproxy', '-db', '-f', `${files}/haproxy.cfg`],
  nginx: ['nginx', '-e', 'stderr', '-c', `${files}/nginx-hop.conf`],
  nghttpx: ['nghttpx', `--conf=${files}/nghttpx.conf`],
};

/** Everything but the waypoint. @param present those of the other proxies that are installed */
export function benchObjects(present: readonly Hop[], node: string): readonly object[] {
  const server: readonly Container[] = [
    { name: 'nginx', image: 'ambient-mesh/sleep', command: ['nginx', '-e', 'stderr', '-c', `${files}/nginx-server.conf`] },
    {
      name: 'bodies',
      image: 'ambient-mesh/sleep',
      command: [node, '--disable-warning=ExperimentalWarning', bodiesProgram, `${ports.bodies}`],
    },
  ];
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'istio.io/dataplane-mode': 'ambient' } } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('files'), data: programFiles(`plain.${namespace}.svc.cluster.local`) },
    service('served', 'server', { 'istio.io/use-waypoint': gateway }),
    service('plain', 'server'),
    pod('client', 'node-a', [{ name: 'client', image: 'ambient-mesh/sleep' }]),
    pod('server', 'node-b', server),
    ...present.flatMap((hop) => [
      service(hop, hop),
      pod(hop, 'node-b', [{ name: hop, image: 'ambient-mesh/sleep', command: hopCommand[hop] }]),
    ]),
  ];
}

export const presentHops = (isThere: (hop: Hop) => boolean): readonly Hop[] => hops.filter(isThere);

/** On the server's node, where the others are too. @param env of its container */
export function waypointObjects(env: Readonly<Record<string, string>>): readonly object[] {
  const container = {
    name: 'istio-proxy',
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
    volumeMounts: [leftoversMount],
  };
  const spec = { nodeSelector: { 'kubernetes.io/hostname': 'node-b' }, containers: [container], volumes: [leftoversVolume] };
  const deployment = { spec: { template: { spec } } };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('waypoint-options'), data: { deployment: JSON.stringify(deployment) } },
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: metadata(gateway),
      spec: {
        gatewayClassName: 'istio-waypoint',
        listeners: [{ name: 'mesh', port: 15_008, protocol: 'HBONE' }],
        infrastructure: { parametersRef: { group: '', kind: 'ConfigMap', name: 'waypoint-options' } },
      },
    },
  ];
}

/** Sends one path of `served` to `plain`'s pods and marks the answers. */
export const route = (number: number, mark: string): { readonly metadata: { readonly name: string } } =>
  ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: `route-${number}`, namespace },
    spec: {
      parentRefs: [{ group: '', kind: 'Service', name: 'served', port: ports.http }],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: `/route/${number}` } }],
          filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [{ name: 'x-mark', value: mark }] } }],
          backendRefs: [{ name: 'served', port: ports.http }],
        },
      ],
    },
  }) as { readonly metadata: { readonly name: string } };
