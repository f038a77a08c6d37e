// How the API server reaches into pods: finds the kubelet that runs a pod, reads its logs, opens streams into it.
// Given to KubeApi by lab-cluster.ts; the protocols of the streams are in ../kubernetes/streaming/.
import type { KubeObject } from '../kubernetes/patch/json.ts';
import type { LogOptions, PodRuntime, PodUpgrade } from '../kubernetes/pod-runtime.ts';
import { badRequest } from '../kubernetes/status-error.ts';
import { serveStream } from '../kubernetes/streaming/serve-stream.ts';
import { logOf } from './kubelet/container-logs.ts';
import type { Kubelet } from './kubelet/kubelet.ts';
import { readLog } from './kubelet/log-buffer.ts';
import type { PodRun } from './kubelet/pod-run.ts';
import { PodStreams } from './kubelet/pod-streams.ts';

export class PodAccess implements PodRuntime {
  readonly #kubelets: Kubelet[] = [];

  add(kubelet: Kubelet): void {
    this.#kubelets.push(kubelet);
  }

  async *logs(pod: Readonly<KubeObject>, { container, previous, ...wish }: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array> {
    yield* readLog(logOf(this.#run(pod), container, previous), wish, signal);
  }

  upgrade({ subresource, pod, ...stream }: PodUpgrade): void {
    const run = this.#run(pod);
    if (run === undefined) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
    const container = stream.query.get('container') ?? '';
    if (container !== '' && run.container(container) === undefined)
      throw badRequest(`container ${container} is not valid for pod ${pod.metadata.name}`);
    serveStream({ kind: subresource, ...stream }, new PodStreams(run));
  }

  #run(pod: Readonly<KubeObject>): PodRun | undefined {
    const { uid } = pod.metadata;
    if (uid === undefined) return undefined;
    return this.#kubelets.map((kubelet) => kubelet.find(uid)).find((run) => run !== undefined);
  }
}
