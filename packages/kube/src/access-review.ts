// Asks the API server who we are, and what we or another may do.
// Used by whoever shows the cluster's traffic to people: each sees what the API server would show them.
import type { CallOptions, KubeClient } from './client.ts';
import { badAnswer } from './errors.ts';
import { objectOf, textOf } from './raw.ts';
import type { ReviewedToken } from './review.ts';

export type User = Pick<Extract<ReviewedToken, { readonly authenticated: true }>, 'username' | 'groups' | 'extra'>;

/** May they get this namespace? Without a user: may we? A `no` is an answer, not an error. */
export async function mayGetNamespace(client: KubeClient, namespace: string, user?: User, options: CallOptions = {}): Promise<boolean> {
  // As the API server sees a request for one: its name is its namespace too, so that rights within it count.
  const resourceAttributes = { verb: 'get', resource: 'namespaces', name: namespace, namespace };
  const kind = user === undefined ? 'SelfSubjectAccessReview' : 'SubjectAccessReview';
  const spec =
    user === undefined ? { resourceAttributes } : { resourceAttributes, user: user.username, groups: user.groups, extra: user.extra };
  const body = { apiVersion: 'authorization.k8s.io/v1', kind, spec };
  const path = `/apis/authorization.k8s.io/v1/${kind.toLowerCase()}s`;
  const answer = await client.request({ verb: 'create', about: kind, method: 'POST', path, body }, options);
  return objectOf(objectOf(answer).status).allowed === true;
}

/** Our name as the API server knows it. */
export async function ownName(client: KubeClient, options: CallOptions = {}): Promise<string> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const answer = await client.request({ verb: 'create', about: 'SelfSubjectReview', method: 'POST', path, body }, options);
  const name = textOf(objectOf(objectOf(objectOf(answer).status).userInfo).username);
  if (name === '') throw badAnswer('create SelfSubjectReview', 'a user without a name');
  return name;
}
