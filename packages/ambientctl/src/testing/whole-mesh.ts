// A mesh that is whole, as `check` sees it: a node, a control plane, a node agent, a ztunnel and an app that is in the mesh. Tests then take something away.
// Objects are plain and mutable on purpose; admin pages are the pods' own.
import { answer, statusAnswer } from '@ambient-mesh/kube/testing/answers';
import type { ApiServer } from '@ambient-mesh/kube/testing/api-server';
import { ms } from '@ambient-mesh/runtime/time';
import { allKinds } from '@ambient-mesh/translate/kinds/all';
import { startMeshApi } from './mesh-api.ts';

export const now = ms(Date.parse('2026-01-01T12:00:00Z'));
const at = (hours: number): string => new Date(now + hours * 3_600_000).toISOString();

interface Parts {
  readonly version: string;
  readonly node: object;
  readonly systemLabels: object;
  /** By `namespace/name`: what is different about a pod, or that there is none. */
  readonly pods: Readonly<Record<string, object | undefined>>;
  readonly certificates: readonly object[];
  /** Pods that the ztunnel serves, as `namespace/name`. */
  readonly serves: readonly string[];
  readonly clients: readonly object[];
  /** Plurals that the server does not define. */
  readonly undefinedKinds: readonly string[];
  /** Resources of rights that the user has not. */
  readonly denied: readonly string[];
  readonly events: readonly object[];
}

export const certificate = (from = -1, until = 23): object => ({
  identity: 'spiffe://cluster.local/ns/shop/sa/cart',
  state: 'Available',
  certChain: [{ serialNumber: '1', validFrom: at(from), expirationTime: at(until) }],
  rootCerts: [{ serialNumber: '2', validFrom: at(-100), expirationTime: at(80_000) }],
});

export const client = (pod: string, type: string, more: object = {}): object => ({
  node: { pod, namespace: 'istio-system', type, nodeName: 'node-a' },
  types: [{ typeUrl: 'type.googleapis.com/istio.workload.Address', unanswered: 0, pending: 0, answeredAgo: 5_000, ...more }],
});

const system = (name: string, labels: object, image: string): readonly [string, object] => [
  `istio-system/${name}`,
  {
    metadata: { uid: name, labels: { ...labels, 'istio.io/dataplane-mode': 'none' } },
    spec: { nodeName: 'node-a', containers: [{ image }] },
  },
];

const wholePods: Readonly<Record<string, object>> = Object.fromEntries([
  system('istiod-1', { app: 'istiod' }, 'registry:5000/ambient-mesh/istiod-lite:1.0.0'),
  system('cni-a', { 'k8s-app': 'istio-cni-node' }, 'ambient-mesh/cni-agent:1.0.0'),
  system('ztunnel-a', { app: 'ztunnel' }, 'ambient-mesh/ztunnel:1.0.0@sha256:abc'),
  [
    'shop/cart-1',
    {
      metadata: { uid: 'cart', labels: { app: 'cart' }, annotations: { 'ambient.istio.io/redirection': 'enabled' } },
      spec: { nodeName: 'node-a', serviceAccountName: 'cart' },
    },
  ],
]);

const nodeOf = (info: object): object => ({
  status: {
    conditions: [{ type: 'Ready', status: 'True' }],
    nodeInfo: { kernelVersion: '6.8.0-45-generic', architecture: 'amd64', operatingSystem: 'linux', ...info },
  },
});

export async function wholeMesh(given: Partial<Parts> & { readonly nodeInfo?: object } = {}): Promise<ApiServer> {
  const { version = 'v1.33.1', node = nodeOf(given.nodeInfo ?? {}), systemLabels = {}, pods: different = {} } = given;
  const { certificates = [certificate()], serves = ['shop/cart-1'], clients = [client('ztunnel-a', 'ztunnel')] } = given;
  const pods = Object.entries({ ...wholePods, ...different }).filter((each): each is [string, object] => each[1] !== undefined);
  const uidOf = (key: string): string =>
    String(api.objects.get(`/api/v1/namespaces/${key.split('/')[0]}/pods`, key.split('/')[1] ?? '')?.metadata.uid);
  const pages: Readonly<Record<string, string | (() => string)>> = {
    '15000/config_dump': () =>
      JSON.stringify({
        workloads: [],
        services: [],
        certificates,
        workloadState: Object.fromEntries(serves.map((key) => [uidOf(key), {}])),
      }),
    '15000/debug/clients': JSON.stringify(clients),
  };
  const api = await startMeshApi(pods.map(([key]) => ({ key, labels: {}, pages })));
  const status = { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }], conditions: [{ type: 'Ready', status: 'True' }] };
  for (const [key, pod] of pods)
    api.objects.put(`/api/v1/namespaces/${key.split('/')[0]}/pods`, key.split('/')[1] ?? '', { status, ...pod });
  api.objects.put('/api/v1/nodes', 'node-a', node);
  api.objects.put('/api/v1/namespaces', 'istio-system', { metadata: { labels: systemLabels } });
  api.objects.put('/api/v1/namespaces', 'shop', { metadata: { labels: { 'istio.io/dataplane-mode': 'ambient' } } });
  for (const [index, event] of (given.events ?? []).entries()) api.objects.put('/api/v1/namespaces/shop/events', `e${index}`, event);
  const listPods = api.intercept;
  api.intercept = (request, response, url) => {
    const said = pageOf(url.pathname, { version, ...given });
    if (said === undefined) return listPods(request, response, url);
    if (url.pathname.endsWith('selfsubjectaccessreviews')) {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { spec } = JSON.parse(Buffer.concat(chunks).toString());
        const allowed = !(given.denied ?? []).includes(spec.resourceAttributes.resource);
        answer(response, { code: 201, body: { status: { allowed } } });
      });
    } else answer(response, said);
    return true;
  };
  return api;
}

/** Pages of the API server that are no objects. */
function pageOf(path: string, { version, undefinedKinds = [] }: Partial<Parts>): Parameters<typeof answer>[1] | undefined {
  if (path === '/version') return { code: 200, body: { gitVersion: version } };
  if (path.endsWith('selfsubjectaccessreviews')) return { code: 201, body: {} };
  const [, place] = /^\/apis\/([^/]+\/[^/]+)$/.exec(path) ?? [];
  if (place === undefined) return undefined;
  const served = Object.values(allKinds).filter(
    ({ group, version: of, plural }) => `${group}/${of}` === place && !undefinedKinds.includes(plural),
  );
  return served.length === 0
    ? statusAnswer(404, 'NotFound')
    : { code: 200, body: { resources: served.map(({ plural }) => ({ name: plural })) } };
}
