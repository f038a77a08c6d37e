// SPIFFE identities of the form spiffe://<trust domain>/ns/<namespace>/sa/<service account> (facts: ztunnel §2.2).

/** Plain data, so that it can cross threads. Two identities are equal when their `uri`s are. */
export interface SpiffeId {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The whole id: `spiffe://td/ns/x/sa/y`. */
  readonly uri: string;
}
