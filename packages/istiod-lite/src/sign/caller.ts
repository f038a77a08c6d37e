// Who calls: what a reviewed service-account token, or a verified client certificate, says of the caller. Pure.
// Asked by authenticate.ts; what the caller may do is impersonation.ts (certificates) and push/admission.ts (xDS).
import type { ReviewedToken } from '@ambient-mesh/kube/review';
import { type SpiffeId, spiffeId } from '@ambient-mesh/model/spiffe';

/** The pod that a token is bound to. */
export interface CallerPod {
  readonly name: string;
  readonly uid: string;
}

export interface Caller {
  /** Never empty. A certificate may carry several names, a token has one. */
  readonly identities: readonly SpiffeId[];
  /** Present when the caller came with a token that is bound to a pod. */
  readonly pod?: CallerPod;
  readonly by: 'token' | 'certificate';
}

const account = /^system:serviceaccount:([^:]+):([^:]+)$/;
const podNameKey = 'authentication.kubernetes.io/pod-name';
const podUidKey = 'authentication.kubernetes.io/pod-uid';

/** @returns the reason, in words for the log, when the token makes nobody a caller. */
export function callerOf(
  review: ReviewedToken,
  wanted: { readonly audiences: readonly string[]; readonly trustDomain: string },
): Caller | { readonly refused: string } {
  if (!review.authenticated) return { refused: `the API server does not accept the token: ${review.error || 'no reason given'}` };
  // An API server that knows nothing of audiences answers without any: then the token was not made for us.
  if (!review.audiences.some((audience) => wanted.audiences.includes(audience)))
    return { refused: `the token is for ${review.audiences.join(', ') || 'no audience'}, not for ${wanted.audiences.join(' or ')}` };
  if (!review.groups.includes('system:serviceaccounts')) return { refused: `${review.username} is not a service account` };
  const [, namespace, name] = account.exec(review.username) ?? [];
  if (namespace === undefined || name === undefined) return { refused: `${review.username} is not a service account` };
  const identities = [spiffeId(wanted.trustDomain, namespace, name)];
  const [podName, podUid] = [review.extra[podNameKey]?.[0], review.extra[podUidKey]?.[0]];
  return podName && podUid ? { identities, by: 'token', pod: { name: podName, uid: podUid } } : { identities, by: 'token' };
}
