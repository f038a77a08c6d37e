// Tokens of service accounts: issued on TokenRequest, bound to a pod if wished, and believed only while account and pod are there.
// Used for bearer authentication, TokenReview and the `token` subresource.
import { randomUUID } from 'node:crypto';
import type { KeyPair } from '@ambient-mesh/identity/keys';
import type { Clock } from '@ambient-mesh/runtime/time';
import { listAt, mapAt, numberAt, textAt } from '../object.ts';
import type { JsonObject, KubeObject } from '../patch/json.ts';
import type { KubeStore } from '../store/kube-store.ts';
import { readToken, signToken } from './json-web-token.ts';
import type { User } from './user.ts';

export const issuer = 'https://kubernetes.default.svc.cluster.local';
/** What the API server itself answers to. */
export const apiAudiences: readonly string[] = [issuer];

export interface TokenWish {
  readonly account: Readonly<KubeObject>;
  readonly audiences: readonly string[];
  readonly seconds: number;
  readonly pod?: Readonly<KubeObject>;
}

export type TokenAnswer = { readonly user: User; readonly audiences: readonly string[] } | { readonly error: string };

export class ServiceAccountTokens {
  readonly #store: KubeStore;
  readonly #keys: KeyPair;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(store: KubeStore, keys: KeyPair, clock: Pick<Clock, 'now'>) {
    this.#store = store;
    this.#keys = keys;
    this.#clock = clock;
  }

  /** `expires` in milliseconds since 1970. */
  issue({ account, audiences, seconds, pod }: TokenWish): { readonly token: string; readonly expires: number } {
    const now = this.#seconds;
    const { namespace = '', name = '', uid = '' } = account.metadata;
    const nodeName = textAt(pod?.spec, 'nodeName');
    const node = nodeName === undefined ? undefined : this.#store.get('nodes', nodeName)?.object;
    const binding: JsonObject = {
      namespace,
      ...(node === undefined ? {} : { node: reference(node) }),
      ...(pod === undefined ? {} : { pod: reference(pod) }),
      serviceaccount: { name, uid },
    };
    const claims: JsonObject = {
      aud: [...audiences],
      exp: now + seconds,
      iat: now,
      iss: issuer,
      jti: randomUUID(),
      'kubernetes.io': binding,
      nbf: now,
      sub: `system:serviceaccount:${namespace}:${name}`,
    };
    return { token: signToken(this.#keys, claims), expires: (now + seconds) * 1_000 };
  }

  /** Whose token it is, if it is meant for one of `audiences`. */
  review(token: string, audiences: readonly string[]): TokenAnswer {
    const claims = readToken(this.#keys, token);
    if (claims === undefined || claims.iss !== issuer) return { error: 'invalid bearer token' };
    const now = this.#seconds;
    if (now >= (numberAt(claims, 'exp') ?? 0)) return { error: '[invalid bearer token, service account token has expired]' };
    if (now < (numberAt(claims, 'nbf') ?? 0)) return { error: '[invalid bearer token, token is not valid yet]' };
    const granted = listAt(claims, 'aud').filter((each) => typeof each === 'string');
    const meant = audiences.filter((each) => granted.includes(each));
    if (meant.length === 0) {
      const lists = `token audiences ${JSON.stringify(granted)} is invalid for the target audiences ${JSON.stringify(audiences)}`;
      return { error: `[invalid bearer token, ${lists}]` };
    }
    const binding = mapAt(claims, 'kubernetes.io');
    const gone = this.#whatIsGone(binding);
    return gone === undefined
      ? { user: userOf(binding, textAt(claims, 'jti') ?? ''), audiences: meant }
      : { error: `[invalid bearer token, ${gone}]` };
  }

  #whatIsGone(binding: Readonly<JsonObject>): string | undefined {
    const namespace = textAt(binding, 'namespace') ?? '';
    const bound = [
      ['serviceaccounts', 'serviceaccount', 'service account'],
      ['pods', 'pod', 'pod'],
    ] as const;
    for (const [resource, claim, words] of bound) {
      const name = textAt(binding, claim, 'name');
      if (name === undefined) continue;
      const object = this.#store.get(resource, `${namespace}/${name}`)?.object;
      if (object?.metadata.uid !== textAt(binding, claim, 'uid')) return `${words} ${namespace}/${name} is gone or another one now`;
    }
    return undefined;
  }

  get #seconds(): number {
    return Math.floor(this.#clock.now() / 1_000);
  }
}

const reference = ({ metadata }: Readonly<KubeObject>): JsonObject => ({ name: metadata.name ?? '', uid: metadata.uid ?? '' });

function userOf(binding: Readonly<JsonObject>, tokenId: string): User {
  const namespace = textAt(binding, 'namespace') ?? '';
  const name = textAt(binding, 'serviceaccount', 'name') ?? '';
  const extra: Record<string, string[]> = { 'authentication.kubernetes.io/credential-id': [`JTI=${tokenId}`] };
  for (const claim of ['node', 'pod']) {
    for (const field of ['name', 'uid']) {
      const value = textAt(binding, claim, field);
      if (value !== undefined) extra[`authentication.kubernetes.io/${claim}-${field}`] = [value];
    }
  }
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    uid: textAt(binding, 'serviceaccount', 'uid') ?? '',
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra,
  };
}
