// The server's end of one HTTP/1.1 connection: its requests, one after the other, whatever carries the bytes.
// Made by whoever accepted the conduit; each request is a Served (served.ts). What is malformed is answered here, and nothing follows it.
// Decides nothing about requests: no routes, no dates, no answer to `Expect`.
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { Closed, Conduit } from '../conduit.ts';
import type { ServedRequest } from '../http/exchange.ts';
import type { Slab } from '../read-memory.ts';
import { BodyReader } from './body-reader.ts';
import { lost, notHttp } from './faults.ts';
import { malformed, type Refusal } from './fields.ts';
import { Output } from './output.ts';
import { mostLine, readRequestHead } from './request-head.ts';
import { Section, type SectionState } from './section.ts';
import { Served, type ServedHost } from './served.ts';
import { type Reader, Source } from './source.ts';

export interface Http1ServerSettings {
  /** What requests are said to have come by. Default `http`. */
  readonly scheme?: 'http' | 'https';
  /** Between requests, and before the first. Default one hour. */
  readonly idleMs?: number;
  /** From a head's first octet to its last. Default 10 s. */
  readonly headTimeoutMs?: number;
}

export interface Http1ServerOptions {
  readonly clock: Clock;
  /** Must not throw. The next one comes after this one's response. */
  readonly onRequest: (request: ServedRequest) => void;
  /** Once, when the connection is over. */
  readonly onClosed: (how: Closed) => void;
  /** Something was refused that never became a request, or stopped being one: for the access log. */
  readonly malformed?: (status: number, reason: string) => void;
  readonly settings?: Http1ServerSettings;
  /** Bytes that were read before the server was made. */
  readonly early?: readonly Buffer[];
}

const mostHead = 64 * 1024;
/** Of a body that nobody wants any more, and of what comes after the last response. */
const dropUpTo = 256 * 1024;
const dropForMs = 5_000;

type Reading = 'head' | 'body' | 'raw' | 'leaving' | 'over';

export class Http1Server implements ServedHost, Reader {
  readonly output: Output;
  readonly source: Source;
  leaving = false;
  readonly #conduit: Conduit;
  readonly #options: Http1ServerOptions;
  readonly #section = new Section(mostHead);
  readonly #deliver = (bytes: Buffer, slab: Slab | undefined): void => this.#delivered(bytes, slab);
  #reading: Reading = 'head';
  #request: Served | undefined;
  #body: BodyReader | undefined;
  /** The response in progress is whole, the request's body is not. */
  #dropping = false;
  #dropped = 0;
  #keep = true;
  /** There has been a request. */
  #used = false;
  #idleSince = 0;
  #idleTimer: Disposable | undefined;
  #headTimer: Disposable | undefined;
  #dropTimer: Disposable | undefined;

  constructor(conduit: Conduit, options: Http1ServerOptions) {
    this.#conduit = conduit;
    this.#options = options;
    this.output = new Output(conduit);
    this.source = new Source(conduit, this, options.early);
    this.#idle();
    this.#watchIdle(options.settings?.idleMs ?? 3_600_000);
    this.source.start();
  }

  /** The response in progress is the last one; without any, closes now. A client that has asked nothing yet may ask once. */
  shutdown(): void {
    if (this.leaving) return;
    this.leaving = true;
    const leaveIfIdle = (): void => {
      if (this.#reading === 'head' && this.#request === undefined && !this.#section.begun) this.#leave();
    };
    if (this.#used) leaveIfIdle();
    else this.#dropTimer = this.#options.clock.after(ms(dropForMs), leaveIfIdle);
  }

  destroy(): void {
    this.#abort('cancel', 'the connection was given up');
  }

  // What a request says (ServedHost).

  answering(keep: boolean): void {
    this.#keep = keep;
  }

  answered(): void {
    const request = this.#request;
    if (request === undefined || this.#reading === 'over') return;
    if (!this.#keep) {
      this.#leave();
      return;
    }
    if (request.bodyEnded) {
      this.#next();
      return;
    }
    this.#dropping = true;
    this.#dropTimer?.[Symbol.dispose]();
    this.#dropTimer = this.#options.clock.after(ms(dropForMs), () => this.#leave());
    this.source.goLater();
  }

  changedProtocol(): void {
    this.#reading = 'raw';
  }

  endOutput(): void {
    this.output.flush();
    this.#conduit.end();
  }

  cut(): void {
    this.#request = undefined;
    this.#abort('broken', '');
  }

  // What the connection says (Reader).

  take(bytes: Buffer, slab: Slab | undefined): number {
    switch (this.#reading) {
      case 'head':
        return this.#takeHead(bytes);
      case 'body':
        return this.#takeBody(bytes, slab);
      case 'raw':
        slab?.hold();
        this.#request?.arrived(bytes, slab);
        return bytes.length;
      case 'leaving':
        this.#drop(bytes.length);
        return bytes.length;
      case 'over':
        return bytes.length;
      default:
        return this.#reading satisfies never;
    }
  }

  /**
   * A client that ends its side while it waits has gone: few mean it otherwise, and the work for the others would never be stopped.
   * Envoy, nginx and Go see it the same way.
   */
  ended(): void {
    if (this.#reading === 'raw') {
      this.#request?.arrivedEnd(undefined);
      return;
    }
    if (this.#reading === 'over') return;
    if (this.#request?.isAnswered && this.#request.bodyEnded) {
      // It has begun to read the response, and may want the rest.
      this.leaving = true;
      this.#keep = false;
      return;
    }
    this.#request?.lost(lost('the client ended the connection'));
    this.#request = undefined;
    this.#close();
  }

  drained(): void {
    if (this.output.drained()) this.#request?.drained();
  }

  closed(how: Closed): void {
    const raw = this.#request?.isRaw === true && how === 'finished';
    this.#request?.lost(raw ? 'finished' : lost('the connection to the client was lost'));
    this.#finish(how);
  }

  #takeHead(bytes: Buffer): number {
    if (this.#request !== undefined) throw new TypeError('a request before the one before it was answered');
    const taken = this.#section.take(bytes);
    const { state } = this.#section;
    const overlong = this.#section.noLineWithin(mostLine);
    if (state === 'more' && !overlong) {
      this.#headTimer ??= this.#options.clock.after(ms(this.#options.settings?.headTimeoutMs ?? 10_000), () => this.#headIsLate());
      return taken;
    }
    this.#headTimer?.[Symbol.dispose]();
    this.#headTimer = undefined;
    if (state === 'whole') this.#begin(this.#section.text);
    else this.#refuse(overlong ? { refused: 414, reason: 'the request line is too long' } : unfit(state));
    return taken;
  }

  #begin(text: string): void {
    this.#section.reset();
    const read = readRequestHead(text, this.#options.settings?.scheme ?? 'http');
    if ('refused' in read) {
      this.#refuse(read);
      return;
    }
    const request = new Served(read, this);
    this.#request = request;
    this.#used = true;
    this.#keep = true;
    if (read.framing !== 0) {
      this.#reading = 'body';
      this.#body = new BodyReader(read.framing);
    }
    this.source.stop();
    this.#options.onRequest(request);
  }

  #takeBody(bytes: Buffer, slab: Slab | undefined): number {
    const body = this.#body;
    if (body === undefined) return bytes.length;
    const taken = body.take(bytes, slab, this.#deliver);
    if (this.#dropping) this.#drop(taken);
    if (this.#body !== body || this.#reading !== 'body') return taken;
    if (body.fault !== undefined) {
      this.#refuse(malformed(body.fault));
      return bytes.length;
    }
    if (body.done) {
      this.#body = undefined;
      this.#reading = 'head';
      this.source.stop();
      this.#request?.arrivedEnd(body.trailers);
      if (this.#dropping) this.#next();
    }
    return taken;
  }

  #delivered(bytes: Buffer, slab: Slab | undefined): void {
    if (this.#dropping) slab?.release();
    else this.#request?.arrived(bytes, slab);
  }

  /** Counts what nobody wants. */
  #drop(bytes: number): void {
    this.#dropped += bytes;
    if (this.#dropped <= dropUpTo) return;
    if (this.#reading === 'leaving') this.#close();
    else this.#leave();
  }

  /** The exchange is over, and the connection goes on. */
  #next(): void {
    this.#request = undefined;
    this.#dropping = false;
    this.#dropped = 0;
    this.#dropTimer?.[Symbol.dispose]();
    this.#dropTimer = undefined;
    if (this.leaving) {
      this.#leave();
      return;
    }
    this.#idle();
    this.source.goLater();
  }

  #refuse({ refused, reason }: Refusal): void {
    const request = this.#request;
    this.#options.malformed?.(refused, reason);
    if (request?.isAnswered === true) {
      this.#request = undefined;
      request.lost(notHttp(reason));
      this.#abort('broken', reason);
      return;
    }
    this.output.text(refusal(refused, reason));
    request?.lost(notHttp(reason));
    this.#leave();
  }

  #headIsLate(): void {
    this.#options.malformed?.(408, 'the head took too long');
    this.output.text(refusal(408, 'the head took too long'));
    this.#leave();
  }

  /** Ends our side, and takes what still comes for a while: closing at once would destroy what the client has not read yet. */
  #leave(): void {
    if (this.#reading === 'leaving' || this.#reading === 'over') return;
    this.#reading = 'leaving';
    this.leaving = true;
    this.#request?.lost('finished');
    this.#request = undefined;
    this.#body = undefined;
    this.#stopTimers();
    this.endOutput();
    this.#dropTimer = this.#options.clock.after(ms(dropForMs), () => this.#close());
    this.source.goLater();
  }

  #close(): void {
    if (this.#reading === 'over') return;
    this.#reading = 'over';
    this.#stopTimers();
    this.source.go();
    this.output.flush();
    this.#conduit.close();
  }

  #abort(why: 'cancel' | 'broken', text: string): void {
    if (this.#reading === 'over') return;
    this.source.drop();
    this.#conduit.abort(why);
    const request = this.#request;
    this.#finish('gone');
    request?.lost(lost(text));
  }

  #finish(how: Closed): void {
    this.#reading = 'over';
    this.#request = undefined;
    this.#stopTimers();
    this.#options.onClosed(how);
  }

  #stopTimers(): void {
    this.#idleTimer?.[Symbol.dispose]();
    this.#headTimer?.[Symbol.dispose]();
    this.#dropTimer?.[Symbol.dispose]();
  }

  #idle(): void {
    this.#idleSince = this.#options.clock.monotonic();
  }

  /** One timer for the connection's life, not one for each request. */
  #watchIdle(afterMs: number): void {
    const idleMs = this.#options.settings?.idleMs ?? 3_600_000;
    this.#idleTimer = this.#options.clock.after(ms(afterMs), () => {
      const busy = this.#request !== undefined || this.#section.begun;
      const left = busy ? idleMs : this.#idleSince + idleMs - this.#options.clock.monotonic();
      if (left > 0) this.#watchIdle(left);
      else this.#leave();
    });
  }
}

function unfit(state: SectionState): Refusal {
  return state === 'long' ? { refused: 431, reason: 'the head is too long' } : malformed('a line that ends without CR');
}

const phrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  414: 'URI Too Long',
  431: 'Request Header Fields Too Large',
  505: 'HTTP Version Not Supported',
};

function refusal(status: number, reason: string): string {
  const type = 'content-type: text/plain; charset=utf-8\r\n';
  const body = `${reason}\n`;
  return `HTTP/1.1 ${status} ${phrases[status] ?? ''}\r\n${type}content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
}
