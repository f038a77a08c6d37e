// Where the API server is and how we prove who we are: found once at start, credentials read again whenever they may have changed.
// Used by transport.ts. Two sources: the files of a pod (in-cluster.ts) and a kubeconfig (kubeconfig.ts).
import { inClusterAccess, inClusterPlace } from './in-cluster.ts';

/** What a connection and a request need. Holds secrets: never log it. */
export interface Credentials {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
    /** Name that the server's certificate must carry, when it is not the URL's. */
    readonly servername?: string | undefined;
    /** False only when a kubeconfig says `insecure-skip-tls-verify`. */
    readonly rejectUnauthorized?: boolean | undefined;
  };
}

/** Shows no secret when printed: they are behind `credentials`, a function. */
export interface Access {
  /** `https://host:port`, maybe with a path in front of every other. */
  readonly server: string;
  /** Our own: of the pod, or of the kubeconfig's context. `default` when neither says. */
  readonly namespace: string;
  /**
   * Called once a minute, and with `afresh` after the server has refused what it gave: then nothing remembered may be used.
   * @throws MeshError `kube.access`
   */
  readonly credentials: (afresh: boolean) => Promise<Credentials>;
}

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
