// One attempt to have a request answered by one endpoint: sends it on a connection, passes on what comes back, counts while it lasts.
// Made by transaction.ts, which decides everything; this file keeps the order of events of a single exchange.

import type { Failure } from '@ambient-mesh/model/l7/retry';
import { describeError, isFault } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { ExchangeEnd, ResponseReceiver, SentRequest } from '@ambient-mesh/wire/http/exchange';
import type { HeaderList, RequestHead, ResponseHead } from '@ambient-mesh/wire/http/message';
import type { Slab } from '@ambient-mesh/wire/read-memory';
import type { Sending } from './destination.ts';
import type { Endpoint } from './endpoint.ts';
import type { Link } from './links.ts';

/** Whoever decides about the attempt: the transaction. */
export interface Deciding {
  readonly clock: Clock;
  /** Milliseconds that the attempt may take to answer; 0 or undefined: any. */
  readonly attemptLimit: number | undefined;
  interim(status: number, headers: HeaderList): void;
  /** The answer has begun. False: it is not wanted, another attempt follows. */
  head(attempt: Attempt, head: ResponseHead, last: boolean): boolean;
  /** False: stop until the client has taken what it was given. */
  body(bytes: Buffer, slab?: Slab): boolean;
  answerEnded(trailers: HeaderList | undefined): void;
  /** There is room again for the request's body. */
  roomAbove(): void;
  /** The attempt is over without a whole answer. */
  failed(attempt: Attempt | undefined, failure: Failure, detail: string): void;
  /** The attempt is over, its answer was whole. */
  done(attempt: Attempt): void;
}

export class Attempt implements ResponseReceiver {
  readonly endpoint: Endpoint;
  /** While the request can be written to. */
  sent: SentRequest | undefined;
  readonly #transaction: Deciding;
  readonly #destination: Sending;
  #reused = false;
  #answered = false;
  #over = false;
  #timer: Disposable | undefined;

  constructor(transaction: Deciding, endpoint: Endpoint, destination: Sending) {
    this.#transaction = transaction;
    this.endpoint = endpoint;
    this.#destination = destination;
    endpoint.active += 1;
    destination.active += 1;
  }

  begin({ connection, reused }: Link, head: RequestHead, last: boolean): SentRequest {
    const { clock, attemptLimit: limit } = this.#transaction;
    this.#reused = reused;
    if (limit) this.#timer = clock.after(ms(limit), () => this.#timedOut(limit));
    const sent = connection.request(head, last, this);
    this.sent = sent;
    return sent;
  }

  /** Gives it up; the transaction hears nothing more. */
  abort(): void {
    if (this.#over) return;
    this.leave();
    this.sent?.abort();
    this.sent = undefined;
  }

  /** No longer in progress. */
  leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.[Symbol.dispose]();
    this.endpoint.active -= 1;
    this.#destination.active -= 1;
  }

  inform(status: number, headers: HeaderList): void {
    this.#transaction.interim(status, headers);
  }

  head(head: ResponseHead, last: boolean): void {
    this.#timer?.[Symbol.dispose]();
    this.#answered = this.#transaction.head(this, head, last);
  }

  data(bytes: Buffer, slab?: Slab): void {
    if (!this.#answered) slab?.release();
    else if (!this.#transaction.body(bytes, slab)) this.sent?.pause();
  }

  end(trailers: HeaderList | undefined): void {
    if (this.#answered) this.#transaction.answerEnded(trailers);
  }

  drained(): void {
    this.#transaction.roomAbove();
  }

  closed(how: ExchangeEnd): void {
    if (this.#over) return;
    this.leave();
    this.sent = undefined;
    if (how === 'finished') {
      this.#transaction.done(this);
      return;
    }
    const stale = this.#reused && !this.#answered && isFault(how, 'http.lost');
    const failure = isFault(how, 'http.refused') ? ({ kind: 'refused' } as const) : ({ kind: 'reset', stale } as const);
    this.#transaction.failed(this, failure, describeError(how));
  }

  #timedOut(limit: number): void {
    this.abort();
    this.#transaction.failed(this, { kind: 'timeout' }, `no answer within ${limit} ms`);
  }
}
