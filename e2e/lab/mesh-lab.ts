// A whole mesh on one machine: the lab's nodes and cluster, istiod-lite, node agents and ztunnels as pods of it, the sample apps. Everything is applied by stock kubectl.
// Used by the demo and by the scenarios of the mesh as a whole. What the programs are told is in demo/*.yaml, as a user would write it.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { builtPlugin } from '@ambient-mesh/cni-agent/testing/built-plugin';
import { LabCluster } from './cluster/lab-cluster.ts';
import { hasKubectl, Kubectl } from './kubernetes/kubectl.ts';
import { Lab } from './lab.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const program = (path: string): string => `${repository}packages/${path}`;
export const ambientctl = program('ambientctl/bin/ambientctl.mjs');

export interface Answered {
  /** 0 = well. */
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** For `kubectl -f`, from the top of the repository, where kubectl is run. */
export const manifest = (name: 'control-plane' | 'cni-agent' | 'ztunnel' | 'apps' | 'deny' | 'waypoint'): string =>
  `e2e/lab/demo/${name}.yaml`;

export class MeshLab implements AsyncDisposable {
  readonly lab: Lab;
  readonly cluster: LabCluster;
  readonly kubectl: Kubectl;
  readonly #owned: AsyncDisposableStack;

  private constructor(lab: Lab, cluster: LabCluster, kubectl: Kubectl, owned: AsyncDisposableStack) {
    this.lab = lab;
    this.cluster = cluster;
    this.kubectl = kubectl;
    this.#owned = owned;
  }

  /** Two nodes, `node-a` and `node-b`; the mesh on both; the apps, in it unless told otherwise. @param say gets a line for each stage */
  static async start(say: (line: string) => void = () => {}, { enrol = true }: { readonly enrol?: boolean } = {}): Promise<MeshLab> {
    const mesh = await MeshLab.bare();
    try {
      await mesh.#install(say, enrol);
    } catch (e) {
      await mesh[Symbol.asyncDispose]();
      throw e;
    }
    return mesh;
  }

  /** Two nodes and nothing on them; images of the mesh's programs are known. */
  static async bare(): Promise<MeshLab> {
    if (!hasKubectl()) throw new Error('kubectl is not installed: the mesh on the lab is worked by it, as any cluster is');
    await using parts = new AsyncDisposableStack();
    const lab = parts.use(await Lab.start());
    const node = [process.execPath, '--disable-warning=ExperimentalWarning'];
    const images = {
      'ambient-mesh/istiod-lite': { entrypoint: [...node, program('istiod-lite/bin/istiod-lite.mjs')] },
      'ambient-mesh/ztunnel': { entrypoint: [...node, program('ztunnel/bin/ztunnel.mjs'), 'proxy'] },
      'ambient-mesh/waypoint': { entrypoint: [...node, program('waypoint/bin/waypoint.mjs')] },
      'ambient-mesh/cni-agent': {
        entrypoint: [...node, program('cni-agent/bin/cni-agent.mjs')],
        env: { CNI_PLUGIN_BINARY: await builtPlugin() },
      },
    };
    const cluster = parts.use(await LabCluster.start({ lab, images }));
    for (const name of ['node-a', 'node-b']) await cluster.addNode(await lab.node(name));
    const kubectl = parts.use(new Kubectl(cluster.api.kubeconfig(), repository));
    return new MeshLab(lab, cluster, kubectl, parts.move());
  }

  async #install(say: (line: string) => void, enrol: boolean): Promise<void> {
    const { kubectl } = this;
    say('definitions of the mesh, and its namespace');
    await this.define();
    say('istiod-lite');
    await kubectl.ok(`apply -f ${manifest('control-plane')}`);
    await kubectl.ok('-n istio-system rollout status deployment/istiod --timeout=30s');
    await kubectl.ok('-n istio-system wait --for=create configmap/istio-ca-root-cert --timeout=20s');
    say('the node agent and a ztunnel on each node');
    await kubectl.ok(`apply -f ${manifest('cni-agent')} -f ${manifest('ztunnel')}`);
    await kubectl.ok('-n istio-system rollout status daemonset/istio-cni-node --timeout=40s');
    await kubectl.ok('-n istio-system rollout status daemonset/ztunnel --timeout=40s');
    say('the apps');
    if (enrol) await kubectl.ok('label namespace default istio.io/dataplane-mode=ambient');
    await kubectl.ok(`apply -f ${manifest('apps')}`);
    await kubectl.ok('wait pod --all --for=condition=Ready --timeout=30s');
  }

  /** The mesh's kinds, and the namespace of its programs. */
  async define(): Promise<void> {
    await this.kubectl.ok(`apply -f ${repository}charts/base/files/crds`);
    await this.kubectl.ok('create namespace istio-system');
  }

  /** A command as a user types it, `kubectl` or `ambientctl` included, at the top of the repository. @throws when it fails */
  async type(command: string): Promise<string> {
    const [name, ...words] = command.split(' ');
    if (name !== 'ambientctl') return this.kubectl.ok(command.replace(/^kubectl /, ''));
    const { code, out, err } = await this.ambientctl(words);
    if (code !== 0) throw new Error(`${command}: exit code ${code}\n${out}${err}`);
    return out;
  }

  /** Whatever comes of it; nothing of the user's own is read. */
  ambientctl(words: readonly string[]): Promise<Answered> {
    const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', KUBECONFIG: this.cluster.kubeconfigPath };
    return new Promise((resolve) => {
      execFile(process.execPath, [ambientctl, ...words], { env, cwd: repository, maxBuffer: 2 ** 26 }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code), out, err }),
      );
    });
  }

  /** What a pod's first container wrote so far. */
  logs(namespace: string, pod: string): Promise<string> {
    return this.kubectl.ok(`-n ${namespace} logs ${pod}`);
  }

  /** Name of the ztunnel pod of a node. */
  async ztunnel(node: 'node-a' | 'node-b'): Promise<string> {
    return this.kubectl.ok(
      `-n istio-system get pods -l app=ztunnel --field-selector spec.nodeName=${node} -o jsonpath={.items[0].metadata.name}`,
    );
  }

  async ipOf(pod: string, family: 0 | 1 = 0): Promise<string> {
    return this.kubectl.ok(`get pod ${pod} -o jsonpath={.status.podIPs[${family}].ip}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}
