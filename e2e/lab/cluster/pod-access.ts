// How the API server reaches into pods: finds the kubelet that runs a pod, reads its logs, opens streams into it.
// Given to KubeApi by lab-cluster.ts; the protocols of the streams are in ../kubernetes/streaming/.
import type { KubeObject } from '../kubernetes/patch/json.ts';
import type { LogOptions, PodRuntime, PodUpgrade } from '../kubernetes/pod-runtime.ts';
import { badRequest, StatusError } from '../kubernetes/status-error.ts';
import type { Kubelet } from './kubelet/kubelet.ts';
import { readLog } from './kubelet/log-buffer.ts';
import type { PodRun } from './kubelet/pod-run.ts';

export class PodAccess implements PodRuntime {
  readonly #kubelets: Kubelet[] = [];

  add(kubelet: Kubelet): void {
    this.#kubelets.push(kubelet);
  }

  async *logs(pod: Readonly<KubeObject>, { container, previous, ...wish }: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const name = pod.metadata.name ?? '';
    const run = this.#run(pod)?.container(container);
    const log = run?.log(previous);
    if (run === undefined || log === undefined) {
      const state = run?.facts.state;
      if (previous) throw badRequest(`previous terminated container "${container}" in pod "${name}" not found`);
      const why = state?.at === 'waiting' ? state.reason : 'ContainerCreating';
      throw badRequest(`container "${container}" in pod "${name}" is waiting to start: ${why}`);
    }
    yield* readLog(log, wish, signal);
  }

  upgrade(_upgrade: PodUpgrade): void {
    throw new StatusError(501, 'NotImplemented', 'not yet');
  }

  #run(pod: Readonly<KubeObject>): PodRun | undefined {
    const { uid } = pod.metadata;
    if (uid === undefined) return undefined;
    return this.#kubelets.map((kubelet) => kubelet.find(uid)).find((run) => run !== undefined);
  }
}
