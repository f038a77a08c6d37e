// Where the keys of token issuers come from, and how long they are believed: fetched on demand, renewed before they are old, kept when the issuer fails.
// One KeyRing per waypoint, so that a new configuration does not forget keys; asked by jwt.ts per token. Reads no token itself.
import { describeError } from '@ambient-mesh/runtime/errors';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import { unlessAborted } from '@ambient-mesh/runtime/unless-aborted';
import { KeySet } from './keys.ts';

export interface FetchLimits {
  readonly timeout: Ms;
  /** A longer answer must be refused unread. */
  readonly limitBytes: number;
  readonly signal: AbortSignal;
}

/** GETs a document. Rejects for any status but 200. */
export type FetchText = (url: string, limits: FetchLimits) => Promise<string>;

export interface KeyRingPorts {
  readonly fetch: FetchText;
  readonly clock: Clock;
  /** Told of each failure to fetch; once per attempt. */
  readonly failed: (url: string, why: string) => void;
}

export interface KeySource {
  /** Undefined: there are none, and asking again at once is no use. */
  keys(): Promise<KeySet | undefined>;
  /** For a token that names a key unknown so far: perhaps the issuer has new ones. Undefined: no, or it was asked a moment ago. */
  newerThan(known: KeySet): Promise<KeySet | undefined>;
}

/** How long keys are used without asking again. */
const lifetime = ms(300_000);
/** From this age on they are renewed while the old ones are used. */
const renewal = ms(240_000);
/** Between two questions because of unknown key names: anyone can make names up. */
const unknownKeyPause = ms(30_000);
const pauseAfterFailure = ms(5_000);
const longestDocument = 1 << 20;
/** Sources remembered; of more, those not asked for longest are forgotten. */
const mostSources = 1_000;

export class KeyRing implements Disposable {
  readonly #ports: KeyRingPorts;
  readonly #sources = new Map<string, RemoteKeys>();
  readonly #stop = new AbortController();

  constructor(ports: KeyRingPorts) {
    this.#ports = ports;
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error('the waypoint stops'));
  }

  /** Keys that the operator wrote down; may contain shared secrets. */
  inline(text: string): KeySource {
    const set = KeySet.parse(text, true);
    return { keys: async () => set, newerThan: async () => undefined };
  }

  /** The key set at `url`; with `discover`, the one that the OpenID configuration of the issuer `url` names. */
  remote(url: string, discover: boolean, timeout: Ms): KeySource {
    const name = `${discover ? 'issuer' : 'keys'} ${timeout} ${url}`;
    const source = this.#sources.get(name) ?? new RemoteKeys(this.#ports, { url, discover, timeout, signal: this.#stop.signal });
    this.#sources.delete(name);
    this.#sources.set(name, source);
    for (const oldest of this.#sources.keys()) {
      if (this.#sources.size <= mostSources) break;
      this.#sources.delete(oldest);
    }
    return source;
  }
}

interface Place {
  readonly url: string;
  readonly discover: boolean;
  readonly timeout: Ms;
  readonly signal: AbortSignal;
}

class RemoteKeys implements KeySource {
  readonly #ports: KeyRingPorts;
  readonly #place: Place;
  #current: KeySet | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #failed = false;
  #fetching: Promise<void> | undefined;

  constructor(ports: KeyRingPorts, place: Place) {
    this.#ports = ports;
    this.#place = place;
  }

  async keys(): Promise<KeySet | undefined> {
    const age = this.#ports.clock.monotonic() - this.#fetchedAt;
    if (age < renewal) return this.#current;
    const failing = this.#failed;
    const pausing = failing && this.#ports.clock.monotonic() - this.#triedAt < pauseAfterFailure;
    const fetching = pausing ? undefined : this.#fetch();
    // While an issuer keeps failing nobody waits for it, as long as there are keys at all.
    if (this.#current === undefined || (age >= lifetime && !failing)) await fetching;
    return this.#current;
  }

  async newerThan(known: KeySet): Promise<KeySet | undefined> {
    if (this.#current === known && this.#ports.clock.monotonic() - this.#triedAt >= unknownKeyPause) await this.#fetch();
    else if (this.#fetching) await this.#fetching;
    return this.#current === known ? undefined : this.#current;
  }

  /** One at a time. Never rejects; a failure leaves the keys as they are. */
  #fetch(): Promise<void> {
    this.#fetching ??= this.#attempt().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #attempt(): Promise<void> {
    this.#triedAt = this.#ports.clock.monotonic();
    try {
      const url = this.#place.discover ? await this.#discovered() : this.#place.url;
      const set = KeySet.parse(await this.#get(url), false);
      if (set === undefined) throw new Error('the answer is not a JWK set');
      this.#current = set;
      this.#fetchedAt = this.#ports.clock.monotonic();
      this.#failed = false;
    } catch (e) {
      this.#failed = true;
      this.#triedAt = this.#ports.clock.monotonic();
      if (!this.#place.signal.aborted) this.#ports.failed(this.#place.url, describeError(e));
    }
  }

  async #discovered(): Promise<string> {
    const { url } = this.#place;
    const document: unknown = JSON.parse(await this.#get(`${url.replace(/\/$/, '')}/.well-known/openid-configuration`));
    const found = typeof document === 'object' && document !== null && 'jwks_uri' in document ? document.jwks_uri : undefined;
    if (typeof found !== 'string') throw new Error('the OpenID configuration names no keys');
    return found;
  }

  /** Holds the limits also when the port does not. */
  async #get(url: string): Promise<string> {
    const { timeout } = this.#place;
    const late = new AbortController();
    using _timer = this.#ports.clock.after(timeout, () => late.abort(new Error(`no answer within ${timeout} ms`)));
    const signal = AbortSignal.any([this.#place.signal, late.signal]);
    const text = await unlessAborted(this.#ports.fetch(url, { timeout, limitBytes: longestDocument, signal }), signal);
    if (text.length > longestDocument) throw new Error(`the answer is longer than ${longestDocument} octets`);
    return text;
  }
}
