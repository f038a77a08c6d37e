// An API server with the mesh's definitions, and istiod-lite processes on it: the stage of the scenarios about the control plane alone.
// No nodes and no namespaces: pods are objects, and clients of xDS are ours, inside the test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Mesh } from '@ambient-mesh/model/mesh';
import { systemClock } from '@ambient-mesh/runtime/time';
import type { GrpcTarget } from '@ambient-mesh/wire/grpc/target';
import { XdsClient } from '@ambient-mesh/wire/xds/client';
import { becomes, Istiod } from './istiod.ts';
import { ApiClient } from './kubernetes/api-client.ts';
import { meshDefinitions } from './kubernetes/crd/mesh-definitions.ts';
import type { ApiUnderTest } from './kubernetes/each-api.ts';
import type { JsonObject } from './kubernetes/patch/json.ts';

export const systemNamespace = 'istio-system';

const plurals: Readonly<Record<string, string>> = {
  AuthorizationPolicy: 'authorizationpolicies',
  ServiceEntry: 'serviceentries',
  WorkloadEntry: 'workloadentries',
  GatewayClass: 'gatewayclasses',
};

export class MeshApi implements AsyncDisposable {
  readonly api: ApiUnderTest;
  readonly client: ApiClient;
  readonly folder: string;
  readonly #owned: AsyncDisposableStack;
  #istiods = 0;

  private constructor(api: ApiUnderTest, client: ApiClient, folder: string, owned: AsyncDisposableStack) {
    this.api = api;
    this.client = client;
    this.folder = folder;
    this.#owned = owned;
  }

  static async start(startApi: () => Promise<ApiUnderTest>): Promise<MeshApi> {
    await using parts = new AsyncDisposableStack();
    const folder = parts.adopt(mkdtempSync(join(tmpdir(), 'mesh-api-')), (path) => rmSync(path, { recursive: true, force: true }));
    const api = parts.use(await startApi());
    const client = parts.use(new ApiClient(api));
    const mesh = new MeshApi(api, client, folder, parts.move());
    await mesh.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } });
    for (const definition of meshDefinitions()) await mesh.put(definition);
    return mesh;
  }

  /** A replica; ready. */
  async istiod(env: Readonly<Record<string, string>> = {}): Promise<Istiod> {
    const number = ++this.#istiods;
    const istiod = this.#owned.use(
      new Istiod({
        kubeconfig: this.api.kubeconfig(),
        folder: join(this.folder, `istiod-${number}`),
        env: { POD_NAME: `istiod-${number}`, GRPC_ADDR: '127.0.0.1:0', ...env },
      }),
    );
    return istiod.ready();
  }

  /** Creates or replaces by server-side apply; a status that is given is written too. */
  async put(object: JsonObject): Promise<void> {
    const { status, ...rest } = object;
    const path = pathOf(object);
    const apply = async (at: string, body: JsonObject): Promise<void> => {
      const answer = await this.client.call('PATCH', `${at}?fieldManager=scenario&force=true`, {
        body,
        headers: { 'content-type': 'application/apply-patch+yaml' },
      });
      if (answer.status >= 300) throw new Error(`apply ${path}: ${answer.text}`);
    };
    await apply(path, rest);
    const { apiVersion, kind, metadata } = object;
    if (status !== undefined) await apply(`${path}/status`, { apiVersion, kind, metadata, status } as JsonObject);
  }

  async remove(object: JsonObject): Promise<void> {
    const answer = await this.client.remove(`${pathOf(object)}?gracePeriodSeconds=0`);
    if (answer.status >= 300) throw new Error(`delete ${pathOf(object)}: ${answer.text}`);
  }

  /** A pod of its own account on a node. */
  async pod(wish: PodWish): Promise<void> {
    const { namespace = 'default', serviceAccount = wish.name } = wish;
    await this.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: serviceAccount, namespace } });
    await this.put(podObject(wish));
  }

  /** What a process of that pod needs to reach `istiod`: roots, and a token that is bound to the pod. */
  async target(istiod: Istiod, pod: PodWish, audience = 'istio-ca', seconds = 3_600): Promise<GrpcTarget> {
    const { namespace = 'default', serviceAccount = pod.name } = pod;
    const { metadata } = (await this.get(podObject(pod))) as { metadata: { uid: string } };
    const spec = {
      audiences: [audience],
      expirationSeconds: seconds,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: metadata.uid },
    };
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
    const answer = await this.client.post(path, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec });
    const { token } = (answer.body as { status: { token: string } }).status;
    return targetOf(istiod, await this.roots(), token);
  }

  /** What istiod-lite says that everybody should trust. */
  async roots(): Promise<string> {
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'istio-ca-root-cert', namespace: systemNamespace } };
    return becomes('the ConfigMap with the roots', async () => {
      const { data } = (await this.get(map)) as { data?: { 'root-cert.pem'?: string } };
      return data?.['root-cert.pem'];
    });
  }

  async get(object: JsonObject): Promise<JsonObject> {
    return (await this.client.get(pathOf(object))).body;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

export const targetOf = (istiod: Istiod, rootsPem: string, token?: string): GrpcTarget => ({
  host: '127.0.0.1',
  port: istiod.secure.port,
  root: { literal: rootsPem },
  altHostname: 'istiod.istio-system.svc',
  ...(token !== undefined && { token: { literal: token } }),
  headers: [],
});

function pathOf(object: JsonObject): string {
  const { apiVersion, kind, metadata } = object as { apiVersion: string; kind: string; metadata: { name: string; namespace?: string } };
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${place}/${plurals[kind] ?? `${kind.toLowerCase()}s`}/${metadata.name}`;
}

/** A mesh as a node's tunnel sees it. */
export class MeshClient implements AsyncDisposable {
  readonly mesh: Mesh = new Mesh();
  readonly #stop: AbortController = new AbortController();
  readonly #running: Promise<void>;
  /** When the model last changed. */
  appliedAt = 0;
  /** Keys of policies that came. */
  onApply: (policies: readonly string[]) => void = () => {};

  constructor(target: GrpcTarget, { pod = 'ztunnel-a', onDemand = false }: { readonly pod?: string; readonly onDemand?: boolean } = {}) {
    const { mesh } = this;
    const metadata = { NAMESPACE: systemNamespace, SERVICE_ACCOUNT: 'ztunnel', NODE_NAME: 'a', CLUSTER_ID: 'Kubernetes' };
    const node = { id: `ztunnel~10.0.0.1~${pod}.${systemNamespace}~${systemNamespace}.svc.cluster.local`, metadata };
    const client = new XdsClient(
      { target, node, onDemand },
      {
        apply: (delta) => {
          mesh.apply(delta);
          this.appliedAt = performance.now();
          this.onApply(delta.policies.map(({ key }) => key));
          return undefined;
        },
        clock: systemClock,
        synced: () => {},
        report: { connected: () => {}, rejected: () => {}, received: () => {}, ended: () => {} },
      },
    );
    this.#running = client.run(this.#stop.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

export interface PodWish {
  readonly name: string;
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly node?: string;
  readonly ip: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly captured?: boolean;
  readonly ready?: boolean;
}

/** A pod that runs, as a kubelet would report it. */
export function podObject({
  name,
  namespace = 'default',
  serviceAccount = name,
  node = 'a',
  ip,
  labels = {},
  captured = true,
  ready = true,
}: PodWish): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { ...labels }, annotations: captured ? { 'ambient.istio.io/redirection': 'enabled' } : {} },
    spec: { serviceAccountName: serviceAccount, nodeName: node, containers: [{ name: 'app', image: 'ambient-mesh/app' }] },
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}
