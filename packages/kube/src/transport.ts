// One API server over HTTP/1.1: connection pools that belong to credentials, and the credentials kept fresh.
// Used by client.ts, which knows verbs and objects; here a request is a path and bytes. Two lanes, so that neither calls nor watches can starve the other.
import { isDeepStrictEqual } from 'node:util';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import { unlessAborted } from '@ambient-mesh/runtime/unless-aborted';
import { type Dispatcher, Pool } from 'undici';
import type { Access, Credentials } from './credentials.ts';
import { noAccess } from './errors.ts';
import type { ForwardTarget } from './port-forward.ts';

export interface Sent {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

type LaneName = 'calls' | 'watches';

/** Connections per lane: each watch holds one for minutes, a call for milliseconds. */
const lanes: Readonly<Record<LaneName, number>> = { calls: 16, watches: 256 };
/** As long as Kubernetes clients remember a token that is read from a file. */
const rememberFor = 60_000;
/** Refused credentials are not asked for anew more often: a plugin may be slow, and its answer the same. */
const rereadEvery = 5_000;

type Lanes = { readonly credentials: Credentials } & Readonly<Record<LaneName, Pool>>;

export class Transport implements AsyncDisposable {
  readonly #access: Access;
  readonly #clock: Clock;
  readonly #connectTimeout: Ms;
  readonly #origin: string;
  /** Path of the server's URL, put in front of every other. */
  readonly #prefix: string;
  #lanes: Lanes | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<Lanes> | undefined;
  readonly #open = new Set<Pool>();
  #closed = false;

  constructor(access: Access, clock: Clock, connectTimeout: Ms) {
    this.#access = access;
    this.#clock = clock;
    this.#connectTimeout = connectTimeout;
    const url = urlOf(access.server);
    this.#origin = url.origin;
    this.#prefix = url.pathname.replace(/\/+$/, '');
  }

  /**
   * Resolves with the answer's head, whatever its status; the caller reads the body or destroys it. When credentials are refused (401) and
   * others are to be had, the request is sent once more with those. Rejects with whatever undici throws, `kube.access`, or the signal's reason.
   */
  async send(request: Sent, lane: LaneName, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const used = await unlessAborted(this.#current(ms(rememberFor)), signal);
    const answer = await this.#sendWith(used, request, lane, signal);
    if (answer.statusCode !== 401) return answer;
    const next = await unlessAborted(this.#after(used), signal).catch(() => used);
    if (next.credentials === used.credentials) return answer;
    answer.body.on('error', () => {}).destroy();
    return this.#sendWith(next, request, lane, signal);
  }

  /** What a stream beside HTTP needs to be opened: the caller owns it, and ends it. */
  async streaming(path: string, signal: AbortSignal): Promise<ForwardTarget> {
    const { credentials, watches } = await unlessAborted(this.#current(ms(rememberFor)), signal);
    return { url: `${this.#origin.replace(/^http/, 'ws')}${this.#prefix}${path}`, headers: credentials.headers, dispatcher: watches };
  }

  /** Breaks whatever is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#reading?.catch(() => {});
    await Promise.all(Array.from(this.#open, (pool) => pool.destroy()));
  }

  /** A request that waits for a free connection would not hear of its signal: undici listens only once it has begun. */
  #sendWith(own: Lanes, { method, path, headers, body }: Sent, lane: LaneName, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const all = { ...headers, ...own.credentials.headers };
    return unlessAborted(own[lane].request({ method, path: this.#prefix + path, headers: all, body, signal }), signal);
  }

  /** Pools with what these refused credentials were replaced by; the same ones if there is nothing else. */
  async #after(refused: Lanes): Promise<Lanes> {
    const current = await this.#current(ms(rememberFor));
    return current.credentials === refused.credentials ? this.#current(ms(rereadEvery), true) : current;
  }

  async #current(maxAge: Ms, afresh = false): Promise<Lanes> {
    if (this.#lanes !== undefined && this.#clock.monotonic() - this.#readAt < maxAge) return this.#lanes;
    this.#reading ??= this.#read(afresh).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(afresh: boolean): Promise<Lanes> {
    if (this.#closed) throw noAccess('the client is closed');
    const before = this.#lanes;
    const credentials = await this.#access.credentials(afresh).catch((e: unknown) => {
      // What worked so far may go on working: a file that is being replaced, a plugin that fails once.
      if (before === undefined) throw e;
      return before.credentials;
    });
    this.#readAt = this.#clock.monotonic();
    if (before !== undefined && isDeepStrictEqual(before.credentials, credentials)) return before;
    const sameTls = before !== undefined && isDeepStrictEqual(before.credentials.tls, credentials.tls);
    this.#lanes = sameTls
      ? { ...before, credentials }
      : { credentials, calls: this.#pool(credentials, 'calls'), watches: this.#pool(credentials, 'watches') };
    if (before !== undefined && !sameTls) for (const pool of [before.calls, before.watches]) this.#retire(pool);
    return this.#lanes;
  }

  #pool({ tls }: Credentials, lane: LaneName): Pool {
    const given = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
    const pool = new Pool(this.#origin, {
      connections: lanes[lane],
      allowH2: false,
      // Waiting is bounded by callers, on their clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      // Shorter than any server keeps an idle connection.
      keepAliveTimeout: 30_000,
      connectTimeout: this.#connectTimeout,
      // A peer that is gone without a word is noticed within 40 s: 30 s idle, then ten probes a second apart.
      connect: { ...given, keepAlive: true, keepAliveInitialDelay: 30_000 },
    });
    this.#open.add(pool);
    return pool;
  }

  /** What is under way ends by itself: a watch within minutes. */
  #retire(pool: Pool): void {
    const forget = (): void => void this.#open.delete(pool);
    pool.close().then(forget, forget);
  }
}

function urlOf(server: string): URL {
  const url = URL.parse(server);
  if (url === null || !/^https?:$/.test(url.protocol)) throw noAccess(`${JSON.stringify(server)} is not the URL of an API server`);
  return url;
}
