// What access to an API server consists of: where it is, and what proves who we are.
// Found by access.ts, held by transport.ts; where it comes from is in-cluster.ts and kubeconfig.ts. Types only.

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
