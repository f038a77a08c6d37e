// A node of the lab as the API sees it: shows the Node, runs the pods that are bound to it, tells how they are, and ends those that shall go.
// Made by lab-cluster.ts. While the API is away the pods go on; what has changed meanwhile is made up for afterwards.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf as httpStatusOf } from '@ambient-mesh/kube/errors';
import { keyText, pathOf } from '@ambient-mesh/kube/kind';
import { watchStore } from '@ambient-mesh/kube/store';
import { describeError } from '@ambient-mesh/runtime/errors';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import { nodes, pods as podKind } from '../kinds.ts';
import type { NodeRoot } from '../node-root.ts';
import type { Pod } from '../objects.ts';
import { quiet } from '../quiet.ts';
import type { Cgroups } from './cgroups.ts';
import type { Images } from './images.ts';
import { type NodeFacts, nodeObject, nodeStatus } from './node-object.ts';
import type { PodNetwork } from './pod-network.ts';
import { type PodHost, PodRun } from './pod-run.ts';
import { rfc3339 } from './rfc3339.ts';

export interface KubeletOptions {
  readonly client: KubeClient;
  readonly host: PodHost;
  readonly node: NodeFacts;
  readonly network: PodNetwork;
  readonly root: NodeRoot;
  readonly cgroups: Cgroups;
  readonly images: Images;
  readonly env: Readonly<Record<string, string>>;
  readonly resolvConf: (pod: Pod) => string | undefined;
  readonly folder: string;
  /** What went wrong and is tried again. */
  readonly complain: (text: string) => void;
}

interface Running {
  readonly run: PodRun;
  isDirty: boolean;
  writing: Promise<void> | undefined;
  /** Seconds; undefined while it shall stay. */
  grace: number | undefined;
  isLeaving: boolean;
}

const manager = 'kubelet';
const tryAgain = ms(500);
const heartbeatEvery = ms(60_000);

export class Kubelet implements AsyncDisposable {
  readonly #options: KubeletOptions;
  readonly #stop = new AbortController();
  /** By uid. */
  readonly #pods = new Map<string, Running>();
  readonly #tasks = new Set<Promise<void>>();

  constructor(options: KubeletOptions) {
    this.#options = options;
    const { signal } = this.#stop;
    this.#track(this.#showNode(signal));
    const fieldSelector = `spec.nodeName=${options.node.name}`;
    const bound = watchStore(options.client, podKind, { fieldSelector, report: quiet, clock: systemClock }, signal);
    bound.onChange((_key, after, before) => {
      if (signal.aborted) return;
      if (before !== undefined && before.metadata.uid !== after?.metadata.uid) this.#track(this.#lose(before.metadata.uid));
      if (after !== undefined) this.#see(after);
    });
  }

  /** The node's file system. */
  get root(): NodeRoot {
    return this.#options.root;
  }

  /** Undefined unless this node runs it. */
  find(uid: string): PodRun | undefined {
    return this.#pods.get(uid)?.run;
  }

  findByName(namespace: string, name: string): PodRun | undefined {
    const isIt = ({ run: { pod } }: Running): boolean => pod.metadata.namespace === namespace && pod.metadata.name === name;
    return [...this.#pods.values()].findLast(isIt)?.run;
  }

  #see(pod: Pod): void {
    const { uid, deletionTimestamp, deletionGracePeriodSeconds = 30 } = pod.metadata;
    const running = this.#pods.get(uid);
    running?.run.update(pod);
    if (deletionTimestamp !== undefined) {
      const isNews = running === undefined || deletionGracePeriodSeconds < (running.grace ?? Number.POSITIVE_INFINITY);
      if (running !== undefined) running.grace = Math.min(deletionGracePeriodSeconds, running.grace ?? Number.POSITIVE_INFINITY);
      if (isNews) this.#track(this.#end(pod, deletionGracePeriodSeconds));
      return;
    }
    const isOver = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (running !== undefined || isOver) return;
    const run = new PodRun(pod, {
      ...this.#options,
      folder: `${this.#options.folder}/${uid}`,
      onChange: () => this.#tell(uid),
    });
    this.#pods.set(uid, { run, isDirty: false, writing: undefined, grace: undefined, isLeaving: false });
    this.#tell(uid);
  }

  /** Writes the status soon; one write at a time for each pod, and one more if something has changed meanwhile. */
  #tell(uid: string): void {
    const running = this.#pods.get(uid);
    if (running === undefined) return;
    running.isDirty = true;
    if (running.writing !== undefined) return;
    running.writing = this.#write(running);
    this.#track(running.writing);
  }

  async #write(running: Running): Promise<void> {
    const { signal } = this.#stop;
    // Changes of one moment are told together.
    await Promise.resolve();
    while (running.isDirty && !signal.aborted) {
      running.isDirty = false;
      const { metadata } = running.run.pod;
      const { name, namespace = '', uid } = metadata;
      const body = { metadata: { uid }, status: running.run.status() };
      try {
        await this.#options.client.apply(podKind, { namespace, name }, body, { manager, subresource: 'status', signal });
      } catch (e) {
        const status = httpStatusOf(e);
        // 404, 409: it is gone, or another pod of the same name is there.
        if (signal.aborted || status === 404 || status === 409) break;
        this.#options.complain(`${this.#options.node.name}: ${describeError(e)}`);
        running.isDirty = true;
        await systemClock.sleep(tryAgain, signal).catch(() => {});
      }
    }
    running.writing = undefined;
  }

  /** Ends the pod and then its object. */
  async #end(pod: Pod, graceSeconds: number): Promise<void> {
    const { client, complain } = this.#options;
    const { signal } = this.#stop;
    const { name, namespace = '', uid } = pod.metadata;
    const running = this.#pods.get(uid);
    await running?.run.stop(graceSeconds * 1_000);
    if (running?.isLeaving === true || signal.aborted) return;
    if (running !== undefined) running.isLeaving = true;
    await running?.writing;
    const key = { namespace, name };
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0, preconditions: { uid } };
    const request = { verb: 'delete', about: `Pod ${keyText(key)}`, method: 'DELETE', path: pathOf(podKind, key), body } as const;
    while (!signal.aborted) {
      try {
        await client.request(request, { signal });
        return;
      } catch (e) {
        const status = httpStatusOf(e);
        if (status === 404 || status === 409) return;
        if (!signal.aborted) complain(`${this.#options.node.name}: ${describeError(e)}`);
        await systemClock.sleep(tryAgain, signal).catch(() => {});
      }
    }
  }

  /** The object went without us: deleted by force. */
  async #lose(uid: string): Promise<void> {
    const running = this.#pods.get(uid);
    this.#pods.delete(uid);
    await running?.run.stop(0);
  }

  async #showNode(signal: AbortSignal): Promise<void> {
    const { client, node, complain } = this.#options;
    const key = { namespace: '', name: node.name };
    while (!signal.aborted) {
      try {
        await client.apply(nodes, key, nodeObject(node), { manager, signal });
        const status = nodeStatus(node, rfc3339(new Date()));
        // Not an apply: a Node has two addresses of one type, which server-side apply takes for one.
        await client.patch(nodes, key, { type: 'merge', body: { status }, manager, subresource: 'status' }, { signal });
        await systemClock.sleep(heartbeatEvery, signal);
      } catch (e) {
        if (signal.aborted) return;
        complain(`${node.name}: ${describeError(e)}`);
        await systemClock.sleep(tryAgain, signal).catch(() => {});
      }
    }
  }

  /** Tasks never reject. */
  #track(task: Promise<void>): void {
    this.#tasks.add(task);
    void task.finally(() => this.#tasks.delete(task));
  }

  /** Kills the pods: a node that is switched off. Their objects stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#pods.values()].map(({ run }) => run.stop(0)));
    await Promise.all(this.#tasks);
  }
}
