// A cluster with a mesh in it, for tests of commands that look into pods: pods with labels, their admin pages behind port-forwards, and their logs.
// The API server is kube's own for tests; here it learns to select pods and to hand out logs. A real mesh is in e2e/scenarios/ambientctl.test.ts.
import type { RequestListener } from 'node:http';
import { answer } from '@ambient-mesh/kube/testing/answers';
import { ApiServer } from '@ambient-mesh/kube/testing/api-server';

export interface TestPod {
  /** `namespace/name` */
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly node?: string;
  readonly ip?: string;
  /** By port and path: `15000/config_dump`; a function is asked each time. */
  readonly pages?: Readonly<Record<string, string | (() => string)>>;
  readonly log?: string;
}

export const labels = {
  ztunnel: { app: 'ztunnel' },
  istiod: { app: 'istiod' },
  waypoint: {
    'gateway.networking.k8s.io/gateway-class-name': 'istio-waypoint',
    'gateway.networking.k8s.io/gateway-name': 'waypoint',
  },
} as const;

export async function startMeshApi(pods: readonly TestPod[]): Promise<ApiServer> {
  const api = await ApiServer.start({ podPorts: (key, port) => pageServer(pods, key, port) });
  for (const { key, labels: own, node = 'node-a', ip = '10.0.0.1' } of pods) {
    const [namespace = '', name = ''] = key.split('/');
    const object = { metadata: { labels: own }, spec: { nodeName: node }, status: { phase: 'Running', podIPs: [{ ip }] } };
    api.objects.put(`/api/v1/namespaces/${namespace}/pods`, name, object);
  }
  api.intercept = (request, response, url) => {
    const [, namespace, name] = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/log$/.exec(url.pathname) ?? [];
    if (name !== undefined) {
      response.writeHead(200).end(pods.find(({ key }) => key === `${namespace}/${name}`)?.log ?? '');
      return true;
    }
    const [labelSelector, fieldSelector] = [url.searchParams.get('labelSelector') ?? '', url.searchParams.get('fieldSelector') ?? ''];
    if (request.method !== 'GET' || !url.pathname.endsWith('/pods')) return false;
    const items = api.objects.all(url.pathname).filter(({ metadata, spec }) => {
      const own: unknown = 'labels' in metadata ? metadata.labels : {};
      const node = typeof spec === 'object' && spec !== null && 'nodeName' in spec ? spec.nodeName : '';
      return holds(labelSelector, own) && holds(fieldSelector, { 'spec.nodeName': node });
    });
    answer(response, { code: 200, body: { metadata: { resourceVersion: '1' }, items } });
    return true;
  };
  return api;
}

/** `a=b,c=d`; others are not written by our commands. */
function holds(selector: string, fields: unknown): boolean {
  const all = new Map(Object.entries(Object(fields)));
  return selector
    .split(',')
    .filter((each) => each !== '')
    .every((each) => all.get(each.slice(0, each.indexOf('='))) === each.slice(each.indexOf('=') + 1));
}

function pageServer(pods: readonly TestPod[], key: string, port: number): RequestListener | undefined {
  const pod = pods.find((each) => each.key === key);
  if (pod === undefined) return undefined;
  return (request, response) => {
    const page = pod.pages?.[`${port}${request.url}`];
    if (page === undefined) response.writeHead(404).end('no such page\n');
    else response.end(typeof page === 'string' ? page : page());
  };
}
