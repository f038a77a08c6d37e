// SPIFFE identities of the form spiffe://<trust domain>/ns/<namespace>/sa/<service account> (facts: ztunnel §2.2).
// The only place that builds or takes apart such a name; whoever holds a SpiffeId may trust its parts to agree with its uri.

/** Plain data, so that it can cross threads. Two identities are equal when their `uri`s are. */
export interface SpiffeId {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The whole id: `spiffe://td/ns/x/sa/y`. */
  readonly uri: string;
}

const scheme = 'spiffe://';
/** Longest id that an implementation has to accept (SPIFFE-ID §2.3); anything longer is refused unread. */
const longestId = 2048;

export const spiffeId = (trustDomain: string, namespace: string, serviceAccount: string): SpiffeId => ({
  trustDomain,
  namespace,
  serviceAccount,
  uri: `${scheme}${trustDomain}/ns/${namespace}/sa/${serviceAccount}`,
});

/** Undefined unless the text has exactly this form. Namespace and service account may be empty, the trust domain may not; case counts. */
export function parseSpiffeId(uri: string): SpiffeId | undefined {
  if (uri.length > longestId || !uri.startsWith(scheme)) return undefined;
  const [trustDomain, ns, namespace, sa, serviceAccount, surplus] = uri.slice(scheme.length).split('/', 6);
  if (!trustDomain || ns !== 'ns' || namespace === undefined || sa !== 'sa' || serviceAccount === undefined || surplus !== undefined)
    return undefined;
  return { trustDomain, namespace, serviceAccount, uri };
}

export const sameId = (a: SpiffeId, b: SpiffeId): boolean => a.uri === b.uri;

/** What policies call a principal: the id without its scheme, `td/ns/x/sa/y`. */
export const principalOf = (id: SpiffeId): string => id.uri.slice(scheme.length);
