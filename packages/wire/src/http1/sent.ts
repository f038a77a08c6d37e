// One request that a client sends, and what it hears of the response.
// Made by client.ts for each request; it keeps to the framing that its head announced, whatever it is given.
import type { ExchangeEnd, ResponseReceiver, SentRequest } from '../http/exchange.ts';
import type { HeaderList, RequestHead, ResponseHead } from '../http/message.ts';
import type { Slab } from '../read-memory.ts';
import type { Framing } from './fields.ts';
import type { Output } from './output.ts';
import type { Source } from './source.ts';
import { writeLastChunk } from './write-head.ts';

/** The connection, as far as a request needs it. */
export interface SentHost {
  readonly output: Output;
  readonly source: Source;
  endOutput(): void;
  /** Closes the connection; the request hears nothing. */
  abandon(): void;
  /** Closes the connection, because what was given for the body does not fit the head. */
  broken(why: string): void;
}

export interface Sending {
  readonly framing: Framing;
  readonly last: boolean;
  readonly receiver: ResponseReceiver;
}

export class Sent implements SentRequest {
  readonly method: string;
  readonly upgrade: string | undefined;
  readonly #host: SentHost;
  #receiver: ResponseReceiver | undefined;
  #state: 'sending' | 'sent' | 'raw' | 'over';
  /** What is left to send, if a length was announced. */
  #framing: Framing;

  constructor(host: SentHost, head: RequestHead, { framing, last, receiver }: Sending) {
    this.method = head.method;
    this.upgrade = head.upgrade;
    this.#host = host;
    this.#receiver = receiver;
    this.#framing = framing;
    // Before a change of protocol there is no body, whether or not the caller keeps its side open for what comes after.
    this.#state = last || head.upgrade !== undefined ? 'sent' : 'sending';
  }

  /** The request has been sent whole. */
  get isWhole(): boolean {
    return this.#state === 'sent';
  }

  get isRaw(): boolean {
    return this.#state === 'raw';
  }

  pause(): void {
    if (this.#state !== 'over') this.#host.source.stop();
  }

  resume(): void {
    if (this.#state !== 'over') this.#host.source.goLater();
  }

  write(bytes: Buffer, slab?: Slab): boolean {
    const { output } = this.#host;
    if (this.#state === 'raw') return output.bytes(bytes, slab);
    if (this.#state !== 'sending' || bytes.length === 0) {
      slab?.release();
      return true;
    }
    if (this.#framing === 'chunked') return output.chunk(bytes, slab);
    if (typeof this.#framing !== 'number' || bytes.length > this.#framing) {
      slab?.release();
      this.#fail('a body longer than its Content-Length');
      return true;
    }
    this.#framing -= bytes.length;
    return output.bytes(bytes, slab);
  }

  end(trailers?: HeaderList): void {
    if (this.#state === 'raw') {
      this.#host.endOutput();
      return;
    }
    if (this.#state !== 'sending') return;
    if (this.#framing === 'chunked') this.#host.output.text(writeLastChunk(trailers));
    else if (this.#framing !== 0) {
      this.#fail('a body shorter than its Content-Length');
      return;
    }
    this.#state = 'sent';
  }

  abort(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#receiver = undefined;
    this.#host.abandon();
  }

  // The connection's side.

  informed({ status, headers }: ResponseHead): void {
    this.#receiver?.inform(status, headers);
  }

  answered(head: ResponseHead, last: boolean): void {
    this.#receiver?.head(head, last);
  }

  changedProtocol(head: ResponseHead): void {
    this.#state = 'raw';
    this.#receiver?.head(head, false);
  }

  arrived(bytes: Buffer, slab: Slab | undefined): void {
    if (this.#receiver === undefined) slab?.release();
    else this.#receiver.data(bytes, slab);
  }

  arrivedEnd(trailers: HeaderList | undefined): void {
    this.#receiver?.end(trailers);
  }

  drained(): void {
    this.#receiver?.drained();
  }

  closed(how: ExchangeEnd): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    this.#state = 'over';
    receiver?.closed(how);
  }

  /** Not within the call that was at fault: calls of the receiver come later. */
  #fail(why: string): void {
    this.#state = 'sent';
    queueMicrotask(() => {
      if (this.#state === 'sent') this.#host.broken(why);
    });
  }
}
