// One request on its way to a destination and its answer on the way back: attempts, retries, limits of time, bodies both ways with back-pressure.
// Started by route/ when everything about the request is decided; ends by itself and says how it went.
// What may be tried again is the model's retry.ts; which endpoint, destination.ts; which connection, links.ts.

import { backoff, type Failure, isStale, wanted } from '@ambient-mesh/model/l7/retry';
import type { Retry } from '@ambient-mesh/model/l7/route';
import { describeError } from '@ambient-mesh/runtime/errors';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import type { BodyReceiver, ExchangeEnd, ServedRequest } from '@ambient-mesh/wire/http/exchange';
import type { HeaderList, RequestHead, ResponseHead } from '@ambient-mesh/wire/http/message';
import type { Slab } from '@ambient-mesh/wire/read-memory';
import { type Answer, answer, isGrpc } from '../route/answer.ts';
import type { Messages } from '../telemetry/entry.ts';
import { MessageCounter } from '../telemetry/grpc-messages.ts';
import { Attempt, type Deciding } from './attempt.ts';
import { describe, type Sending } from './destination.ts';
import type { Endpoint } from './endpoint.ts';
import type { ResponseFlag } from './flags.ts';
import { watchIdle } from './idle-watch.ts';
import type { HttpVersion, Link } from './links.ts';

/** What is to be done, all decided. Times in milliseconds, 0 or absent: none. */
export interface Plan {
  /** As it goes to the endpoint. */
  readonly head: RequestHead;
  readonly destination: Sending;
  readonly version: HttpVersion;
  readonly retry: Retry;
  /** Retries included. */
  readonly requestTimeout?: number | undefined;
  readonly attemptTimeout?: number | undefined;
  readonly hash?: number | undefined;
  /** Uid of the workload that the session sticks to. */
  readonly sticky?: string | undefined;
  /** Octets of the body kept for another attempt. */
  readonly keepBytes: number;
  /** The answer as the client gets it. */
  readonly answered: (head: ResponseHead, endpoint: Endpoint) => ResponseHead;
}

export interface TransactionPorts {
  readonly clock: Clock;
  readonly random: () => number;
  /** How long nothing may move; undefined: for ever. */
  readonly config: { readonly streamIdleTimeout: Ms | undefined };
}

/** For telemetry. */
export interface Outcome {
  /** What the client got; 0 when it went away before. */
  readonly status: number;
  readonly grpcStatus: number | undefined;
  readonly flags: readonly ResponseFlag[];
  readonly endpoint: Endpoint | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Of gRPC, as far as they passed. */
  readonly messages: Messages | undefined;
  readonly attempts: number;
  /** Why it failed, for people; empty when it did not. */
  readonly detail: string;
}

const defaultBackoffMs = 25;
/** How often a connection that turned out dead is replaced without counting as a retry. */
const mostStale = 2;

export class Transaction implements BodyReceiver, Deciding {
  /** Settles, never rejects. */
  readonly outcome: Promise<Outcome>;
  readonly #request: ServedRequest;
  readonly #plan: Plan;
  readonly #ports: TransactionPorts;
  readonly #tried: Endpoint[] = [];
  /** Only where a connection had to be waited for: few requests do, and all would pay for it. */
  #stop: AbortController | undefined;
  #settle: (outcome: Outcome) => void = () => {};
  #state: 'sending' | 'answering' | 'over' = 'sending';
  #attempt: Attempt | undefined;
  #attempts = 0;
  #retries = 0;
  #stale = 0;
  /** The body so far, for another attempt; undefined once it is too long. */
  #kept: Buffer[] | undefined = [];
  #keptBytes = 0;
  #body: { ended: boolean; trailers: HeaderList | undefined } = { ended: false, trailers: undefined };
  #timer: Disposable | undefined;
  #retryTimer: Disposable | undefined;
  #idleWatch: Disposable | undefined;
  #requestBytes = 0;
  #responseBytes = 0;
  #status = 0;
  #grpcStatus: number | undefined;
  #flags: ResponseFlag[] = [];
  #detail = '';
  #endpoint: Endpoint | undefined;
  #endedToClient = false;
  readonly #messages: { readonly received: MessageCounter; readonly sent: MessageCounter } | undefined;

  constructor(request: ServedRequest, plan: Plan, ports: TransactionPorts) {
    this.#request = request;
    this.#plan = plan;
    this.#ports = ports;
    if (isGrpc(request.head.headers)) this.#messages = { received: new MessageCounter(), sent: new MessageCounter() };
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
    if (plan.requestTimeout) this.#timer = ports.clock.after(ms(plan.requestTimeout), () => this.#timedOut());
    const allowed = ports.config.streamIdleTimeout;
    if (allowed !== undefined)
      this.#idleWatch = watchIdle(ports.clock, allowed, { progress: () => this.#moved, idle: () => this.#idledOut(allowed) });
    request.receive(this);
    this.#try();
  }

  get clock(): Clock {
    return this.#ports.clock;
  }

  get attemptLimit(): number | undefined {
    return this.#plan.attemptTimeout ?? this.#plan.retry.perTryTimeout;
  }

  // The client's side.

  data(bytes: Buffer, slab?: Slab): void {
    this.#requestBytes += bytes.length;
    this.#messages?.received.push(bytes);
    const sent = this.#attempt?.sent;
    if (this.#kept !== undefined && (sent === undefined || this.#keptBytes < this.#plan.keepBytes)) {
      this.#kept.push(slab === undefined ? bytes : Buffer.from(bytes));
      this.#keptBytes += bytes.length;
    } else this.#kept = undefined;
    if (sent !== undefined) {
      if (!sent.write(bytes, slab)) this.#request.pause();
      return;
    }
    slab?.release();
    if (this.#state === 'sending') this.#request.pause();
  }

  end(trailers: HeaderList | undefined): void {
    this.#body = { ended: true, trailers };
    if (!this.#request.bodyless) this.#attempt?.sent?.end(trailers);
  }

  drained(): void {
    this.#attempt?.sent?.resume();
  }

  closed(how: ExchangeEnd): void {
    if (this.#state === 'over') return;
    if (how !== 'finished') {
      this.#flags.push('DC');
      this.#detail ||= 'the client went away';
    }
    this.#finish();
  }

  // The endpoint's side, called by attempt.ts.

  interim(status: number, headers: HeaderList): void {
    if (this.#state === 'sending') this.#request.inform(status, headers);
  }

  head(attempt: Attempt, head: ResponseHead, last: boolean): boolean {
    const grpcStatus = numberOf(head.headers, 'grpc-status');
    this.#plan.destination.note(attempt.endpoint, { status: head.status });
    if (this.#again({ kind: 'status', status: head.status, grpcStatus })) return false;
    this.#state = 'answering';
    this.#status = head.status;
    this.#grpcStatus = grpcStatus;
    this.#kept = undefined;
    if (head.status === 101) this.#timer?.[Symbol.dispose]();
    this.#endedToClient = last;
    this.#request.respond(this.#plan.answered(head, attempt.endpoint), last);
    return true;
  }

  body(bytes: Buffer, slab?: Slab): boolean {
    this.#responseBytes += bytes.length;
    this.#messages?.sent.push(bytes);
    return this.#request.write(bytes, slab);
  }

  answerEnded(trailers: HeaderList | undefined): void {
    this.#grpcStatus = numberOf(trailers ?? [], 'grpc-status') ?? this.#grpcStatus;
    if (this.#endedToClient) return;
    this.#endedToClient = true;
    this.#request.end(trailers);
  }

  roomAbove(): void {
    this.#request.resume();
  }

  failed(attempt: Attempt | undefined, failure: Failure, detail: string): void {
    if (attempt !== undefined && attempt === this.#attempt) this.#attempt = undefined;
    if (this.#state === 'over') return;
    this.#detail = detail;
    if (attempt !== undefined) this.#plan.destination.note(attempt.endpoint, { local: true });
    if (this.#state === 'answering') {
      if (this.#endedToClient) return;
      this.#flags.push('UC');
      this.#request.abort();
      this.#finish();
      return;
    }
    if (this.#again(failure)) return;
    if (failure.kind === 'timeout') this.#fail({ status: 504, body: 'upstream request timeout' }, 'UT');
    else if (failure.kind === 'connect') this.#fail({ status: 503, body: `no connection to the endpoint: ${detail}` }, 'UF');
    else this.#fail({ status: 503, body: `the endpoint ended the connection before it answered: ${detail}` }, 'UC');
  }

  done(attempt: Attempt): void {
    if (attempt === this.#attempt) this.#attempt = undefined;
  }

  #try(): void {
    const { destination, hash, sticky } = this.#plan;
    const { pool } = destination.settings;
    const bound = sticky === undefined || this.#tried.length > 0 ? undefined : destination.find(sticky);
    const endpoint = bound ?? destination.choose(hash, this.#tried);
    if (endpoint === undefined) {
      this.#detail = `no healthy endpoint of ${describe(destination.name)}`;
      this.#fail({ status: 503, body: 'no healthy upstream', grpcStatus: 14 }, 'UH');
      return;
    }
    if (pool?.maxRequests !== undefined && destination.active >= pool.maxRequests) {
      this.#overflow('requests');
      return;
    }
    this.#endpoint = endpoint;
    this.#attempts += 1;
    const attempt = new Attempt(this, endpoint, destination);
    this.#attempt = attempt;
    const link = endpoint.links.take(this.#plan.version);
    if (link !== undefined) this.#send(attempt, link);
    else if (pool?.maxPendingRequests !== undefined && destination.pending >= pool.maxPendingRequests) this.#overflow('waiting requests');
    else void this.#open(attempt);
  }

  async #open(attempt: Attempt): Promise<void> {
    const { destination, version } = this.#plan;
    destination.pending += 1;
    this.#stop ??= new AbortController();
    try {
      const link = await attempt.endpoint.links.open(version, this.#stop.signal);
      // Whoever gave up meanwhile leaves the connection to others.
      if (this.#attempt === attempt && this.#state === 'sending') this.#send(attempt, link);
      else attempt.endpoint.links.giveBack(link);
    } catch (e) {
      attempt.leave();
      if (this.#attempt === attempt) this.failed(attempt, { kind: 'connect' }, describeError(e));
    } finally {
      destination.pending -= 1;
    }
  }

  #send(attempt: Attempt, link: Link): void {
    const { head } = this.#plan;
    const { bodyless } = this.#request;
    const sent = attempt.begin(link, head, bodyless);
    if (bodyless) return;
    let room = true;
    for (const bytes of this.#kept ?? []) room = sent.write(bytes) && room;
    if (this.#keptBytes >= this.#plan.keepBytes) this.#kept = undefined;
    if (this.#body.ended) sent.end(this.#body.trailers);
    else if (room) this.#request.resume();
  }

  /** Makes another attempt if that is wanted, safe and affordable. */
  #again(failure: Failure): boolean {
    const { retry, destination, head } = this.#plan;
    if (this.#kept === undefined && !this.#request.bodyless) return false;
    if (this.#stale < mostStale && isStale(failure, head.method)) {
      this.#stale += 1;
      this.#drop();
      queueMicrotask(() => this.#retry());
      return true;
    }
    if (this.#retries >= retry.attempts || !wanted(retry, failure)) {
      if (this.#retries > 0 && this.#retries >= retry.attempts && wanted(retry, failure)) this.#flags.push('URX');
      return false;
    }
    if (!mayRetry(destination)) {
      this.#flags.push('UO');
      return false;
    }
    this.#retries += 1;
    this.#drop();
    destination.retries += 1;
    const wait = backoff(retry.backoff ?? defaultBackoffMs, this.#retries, this.#ports.random());
    this.#retryTimer = this.#ports.clock.after(ms(wait), () => {
      destination.retries -= 1;
      this.#retryTimer = undefined;
      this.#retry();
    });
    return true;
  }

  #retry(): void {
    if (this.#state === 'sending') this.#try();
  }

  /** Lets go of the attempt in progress, and will look elsewhere first. */
  #drop(): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    if (this.#endpoint !== undefined) this.#tried.push(this.#endpoint);
    attempt?.abort();
    if (!this.#request.bodyless && !this.#body.ended) this.#request.pause();
  }

  #overflow(what: string): void {
    this.#detail = `too many ${what} to ${describe(this.#plan.destination.name)}`;
    this.#fail({ status: 503, body: `too many ${what}`, headers: [['x-envoy-overloaded', 'true']] }, 'UO');
  }

  get #moved(): number {
    return this.#requestBytes + this.#responseBytes + this.#status;
  }

  #timedOut(): void {
    this.#detail = `no whole answer within ${this.#plan.requestTimeout} ms`;
    if (this.#state === 'sending') {
      this.#fail({ status: 504, body: 'upstream request timeout' }, 'UT');
      return;
    }
    this.#flags.push('UT');
    this.#request.abort();
    this.#finish();
  }

  /** Answers by ourselves. */
  #fail(said: Answer, flag: ResponseFlag): void {
    this.#flags.push(flag);
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#state = 'answering';
    this.#endedToClient = true;
    const { status, grpcStatus } = answer(this.#request, said);
    this.#status = status;
    this.#grpcStatus = grpcStatus;
    this.#kept = undefined;
    // What the client still sends is dropped by its codec.
    if (!this.#body.ended) this.#request.resume();
  }

  #idledOut(allowed: Ms): void {
    this.#detail = `nothing moved for ${allowed} ms`;
    if (this.#state === 'sending') {
      this.#fail({ status: this.#body.ended ? 504 : 408, body: 'stream timeout' }, 'SI');
      return;
    }
    this.#flags.push('SI');
    this.#request.abort();
    this.#finish();
  }

  #finish(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#timer?.[Symbol.dispose]();
    this.#idleWatch?.[Symbol.dispose]();
    if (this.#retryTimer !== undefined) {
      this.#retryTimer[Symbol.dispose]();
      this.#plan.destination.retries -= 1;
    }
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#stop?.abort(new Error('the request is over'));
    this.#settle({
      status: this.#status,
      grpcStatus: this.#grpcStatus,
      flags: this.#flags,
      endpoint: this.#endpoint,
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
      messages: this.#messages && { received: this.#messages.received.count, sent: this.#messages.sent.count },
      attempts: this.#attempts,
      detail: this.#detail,
    });
  }
}

/** Retries may not multiply what an ailing destination gets. */
function mayRetry(destination: Sending): boolean {
  const { pool, retryBudget } = destination.settings;
  if (pool?.maxRetries !== undefined && destination.retries >= pool.maxRetries) return false;
  if (retryBudget === undefined) return true;
  return destination.retries < Math.max(retryBudget.minRetries, (destination.active * retryBudget.percent) / 100);
}

function numberOf(headers: HeaderList, wanted: string): number | undefined {
  for (const [name, value] of headers) if (name === wanted && /^\d{1,3}$/.test(value)) return Number(value);
  return undefined;
}
