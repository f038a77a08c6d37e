// The cluster that a command talks to: found by the options that every command takes, closed when the command is done.
// Opened by commands, only when they need one. KUBECONFIG is read here: programs that run in pods must not look at it, a user's tool must.
import { delimiter } from 'node:path';
import { loadAccess } from '@ambient-mesh/kube/access';
import { KubeClient } from '@ambient-mesh/kube/client';
import { failure } from './failure.ts';
import type { Globals, Shell } from './shell.ts';

export interface Cluster extends AsyncDisposable {
  readonly client: KubeClient;
  /** `-n`, or else the one of the kubeconfig's context. */
  readonly namespace: string;
}

/** Sends nothing yet. @throws MeshError `kube.access` when there is no kubeconfig, or it cannot be read */
export async function openCluster({ clock, env }: Shell, { kubeconfig, context, namespace }: Globals): Promise<Cluster> {
  const path = kubeconfig ?? pathOf(env.KUBECONFIG);
  const access = await loadAccess({ ...(path !== undefined && { kubeconfig: path }), ...(context !== undefined && { context }) });
  const client = new KubeClient(access, { clock, userAgent: 'ambientctl' });
  return {
    client,
    namespace: namespace ?? access.namespace,
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

function pathOf(variable: string | undefined): string | undefined {
  const paths = (variable ?? '').split(delimiter).filter((path) => path !== '');
  if (paths.length > 1) throw failure(`KUBECONFIG names ${paths.length} files, which are not merged here: name one with --kubeconfig`);
  return paths[0];
}
