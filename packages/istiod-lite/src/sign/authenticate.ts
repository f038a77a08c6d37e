// Finds out who calls: by client certificate first, then by the token in the authorization header, which the API server reviews.
// Used by the certificate service and by admission to xDS. Tokens are neither logged nor kept: answers are remembered by the token's hash.
import { createHash } from 'node:crypto';
import type { ReviewedToken } from '@ambient-mesh/kube/review';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import { describeError } from '@ambient-mesh/runtime/errors';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import { type Caller, callerOf } from './caller.ts';

export interface Credentials {
  /** Names in a client certificate that verified against our own roots. */
  readonly certificate: readonly SpiffeId[];
  /** The header as it came; empty when there is none. */
  readonly authorization: string;
  /** Name of the caller's cluster; empty means ours. */
  readonly clusterId: string;
}

export type Authenticated = Caller | { readonly refused: string };

export interface AuthenticatorOptions {
  readonly review: (token: string, audiences: readonly string[]) => Promise<ReviewedToken>;
  readonly audiences: readonly string[];
  readonly trustDomain: string;
  readonly clusterId: string;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** A node's tunnel asks for all of its certificates with one token; the API server itself remembers its answers for as long. */
const rememberedFor = ms(10_000);
const mostRemembered = 10_000;
/** Anybody can make us ask: beyond this the API server is spared. */
const mostUnderWay = 200;
/** A service-account token is 1 to 2 KiB. */
const longestToken = 16 * 1024;

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  /** By hash of the token. A question under way is shared by everyone who comes with that token. */
  readonly #answers: Map<string, { readonly answer: Promise<Authenticated>; readonly until: Ms }> = new Map();

  #underWay = 0;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Never rejects: an API server that does not answer makes nobody a caller. */
  async authenticate({ certificate, authorization, clusterId }: Credentials): Promise<Authenticated> {
    if (certificate.length > 0) return { identities: certificate, by: 'certificate' };
    if (authorization === '') return { refused: 'neither a client certificate nor a token' };
    const [, token] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
    if (token === undefined || token.length > longestToken) return { refused: 'the authorization header holds no bearer token' };
    if (clusterId !== '' && clusterId !== this.#options.clusterId)
      return { refused: `cluster ${JSON.stringify(clusterId.slice(0, 256))} is not known` };
    return this.#reviewed(token);
  }

  #reviewed(token: string): Promise<Authenticated> {
    const now = this.#options.clock.monotonic();
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.#answers.get(key);
    if (known !== undefined && known.until > now) return known.answer;
    this.#forgetOld(now);
    const answer = this.#ask(token);
    this.#answers.set(key, { answer, until: ms(now + rememberedFor) });
    // Only acceptance is remembered: a refusal may be the API server's trouble, or a token that becomes good.
    void answer.then((caller) => {
      if ('refused' in caller && this.#answers.get(key)?.answer === answer) this.#answers.delete(key);
    });
    return answer;
  }

  async #ask(token: string): Promise<Authenticated> {
    const { review, audiences, trustDomain } = this.#options;
    if (this.#underWay >= mostUnderWay) return { refused: 'too many tokens are under review' };
    this.#underWay += 1;
    try {
      return callerOf(await review(token, audiences), { audiences, trustDomain });
    } catch (e) {
      return { refused: `the API server could not be asked about the token: ${describeError(e)}` };
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Answers are in order of age, because a key that is asked again is put at the end. */
  #forgetOld(now: Ms): void {
    for (const [key, { until }] of this.#answers) {
      if (until > now && this.#answers.size < mostRemembered) return;
      this.#answers.delete(key);
    }
  }
}
