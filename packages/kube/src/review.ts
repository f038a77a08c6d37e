// Asks the API server whose a bearer token is.
// Used by whoever admits clients by service-account tokens. The token appears in no error and no log.
import type { CallOptions, KubeClient } from './client.ts';
import { badAnswer } from './errors.ts';
import { objectOf, textOf, textsOf } from './raw.ts';

export interface TokenReview {
  readonly token: string;
  /** The token must be meant for one of them. Empty: for the API server itself. */
  readonly audiences: readonly string[];
}

export type ReviewedToken =
  | {
      readonly authenticated: true;
      /** `system:serviceaccount:namespace:name` for service accounts. */
      readonly username: string;
      readonly groups: readonly string[];
      /** Such as `authentication.kubernetes.io/pod-name`. */
      readonly extra: Readonly<Record<string, readonly string[]>>;
      /** Of those asked for, the ones that the token is meant for. */
      readonly audiences: readonly string[];
    }
  | { readonly authenticated: false; readonly error: string };

/** A token that is refused is an answer, not an error. A server that answers without looking at the audiences counts as a refusal. */
export async function reviewToken(
  client: KubeClient,
  { token, audiences }: TokenReview,
  options: CallOptions = {},
): Promise<ReviewedToken> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } };
  const request = {
    verb: 'create',
    about: 'TokenReview',
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/tokenreviews',
    body,
  } as const;
  const status = objectOf(objectOf(await client.request(request, options)).status);
  if (status.authenticated !== true) return { authenticated: false, error: textOf(status.error) || 'the token is not known' };
  const user = objectOf(status.user);
  const username = textOf(user.username);
  if (username === '') throw badAnswer('create TokenReview', 'a user without a name');
  const meant = textsOf(status.audiences);
  if (audiences.length > 0 && !audiences.some((each) => meant.includes(each))) {
    return { authenticated: false, error: 'the token is meant for another audience' };
  }
  const extra = Object.entries(objectOf(user.extra)).map(([name, values]) => [name, textsOf(values)] as const);
  return { authenticated: true, username, groups: textsOf(user.groups), extra: Object.fromEntries(extra), audiences: meant };
}
