// All controllers of a cluster, as one thing to start and stop: what kube-controller-manager and kube-scheduler do for a real API server.
// Used by lab-cluster.ts, and alone beside an API server without nodes.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { daemonSets } from './daemon-sets.ts';
import { deployments } from './deployments.ts';
import { endpointSlices } from './endpoint-slices.ts';
import { GarbageCollector } from './garbage.ts';
import { namespaceContents } from './namespace-contents.ts';
import { NamespaceDeletion } from './namespace-deletion.ts';
import { replicaSets } from './replica-sets.ts';
import { Controllers } from './run.ts';
import { scheduler } from './scheduler.ts';

export interface AllControllersOptions {
  readonly client: KubeClient;
  /** Certificates that the API server is known by: put into every namespace. */
  readonly apiCaPem: string;
  /** What went wrong and is tried again. */
  readonly complain: (text: string) => void;
}

export function startControllers({ client, apiCaPem, complain }: AllControllersOptions): AsyncDisposable {
  const parts = new AsyncDisposableStack();
  const controllers = [namespaceContents(apiCaPem), deployments, replicaSets, daemonSets, endpointSlices, scheduler];
  parts.use(new Controllers({ client, controllers, complain }));
  parts.use(new GarbageCollector({ client, complain }));
  parts.use(new NamespaceDeletion({ client, complain }));
  return parts;
}
