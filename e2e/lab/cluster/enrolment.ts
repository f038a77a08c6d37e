// Stands in for the mesh's agent on one node: puts pods into the mesh, and takes them out, as their labels and their namespaces' say.
// Told of pods by the kubelet before their first container starts; hears of labels by itself. The NodeAgent passes pods to ztunnels.
import { applyRules, removeRules } from '@ambient-mesh/host/apply-rules';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { type Store, watchStore } from '@ambient-mesh/kube/store';
import { describeError } from '@ambient-mesh/runtime/errors';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import type { EnrolledPod, NodeAgent } from '../node-agent.ts';
import { keyOfMeta } from './controllers/controller.ts';
import type { PodListener } from './direct-network.ts';
import { namespaces, pods } from './kinds.ts';
import type { PlacedPod } from './kubelet/pod-network.ts';
import type { Namespace, Pod } from './objects.ts';
import { quiet } from './quiet.ts';
import { keyOf } from './selectors.ts';

const modeLabel = 'istio.io/dataplane-mode';
const annotation = 'ambient.istio.io/redirection';
const tryAgain = ms(1_000);
const rulesTimeoutMs = 10_000;

export interface EnrolmentOptions {
  readonly client: KubeClient;
  readonly node: string;
  readonly agent: NodeAgent;
  readonly complain: (text: string) => void;
}

interface Known {
  readonly placed: PlacedPod;
  isEnrolled: boolean;
  /** One thing at a time is done to a pod. */
  work: Promise<void>;
}

export class Enrolment implements PodListener, AsyncDisposable {
  readonly #options: EnrolmentOptions;
  readonly #stop = new AbortController();
  readonly #namespaces: Store<Namespace>;
  /** Of this node. */
  readonly #pods: Store<Pod>;
  /** By uid. */
  readonly #known = new Map<string, Known>();

  constructor(options: EnrolmentOptions) {
    this.#options = options;
    const { client, node } = options;
    const { signal } = this.#stop;
    const watching = { report: quiet, clock: systemClock };
    this.#namespaces = watchStore(client, namespaces, watching, signal);
    this.#namespaces.onChange((name) => {
      for (const known of this.#known.values()) if (known.placed.pod.metadata.namespace === name) this.#adjust(known);
    });
    this.#pods = watchStore(client, pods, { ...watching, fieldSelector: `spec.nodeName=${node}` }, signal);
    this.#pods.onChange((_key, pod) => {
      const known = this.#known.get(pod?.metadata.uid ?? '');
      if (known !== undefined) this.#adjust(known);
    });
  }

  async added(placed: PlacedPod): Promise<void> {
    await this.#namespaces.synced;
    const { uid } = placed.pod.metadata;
    const known: Known = { placed, isEnrolled: false, work: Promise.resolve() };
    if (this.#wants(known)) await this.#enrol(known);
    this.#known.set(uid, known);
    this.#adjust(known);
  }

  async removed({ pod, netns }: PlacedPod): Promise<void> {
    const known = this.#known.get(pod.metadata.uid);
    this.#known.delete(pod.metadata.uid);
    await known?.work;
    if (known?.isEnrolled === true) await this.#options.agent.remove(enrolled({ pod, netns })).catch(() => {});
  }

  #wants({ placed: { pod } }: Known): boolean {
    const latest = this.#pods.get(keyOf(pod));
    const own = (latest?.metadata.uid === pod.metadata.uid ? latest : pod).metadata.labels?.[modeLabel];
    const home = this.#namespaces.get(pod.metadata.namespace ?? '')?.metadata.labels?.[modeLabel];
    return own === 'ambient' || (own !== 'none' && home === 'ambient');
  }

  #adjust(known: Known): void {
    known.work = known.work.then(async () => {
      while (!this.#stop.signal.aborted && this.#known.has(known.placed.pod.metadata.uid) && this.#wants(known) !== known.isEnrolled) {
        try {
          await (known.isEnrolled ? this.#release(known) : this.#enrol(known));
        } catch (e) {
          this.#options.complain(`${this.#options.node}: enrolment of ${known.placed.pod.metadata.name}: ${describeError(e)}`);
          await systemClock.sleep(tryAgain, this.#stop.signal).catch(() => {});
        }
      }
    });
  }

  async #enrol(known: Known): Promise<void> {
    const { placed } = known;
    const capture = { ipv6: true, dnsCapture: true, ingress: false, virtualInterfaces: [] };
    await applyRules(placed.netns, capture, AbortSignal.timeout(rulesTimeoutMs));
    await this.#options.agent.enrol(enrolled(placed));
    known.isEnrolled = true;
    await this.#annotate(placed.pod, 'enabled');
  }

  async #release(known: Known): Promise<void> {
    const { placed } = known;
    await this.#options.agent.remove(enrolled(placed));
    await removeRules(placed.netns, AbortSignal.timeout(rulesTimeoutMs));
    known.isEnrolled = false;
    await this.#annotate(placed.pod, null);
  }

  async #annotate(pod: Pod, value: string | null): Promise<void> {
    const body = { metadata: { uid: pod.metadata.uid, annotations: { [annotation]: value } } };
    await this.#options.client.patch(pods, keyOfMeta(pod), { type: 'merge', body, subresource: 'status' }).catch((e: unknown) => {
      // It is gone already.
      if (statusOf(e) !== 404 && statusOf(e) !== 409) throw e;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#known.values()].map(({ work }) => work));
  }
}

const enrolled = ({ pod: { metadata, spec }, netns }: Pick<PlacedPod, 'pod' | 'netns'>): EnrolledPod => ({
  uid: metadata.uid,
  name: metadata.name,
  namespace: metadata.namespace ?? '',
  serviceAccount: spec.serviceAccountName ?? 'default',
  netns,
});
