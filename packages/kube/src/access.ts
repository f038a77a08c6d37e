// Where the API server is and how we prove who we are: found once at start, credentials read again whenever they may have changed.
// Used by transport.ts. Two sources: the files of a pod (in-cluster.ts) and a kubeconfig (kubeconfig.ts).
import type { Access } from './credentials.ts';
import { inClusterAccess, inClusterPlace } from './in-cluster.ts';

export interface AccessOptions {
  /** Path of a kubeconfig. Default: the pod's own service account when there is one, otherwise `~/.kube/config`. KUBECONFIG is not looked at. */
  readonly kubeconfig?: string;
  /** Of the kubeconfig; default: its current one. */
  readonly context?: string;
}

/** @throws MeshError `kube.access` when there is nothing to be found, or it cannot be read. */
export async function loadAccess({ kubeconfig, context }: AccessOptions = {}): Promise<Access> {
  const place = kubeconfig === undefined && context === undefined ? inClusterPlace() : undefined;
  if (place !== undefined) return inClusterAccess(place);
  // Loaded only here: a pod has no use for 85 MB of generated API.
  const { kubeconfigAccess } = await import('./kubeconfig.ts');
  return kubeconfigAccess({ path: kubeconfig, context });
}
