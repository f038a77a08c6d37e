// The network of pods as a cluster's container runtime makes it: a bare namespace, which the node's CNI chain joins to the network.
// Used by lab-cluster.ts for nodes with a chain. Alone in it is the lab's main plugin (lab-bridge.sh); others put themselves behind it.
import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Netns } from '@ambient-mesh/host/netns';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { postEvent } from '@ambient-mesh/kube/events';
import { familyOf, parseIp } from '@ambient-mesh/model/address';
import { describeError } from '@ambient-mesh/runtime/errors';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import { type DualAddress, nodeAddress, podGateway, podPrefix, podSwitches } from '../../addressing.ts';
import { netnsPath, setSwitches } from '../../links.ts';
import type { Node } from '../../node.ts';
import type { PlacedPod, PodNetwork } from '../kubelet/pod-network.ts';
import type { NodeRoot } from '../node-root.ts';
import type { Pod } from '../objects.ts';
import { addressesOf, type JsonObject } from './conflist.ts';
import { type Attachment, CniRuntime, usualFolders } from './runtime.ts';

export interface ChainOptions {
  readonly node: Node;
  readonly root: NodeRoot;
  readonly client: KubeClient;
  /** What was given up. */
  readonly complain: (text: string) => void;
}

const binFolder = '/opt/cni/bin';
const mostTries = 5;
const tryAgain = ms(500);
const delMs = 60_000;

export class ChainNetwork implements PodNetwork {
  readonly runtime: CniRuntime;
  readonly #options: ChainOptions;
  readonly #attached = new Map<PlacedPod, Attachment>();

  constructor(options: ChainOptions) {
    const { node, root } = options;
    this.#options = options;
    this.runtime = install(node, root);
  }

  async added(pod: Pod, signal: AbortSignal): Promise<PlacedPod> {
    const netns = Netns.create();
    const attachment = attachmentOf(pod, netns);
    try {
      setSwitches(netns, podSwitches);
      const placed = { pod, netns, addresses: dual(await this.runtime.add(attachment, signal)) };
      this.#attached.set(placed, attachment);
      return placed;
    } catch (e) {
      await this.runtime.del(attachment, AbortSignal.timeout(delMs)).catch(() => {});
      netns[Symbol.dispose]();
      const why = `Failed to create pod sandbox: failed to setup network for sandbox "${attachment.containerId}": ${describeError(e)}`;
      if (!signal.aborted) await this.#tell(pod, why.replace(attachment.containerId, '…'));
      throw new Error(why, { cause: e });
    }
  }

  async removed(placed: PlacedPod): Promise<void> {
    const attachment = this.#attached.get(placed);
    if (attachment === undefined) return;
    for (let tries = 1; ; tries++) {
      try {
        await this.runtime.del(attachment, AbortSignal.timeout(delMs));
        break;
      } catch (e) {
        if (tries === mostTries) {
          this.#options.complain(
            `${this.#options.node.name}: ${placed.pod.metadata.name} left something in its network: ${describeError(e)}`,
          );
          break;
        }
        await systemClock.sleep(tryAgain, AbortSignal.timeout(delMs));
      }
    }
    this.#attached.delete(placed);
    placed.netns[Symbol.dispose]();
  }

  /** Those in use, for `runtime.gc`. */
  get attachments(): readonly Attachment[] {
    return [...this.#attached.values()];
  }

  async #tell({ metadata }: Pod, note: string): Promise<void> {
    const { client, node } = this.#options;
    const { name, namespace = '', uid } = metadata;
    const regarding = { apiVersion: 'v1', kind: 'Pod', namespace, name, uid };
    const news = { regarding, reason: 'FailedCreatePodSandBox', note, type: 'Warning', action: 'CreatePodSandBox' } as const;
    await postEvent(client, { ...news, reporter: 'kubelet', instance: node.name }, { clock: systemClock }).catch(() => {});
  }
}

/** The rest of the node's numbers is for what tests join to it by hand. */
const mostChained = 230;

/** Puts the lab's plugin and its configuration into a node that has made no pods yet. */
export function install(node: Node, root: NodeRoot): CniRuntime {
  node.keepPodNumbersFrom(mostChained + 1);
  const [bin, net] = [root.path(binFolder), root.path(usualFolders.net)];
  for (const folder of [bin, net]) mkdirSync(folder, { recursive: true });
  copyFileSync(fileURLToPath(new URL('lab-bridge.sh', import.meta.url)), `${bin}/lab-bridge`);
  chmodSync(`${bin}/lab-bridge`, 0o755);
  writeFileSync(`${net}/10-lab.conflist`, JSON.stringify(labNetwork(node.number)));
  return new CniRuntime({ netns: node.netns, enter: root.enter, path: (path) => root.path(path), binFolders: [binFolder] });
}

const labNetwork = (node: number): object => ({
  cniVersion: '1.1.0',
  name: 'lab',
  plugins: [
    {
      type: 'lab-bridge',
      most: mostChained,
      prefix4: podPrefix(node).v4,
      prefix6: podPrefix(node).v6,
      via4: podGateway.v4,
      via6: podGateway.v6,
      node4: nodeAddress(node).v4,
      node6: nodeAddress(node).v6,
    },
  ],
});

function attachmentOf({ metadata }: Pod, netns: Netns): Attachment {
  const { name, namespace = '', uid, annotations = {} } = metadata;
  const containerId = randomBytes(32).toString('hex');
  return {
    containerId,
    netns: netnsPath(netns),
    ifname: 'eth0',
    args: {
      IgnoreUnknown: '1',
      K8S_POD_NAMESPACE: namespace,
      K8S_POD_NAME: name,
      K8S_POD_INFRA_CONTAINER_ID: containerId,
      K8S_POD_UID: uid,
    },
    capabilityArgs: { 'io.kubernetes.cri.pod-annotations': annotations, portMappings: [] },
  };
}

function dual(result: JsonObject): DualAddress {
  const found = addressesOf(result).flatMap((each) => parseIp(each) ?? []);
  const [v4, v6] = [found.find((ip) => familyOf(ip) === 4), found.find((ip) => familyOf(ip) === 6)];
  if (v4 === undefined || v6 === undefined) throw new Error('the chain gave no address of each family');
  return { v4, v6 };
}
