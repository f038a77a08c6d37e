// Kinds that are questions: they are answered at once and stored nowhere. TokenReview, SelfSubjectReview and the access reviews.
// Called by serve/ for POST. Access is granted to everybody who is known, unless a test forbids it.
import { listAt, mapAt, textAt } from '../object.ts';
import type { Json, JsonObject, KubeObject } from '../patch/json.ts';
import { apiAudiences, type ServiceAccountTokens } from './service-account-tokens.ts';
import { type User, userJson } from './user.ts';

/** What tests may set to refuse a verb on a resource: `deployments.apps`, `pods/exec`. */
export type Forbid = (verb: string, resource: string, user: User, namespace: string) => boolean;

export interface ReviewContext {
  readonly user: User;
  readonly tokens: ServiceAccountTokens;
  readonly forbid: Forbid;
}

/** The question with its status filled in. */
export function answerReview(question: KubeObject, context: ReviewContext): KubeObject {
  const status = statusOf(question, context);
  return { ...question, status };
}

function statusOf({ kind, spec, metadata }: KubeObject, { user, tokens, forbid }: ReviewContext): JsonObject {
  switch (kind) {
    case 'TokenReview':
      return tokenStatus(spec, tokens);
    case 'SelfSubjectReview':
      return { userInfo: userJson(user) };
    case 'SelfSubjectRulesReview':
      return {
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
        incomplete: false,
      };
    case 'SelfSubjectAccessReview':
      return accessStatus(spec, user, forbid);
    default: {
      const about: User = { name: textAt(spec, 'user') ?? '', groups: listAt(spec, 'groups').map(String), extra: {} };
      const inNamespace = mapAt(spec, 'resourceAttributes');
      const attributes = metadata.namespace === undefined ? inNamespace : { ...inNamespace, namespace: metadata.namespace };
      return accessStatus({ ...mapAt(spec), resourceAttributes: attributes }, about, forbid);
    }
  }
}

function tokenStatus(spec: Json | undefined, tokens: ServiceAccountTokens): JsonObject {
  const wanted = listAt(spec, 'audiences').map(String);
  const answer = tokens.review(textAt(spec, 'token') ?? '', wanted.length === 0 ? apiAudiences : wanted);
  if ('error' in answer) return { authenticated: false, user: {}, error: answer.error };
  return { authenticated: true, user: userJson(answer.user), audiences: [...answer.audiences] };
}

function accessStatus(spec: Json | undefined, user: User, forbid: Forbid): JsonObject {
  const { verb = '', resource = '', group = '', subresource = '', namespace = '' } = mapAt(spec, 'resourceAttributes');
  const full = `${String(resource)}${group === '' ? '' : `.${String(group)}`}${subresource === '' ? '' : `/${String(subresource)}`}`;
  const isForbidden = forbid(String(verb), full, user, String(namespace));
  return isForbidden ? { allowed: false, reason: 'forbidden by the test' } : { allowed: true };
}
