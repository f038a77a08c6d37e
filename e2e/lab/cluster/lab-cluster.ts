// A cluster on the lab: an API server, its controllers, and a kubelet for each node. What `kubectl` talks to.
// Made by tests and by the demo, on a Lab of theirs. The API is the lab's own, or a real one when KUBEBUILDER_ASSETS says so.
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadAccess } from '@ambient-mesh/kube/access';
import { KubeClient } from '@ambient-mesh/kube/client';
import { watchStore } from '@ambient-mesh/kube/store';
import { systemClock } from '@ambient-mesh/runtime/time';
import { podCidrs, underlayAddress } from '../addressing.ts';
import type { ApiUnderTest } from '../kubernetes/each-api.ts';
import { KubeApi } from '../kubernetes/kube-api.ts';
import { RealKubeApi, realAssets } from '../kubernetes/real.ts';
import type { Lab } from '../lab.ts';
import type { Node } from '../node.ts';
import { ApiRelay } from './api-relay.ts';
import { announceApi, apiEndpoint, apiService } from './api-service.ts';
import { ChainNetwork } from './cni/chain-network.ts';
import { startControllers } from './controllers/all.ts';
import { ClusterDns } from './dns/server.ts';
import { endpointSlices, services } from './kinds.ts';
import { Cgroups } from './kubelet/cgroups.ts';
import { type Images, standardImages } from './kubelet/images.ts';
import { Kubelet } from './kubelet/kubelet.ts';
import { KubeletServer } from './kubelet/kubelet-server.ts';
import { NodeRoot } from './node-root.ts';
import type { Pod } from './objects.ts';
import { PodAccess } from './pod-access.ts';
import { quiet } from './quiet.ts';
import { serviceKeyOf } from './selectors.ts';
import { ServiceProxy } from './service-proxy/proxy.ts';

export interface LabClusterOptions {
  readonly lab: Lab;
  /** Beside the standard ones. */
  readonly images?: Images;
  /** Real or the lab's own; default: real if KUBEBUILDER_ASSETS is set. */
  readonly realApi?: boolean;
  /** What controllers and kubelets could not do and try again; default: to standard error. */
  readonly complain?: (text: string) => void;
}

export interface NodeWish {
  /** `topology.kubernetes.io/region` and `zone` among them. */
  readonly labels?: Readonly<Record<string, string>>;
}

export class LabCluster implements AsyncDisposable {
  readonly api: ApiUnderTest;
  readonly client: KubeClient;
  /** Of a file that is removed with the lab. */
  readonly kubeconfigPath: string;
  readonly #options: Required<LabClusterOptions>;
  readonly #pods: PodAccess;
  readonly #cgroups: Cgroups;
  readonly #services: ServiceProxy;
  readonly #owned: AsyncDisposableStack;
  #controllers: AsyncDisposable | undefined;

  private constructor(
    parts: Pick<LabCluster, 'api' | 'client' | 'kubeconfigPath'>,
    { pods, cgroups, proxy }: { readonly pods: PodAccess; readonly cgroups: Cgroups; readonly proxy: ServiceProxy },
    options: Required<LabClusterOptions>,
    owned: AsyncDisposableStack,
  ) {
    this.api = parts.api;
    this.client = parts.client;
    this.kubeconfigPath = parts.kubeconfigPath;
    this.#pods = pods;
    this.#cgroups = cgroups;
    this.#services = proxy;
    this.#options = options;
    this.#owned = owned;
  }

  static async start(options: LabClusterOptions): Promise<LabCluster> {
    const { lab, images = {}, realApi = realAssets() !== undefined, complain = toStandardError } = options;
    await using parts = new AsyncDisposableStack();
    const pods = new PodAccess();
    const cgroups = parts.use(Cgroups.open());
    const assets = realApi ? realAssets() : undefined;
    const addresses = [underlayAddress.v4, underlayAddress.v6, apiService.ip];
    const listen = { ip: '127.0.0.1', port: 0 };
    const api = parts.use(
      assets === undefined ? await KubeApi.start({ listen, addresses, runtime: pods }) : await RealKubeApi.start(assets, addresses),
    );
    parts.use(await ApiRelay.start({ netns: lab.underlay, ...apiEndpoint, to: () => api.port }));
    const kubeconfigPath = `${lab.folder}/kubeconfig`;
    writeFileSync(kubeconfigPath, api.kubeconfig(), { mode: 0o600 });
    const access = await loadAccess({ kubeconfig: kubeconfigPath });
    const client = parts.use(new KubeClient(access, { clock: systemClock, userAgent: 'ambient-lab' }));
    const all = { lab, images: { ...standardImages, ...images }, realApi, complain: onceEach(complain) };
    await announceApi(client);
    const proxy = parts.use(await startServices(lab, client, all.complain));
    const cluster = new LabCluster({ api, client, kubeconfigPath }, { pods, cgroups, proxy }, all, parts.move());
    cluster.startControllers();
    return cluster;
  }

  /** Folder of the control groups of all pods. */
  get controlGroups(): string {
    return this.#cgroups.folder;
  }

  /** A kubeconfig for programs inside the lab. */
  get kubeconfigInside(): string {
    return this.api.kubeconfig(`https://${apiEndpoint.ip}:${apiEndpoint.port}`);
  }

  startControllers(): void {
    const { client, api } = this;
    this.#controllers ??= startControllers({ client, apiCaPem: api.keys.caPem, complain: this.#options.complain });
  }

  async stopControllers(): Promise<void> {
    await this.#controllers?.[Symbol.asyncDispose]();
    this.#controllers = undefined;
  }

  /** A node of the lab becomes one of the cluster. */
  async addNode(node: Node, { labels = {} }: NodeWish = {}): Promise<Kubelet> {
    const { client } = this;
    const { lab, images, complain } = this.#options;
    const folder = `${lab.folder}/pods-${node.name}`;
    mkdirSync(folder);
    const root = this.#owned.use(await NodeRoot.start(`${folder}/node`));
    const network = new ChainNetwork({ node, root, client, complain });
    const { keys } = this.api;
    const find = (namespace: string, name: string) => kubelet.findByName(namespace, name);
    const server = this.api instanceof RealKubeApi ? this.#owned.use(await KubeletServer.start({ keys, find })) : undefined;
    const endpoint = server && { host: 'localhost', port: server.port };
    const kubelet: Kubelet = this.#owned.use(
      new Kubelet({
        client,
        host: node,
        node: {
          name: node.name,
          addresses: node.addresses,
          podCidrs: podCidrs(node.number),
          labels,
          ...(endpoint && { endpoint }),
        },
        network,
        root,
        cgroups: this.#cgroups,
        images,
        env: {
          PATH: process.env.PATH ?? '',
          HOME: '/tmp',
          KUBERNETES_SERVICE_HOST: apiService.ip,
          KUBERNETES_SERVICE_PORT: `${apiService.port}`,
        },
        resolvConf,
        folder,
        complain,
      }),
    );
    this.#pods.add(kubelet);
    this.#services.add(node.netns);
    return kubelet;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopControllers();
    await this.#owned.disposeAsync();
  }
}

/** Services for whoever is outside the mesh: their addresses on every node, their names at the address that pods ask. */
async function startServices(lab: Lab, client: KubeClient, complain: (text: string) => void): Promise<ServiceProxy> {
  await using parts = new AsyncDisposableStack();
  const stop = new AbortController();
  parts.defer(() => stop.abort());
  const watching = { report: quiet, clock: systemClock };
  const known = watchStore(client, services, watching, stop.signal);
  const slices = watchStore(client, endpointSlices, watching, stop.signal);
  parts.use(
    await ClusterDns.start(lab.underlay, [underlayAddress.v4, underlayAddress.v6], {
      service: (namespace, name) => known.get(`${namespace}/${name}`),
      slices: (namespace, service) => [...slices.values()].filter((slice) => serviceKeyOf(slice) === `${namespace}/${service}`),
    }),
  );
  return new ServiceProxy({ services: known, slices, complain, owned: parts.move() });
}

/** What is tried again fails again with the same text. */
function onceEach(complain: (text: string) => void): (text: string) => void {
  const said = new Set<string>();
  return (text) => {
    if (said.has(text)) return;
    if (said.size > 1_000) said.clear();
    said.add(text);
    complain(text);
  };
}

const toStandardError = (text: string): void => void process.stderr.write(`${text}\n`);

/** As in a cluster: short names of Services are looked for in the pod's own namespace first. Pods of the node's network see what the node sees. */
function resolvConf({ metadata: { namespace }, spec }: Pod): string | undefined {
  if (spec.hostNetwork === true) return undefined;
  const domains = [`${namespace}.svc.cluster.local`, 'svc.cluster.local', 'cluster.local'];
  return `nameserver ${underlayAddress.v4}\nsearch ${domains.join(' ')}\noptions ndots:5\n`;
}
