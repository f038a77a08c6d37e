// One request that a server has received, and the response to it as it is written.
// Made by server.ts for each request; it keeps to the framing that its head announced, whatever it is given.
import type { BodyReceiver, ExchangeEnd, ServedRequest } from '../http/exchange.ts';
import type { HeaderList, RequestHead, ResponseHead } from '../http/message.ts';
import type { Slab } from '../read-memory.ts';
import type { Framing } from './fields.ts';
import type { Output } from './output.ts';
import type { ReadRequest } from './request-head.ts';
import type { Source } from './source.ts';
import { writeInterim, writeLastChunk, writeResponseHead } from './write-head.ts';

/** The connection, as far as a request needs it. */
export interface ServedHost {
  readonly output: Output;
  readonly source: Source;
  /** No further request will be taken. */
  readonly leaving: boolean;
  /** The final response has begun; false: it says that the connection will close. */
  answering(keep: boolean): void;
  /** The response is whole. */
  answered(): void;
  /** Both directions are raw from here on. */
  changedProtocol(): void;
  /** What is sent ends here. */
  endOutput(): void;
  /** The client must notice that the response is cut short. */
  cut(): void;
}

export class Served implements ServedRequest {
  readonly head: RequestHead;
  readonly version: ReadRequest['version'];
  readonly bodyless: boolean;
  readonly #keep: boolean;
  readonly #host: ServedHost;
  #receiver: BodyReceiver | undefined;
  #state: 'waiting' | 'answering' | 'raw' | 'over' = 'waiting';
  /** What is left to send, if a length was announced. */
  #framing: Framing = 0;
  #bodyEnded: boolean;
  #toldEnd = false;
  #continued = false;
  #over: ExchangeEnd | undefined;

  constructor(request: ReadRequest, host: ServedHost) {
    const { head, version, framing, keep } = request;
    this.head = head;
    this.version = version;
    this.#keep = keep;
    this.#bodyEnded = framing === 0;
    // Bytes of another protocol may follow; whether they do is known when it is answered.
    this.bodyless = framing === 0 && head.upgrade === undefined;
    this.#host = host;
  }

  get isAnswered(): boolean {
    return this.#state !== 'waiting';
  }

  get isRaw(): boolean {
    return this.#state === 'raw';
  }

  get bodyEnded(): boolean {
    return this.#bodyEnded;
  }

  receive(receiver: BodyReceiver): void {
    this.#receiver = receiver;
    if (this.#over !== undefined) queueMicrotask(() => this.#tellClosed());
    else if (this.bodyless) queueMicrotask(() => this.#tellEnd(undefined));
    else if (!this.#bodyEnded) this.#host.source.goLater();
  }

  pause(): void {
    if (this.#state === 'raw' || (this.#state !== 'over' && !this.#bodyEnded)) this.#host.source.stop();
  }

  resume(): void {
    if (this.#receiver === undefined || this.#state === 'over') return;
    if (this.#state === 'raw' || !this.#bodyEnded) this.#host.source.goLater();
  }

  inform(status: number, headers: HeaderList): void {
    if (this.#state !== 'waiting' || this.version === 'HTTP/1.0' || status === 101) return;
    const text = writeInterim(status, headers);
    if (text === undefined) return;
    if (status === 100) this.#continued = true;
    this.#host.output.text(text);
  }

  respond(head: ResponseHead, last: boolean): void {
    if (this.#state !== 'waiting') return;
    if (head.status === 101) {
      this.#changeProtocol(head);
      return;
    }
    const keep = this.#keep && !this.#host.leaving && !this.#bodyMayBeWithheld;
    const answering = { method: this.head.method, version: this.version, keep, last };
    const written = writeResponseHead(head, answering);
    if (written === undefined) {
      this.#failed();
      return;
    }
    this.#begin(written.text, written.framing, keep);
    // A request to change the protocol that is declined: so its body was empty.
    if (this.#bodyEnded) queueMicrotask(() => this.#tellEnd(undefined));
    if (last) this.end();
  }

  write(bytes: Buffer, slab?: Slab): boolean {
    const { output } = this.#host;
    if (this.#state === 'raw') return output.bytes(bytes, slab);
    const framing = this.#framing;
    if (this.#state !== 'answering' || framing === 0 || bytes.length === 0) {
      slab?.release();
      return true;
    }
    if (framing === 'chunked') return output.chunk(bytes, slab);
    if (framing === 'until-close') return output.bytes(bytes, slab);
    if (bytes.length <= framing) {
      this.#framing = framing - bytes.length;
      return output.bytes(bytes, slab);
    }
    // More than was announced: nothing of it may be taken for the next response.
    this.#framing = 0;
    this.#host.answering(false);
    return output.bytes(bytes.subarray(0, framing), slab);
  }

  end(trailers?: HeaderList): void {
    if (this.#state === 'raw') {
      this.#host.endOutput();
      return;
    }
    if (this.#state !== 'answering') return;
    if (this.#framing === 'chunked') this.#host.output.text(writeLastChunk(trailers));
    // Less than was announced: only the end of the connection can say so.
    else if (typeof this.#framing === 'number' && this.#framing > 0) this.#host.answering(false);
    this.#state = 'over';
    this.#over = 'finished';
    queueMicrotask(() => {
      this.#tellClosed();
      this.#host.answered();
    });
  }

  abort(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#receiver = undefined;
    this.#host.cut();
  }

  // The connection's side.

  arrived(bytes: Buffer, slab: Slab | undefined): void {
    if (this.#receiver === undefined || this.#over !== undefined) slab?.release();
    else this.#receiver.data(bytes, slab);
  }

  arrivedEnd(trailers: HeaderList | undefined): void {
    this.#bodyEnded = true;
    this.#tellEnd(trailers);
  }

  drained(): void {
    if (this.#over === undefined) this.#receiver?.drained();
  }

  /** The connection is over, or its bytes make no sense. */
  lost(how: ExchangeEnd): void {
    if (this.#over !== undefined) return;
    this.#state = 'over';
    this.#over = how;
    this.#tellClosed();
  }

  /** A client that was not told to go on may leave its body out: what comes next could be either. */
  get #bodyMayBeWithheld(): boolean {
    if (this.#bodyEnded || this.#continued) return false;
    return this.head.headers.some(([name, value]) => name === 'expect' && value.toLowerCase() === '100-continue');
  }

  #begin(text: string, framing: Framing, keep: boolean): void {
    this.#state = 'answering';
    this.#framing = framing;
    this.#host.answering(keep && framing !== 'until-close');
    this.#host.output.text(text);
  }

  #changeProtocol({ headers }: ResponseHead): void {
    const { upgrade } = this.head;
    const text = upgrade && writeInterim(101, headers, upgrade);
    if (!text) {
      this.#failed();
      return;
    }
    this.#state = 'raw';
    this.#host.output.text(text);
    this.#host.changedProtocol();
    if (this.#receiver !== undefined) this.#host.source.goLater();
  }

  /** The response cannot be written: another one takes its place, and whatever is given for its body is dropped. */
  #failed(): void {
    const text = 'HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';
    this.#begin(text, 0, false);
    this.end();
  }

  #tellEnd(trailers: HeaderList | undefined): void {
    if (this.#toldEnd) return;
    this.#toldEnd = true;
    this.#receiver?.end(trailers);
  }

  #tellClosed(): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    if (this.#over !== undefined) receiver?.closed(this.#over);
  }
}
