// Keeps a fresh certificate for every identity of this node: asks the authority, renews at half-life, retries, forgets.
// Asked by tunnels (fetch), told by the workload store (prefetch, forget); the authority, time and chance are ports.
// A valid certificate is never given up for a failed renewal, and an expired one is never handed out.
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import { Backoff } from '@ambient-mesh/runtime/backoff';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import { type Credentials, describeCredentials, readAnswer } from './credentials.ts';
import { writeCsr } from './csr.ts';
import { newKeyPair } from './keys.ts';
import { renewIn } from './renewal.ts';

/** Most urgent first: a connection waits; a workload has appeared; a renewal. */
const priorities = ['realtime', 'warmup', 'background'] as const;
export type Priority = (typeof priorities)[number];

export interface SigningRequest {
  readonly identity: SpiffeId;
  readonly csrPem: string;
}

/** The certificate service. The chain is PEM: leaf first, root bundle last. */
export type Sign = (request: SigningRequest, signal: AbortSignal) => Promise<{ readonly chainPem: readonly string[] }>;

export interface BookPorts {
  readonly sign: Sign;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export type BookFault = { readonly code: 'certificate.forgotten' | 'certificate.closed'; readonly identity: string };

/** What config_dump shows of an entry: public parts only. */
export interface BookState extends ReturnType<typeof describeCredentials> {
  readonly identity: string;
  readonly state: 'Available' | 'Initializing' | `Unavailable: ${string}`;
}

/** Told of every new certificate, and with undefined when an identity is forgotten. Must not throw. */
export type OnCredentials = (identity: SpiffeId, credentials: Credentials | undefined) => void;

interface Entry {
  readonly identity: SpiffeId;
  readonly backoff: Backoff;
  priority: Priority;
  /** When to ask next, by the monotonic clock. */
  due: Ms;
  /** Present while the authority is being asked. */
  asking?: AbortController;
  credentials?: Credentials;
  /** The last attempt's, if it failed; `at` by the monotonic clock. */
  failure?: { readonly why: unknown; readonly at: Ms };
  /** Present while somebody waits for the attempt that is due or running. */
  awaited?: PromiseWithResolvers<Credentials>;
}

const maxConcurrent = 8;
/** A failure answers those who ask within this time; later ones cause a new attempt. Keeps a busy pod from asking a refusing authority at line rate. */
const failureHolds = ms(1_000);
const noneDescribed = { certChain: [], rootCerts: [] };

export class CertificateBook implements Disposable {
  readonly #ports: BookPorts;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<OnCredentials>();
  #asking = 0;
  #wake: Disposable | undefined;
  #closed = false;

  constructor(ports: BookPorts) {
    this.#ports = ports;
  }

  /** The certificate at hand, if it is still valid: the hot path, without a promise. */
  current(identity: SpiffeId): Credentials | undefined {
    const credentials = this.#entries.get(identity.uri)?.credentials;
    return credentials && credentials.notAfter > this.#ports.clock.now() ? credentials : undefined;
  }

  /**
   * The certificate at hand, or the outcome of asking for it now. Many may wait for one attempt.
   * @throws (rejects) AnswerFault, the port's own error, or BookFault when the identity is forgotten or the book closed meanwhile.
   */
  async fetch(identity: SpiffeId, priority: Priority = 'realtime'): Promise<Credentials> {
    if (this.#closed) throw lost('certificate.closed', identity);
    const valid = this.current(identity);
    if (valid) return valid;
    const entry = this.#entry(identity, priority);
    const now = this.#ports.clock.monotonic();
    if (!entry.asking) {
      if (entry.failure && now - entry.failure.at < failureHolds) throw entry.failure.why;
      entry.due = ms(Math.min(entry.due, now));
    }
    if (priorities.indexOf(priority) < priorities.indexOf(entry.priority)) entry.priority = priority;
    entry.awaited ??= Promise.withResolvers();
    this.#askNext();
    return entry.awaited.promise;
  }

  /** Asks for a certificate before anybody needs it, after those that somebody waits for. */
  prefetch(identity: SpiffeId): void {
    if (this.#closed) return;
    this.#entry(identity, 'warmup');
    this.#askNext();
  }

  /** No workload has this identity any more: drops its certificate and whatever is under way. */
  forget(identity: SpiffeId): void {
    const entry = this.#entries.get(identity.uri);
    if (entry) this.#drop(entry, 'certificate.forgotten');
  }

  /** Every identity, sorted; private keys stay inside. */
  states(): BookState[] {
    const sorted = [...this.#entries.values()].sort((a, b) => (a.identity.uri < b.identity.uri ? -1 : 1));
    return sorted.map(({ identity, credentials, failure }) => {
      const state = this.current(identity)
        ? 'Available'
        : failure
          ? (`Unavailable: ${describeError(failure.why)}` as const)
          : 'Initializing';
      return { identity: identity.uri, state, ...(credentials ? describeCredentials(credentials) : noneDescribed) };
    });
  }

  /** From when until when each certificate is good, milliseconds since the epoch; undefined where there is none yet. */
  *periods(): Iterable<Pick<Credentials, 'notBefore' | 'notAfter'> | undefined> {
    for (const { credentials } of this.#entries.values())
      yield credentials && { notBefore: credentials.notBefore, notAfter: credentials.notAfter };
  }

  onChange(listener: OnCredentials): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Stops asking; whoever waits is refused. */
  [Symbol.dispose](): void {
    this.#closed = true;
    for (const entry of this.#entries.values()) this.#drop(entry, 'certificate.closed');
    this.#wake?.[Symbol.dispose]();
  }

  #entry(identity: SpiffeId, priority: Priority): Entry {
    const { random, clock } = this.#ports;
    return this.#entries.getOrInsertComputed(identity.uri, () => {
      const backoff = new Backoff({ first: ms(1_000), max: ms(150_000), factor: 2, jitter: 0.2, random });
      return { identity, backoff, priority, due: clock.monotonic() };
    });
  }

  /** Starts as many due attempts as may run, then sleeps until the next is due. With all slots taken, the first to finish comes back here. */
  #askNext(): void {
    if (this.#closed || this.#asking >= maxConcurrent) return;
    this.#wake?.[Symbol.dispose]();
    this.#wake = undefined;
    const { clock } = this.#ports;
    const waiting = [...this.#entries.values()].filter((entry) => !entry.asking);
    const now = clock.monotonic();
    const ripe = waiting.filter((entry) => entry.due <= now).sort(byUrgency);
    for (const entry of ripe.slice(0, maxConcurrent - this.#asking)) void this.#ask(entry);
    const next = Math.min(...waiting.filter((entry) => entry.due > now).map((entry) => entry.due));
    if (Number.isFinite(next)) this.#wake = clock.after(ms(next - now), () => this.#askNext());
  }

  async #ask(entry: Entry): Promise<void> {
    const asking = new AbortController();
    entry.asking = asking;
    this.#asking++;
    const outcome = await this.#attempt(entry.identity, asking.signal);
    delete entry.asking;
    this.#asking--;
    if (this.#entries.get(entry.identity.uri) === entry) {
      if ('why' in outcome) this.#failed(entry, outcome.why);
      else this.#succeeded(entry, outcome);
    }
    this.#askNext();
  }

  /** Never rejects. */
  async #attempt(identity: SpiffeId, signal: AbortSignal): Promise<Credentials | { readonly why: unknown }> {
    const { sign, clock } = this.#ports;
    try {
      const pair = newKeyPair();
      const { chainPem } = await sign({ identity, csrPem: writeCsr(identity, pair) }, signal);
      return readAnswer(chainPem, { identity, key: pair.privateKey, now: clock.now() });
    } catch (why) {
      return { why };
    }
  }

  #succeeded(entry: Entry, credentials: Credentials): void {
    const { clock, random } = this.#ports;
    entry.credentials = credentials;
    delete entry.failure;
    entry.backoff.reset();
    entry.priority = 'background';
    entry.due = ms(clock.monotonic() + renewIn(credentials, clock.now(), random()));
    this.#settle(entry, (awaited) => awaited.resolve(credentials));
    for (const listener of this.#listeners) listener(entry.identity, credentials);
  }

  /** With a valid certificate in hand the next attempt comes no later than its expiry. */
  #failed(entry: Entry, why: unknown): void {
    const { clock } = this.#ports;
    const valid = this.current(entry.identity);
    const wait = entry.backoff.next();
    const now = clock.monotonic();
    entry.failure = { why, at: now };
    entry.priority = valid ? 'background' : 'warmup';
    entry.due = ms(now + (valid ? Math.min(wait, valid.notAfter - clock.now()) : wait));
    this.#settle(entry, (awaited) => awaited.reject(why));
  }

  #drop(entry: Entry, code: BookFault['code']): void {
    this.#entries.delete(entry.identity.uri);
    const why = lost(code, entry.identity);
    entry.asking?.abort(why);
    this.#settle(entry, (awaited) => awaited.reject(why));
    for (const listener of this.#listeners) listener(entry.identity, undefined);
  }

  #settle(entry: Entry, how: (awaited: PromiseWithResolvers<Credentials>) => void): void {
    const { awaited } = entry;
    delete entry.awaited;
    if (awaited) how(awaited);
  }
}

const byUrgency = (a: Entry, b: Entry): number => priorities.indexOf(a.priority) - priorities.indexOf(b.priority) || a.due - b.due;

const lost = (code: BookFault['code'], identity: SpiffeId): MeshError<BookFault> =>
  new MeshError(
    { code, identity: identity.uri },
    `the certificate for ${identity.uri} is no longer ${code === 'certificate.closed' ? 'kept' : 'needed'}`,
  );
