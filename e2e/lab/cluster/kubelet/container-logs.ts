// The log of a container, or why there is none, in the words of the API.
// Asked by the lab's API server (../pod-access.ts) and by a real one (kubelet-server.ts).
import { badRequest } from '../../kubernetes/status-error.ts';
import type { LogBuffer } from './log-buffer.ts';
import type { PodRun } from './pod-run.ts';

/** @throws StatusError when the container has not run (before). */
export function logOf(pod: PodRun | undefined, name: string, previous: boolean): LogBuffer {
  const container = pod?.container(name);
  const log = container?.log(previous);
  if (log !== undefined) return log;
  const where = `container "${name}" in pod "${pod?.pod.metadata.name ?? ''}"`;
  if (previous) throw badRequest(`previous terminated ${where} not found`);
  const state = container?.facts.state;
  throw badRequest(`${where} is waiting to start: ${state?.at === 'waiting' ? state.reason : 'ContainerCreating'}`);
}
