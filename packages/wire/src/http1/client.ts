// The client's end of one HTTP/1.1 connection: one request at a time, kept for the next one only when nothing about its state is in doubt.
// Made by whoever dialled the conduit; pools decide when to use it again. What is sent and received for one request is sent.ts.

import type { MeshError } from '@ambient-mesh/runtime/errors';
import type { Closed, Conduit } from '../conduit.ts';
import type { ClientConnection, ClientConnectionEvents, HttpFault, ResponseReceiver, SentRequest } from '../http/exchange.ts';
import type { RequestHead } from '../http/message.ts';
import type { Slab } from '../read-memory.ts';
import { BodyReader } from './body-reader.ts';
import { lost, notHttp } from './faults.ts';
import { Output } from './output.ts';
import { readResponseHead } from './response-head.ts';
import { Section } from './section.ts';
import { Sent, type SentHost } from './sent.ts';
import { type Reader, Source } from './source.ts';
import { writeRequestHead } from './write-head.ts';

const mostHead = 64 * 1024;
/** Of one request. */
const mostInterims = 32;

type Reading = 'idle' | 'head' | 'body' | 'raw' | 'over';

export class Http1Client implements ClientConnection, SentHost, Reader {
  readonly output: Output;
  readonly source: Source;
  readonly #conduit: Conduit;
  readonly #events: ClientConnectionEvents;
  readonly #section = new Section(mostHead);
  readonly #deliver = (bytes: Buffer, slab: Slab | undefined): void => this.#sent?.arrived(bytes, slab);
  #reading: Reading = 'idle';
  #sent: Sent | undefined;
  #body: BodyReader | undefined;
  #keep = true;
  #leaving = false;
  #interims = 0;
  /** Something of the response has arrived. */
  #heard = false;

  constructor(conduit: Conduit, events: ClientConnectionEvents) {
    this.#conduit = conduit;
    this.#events = events;
    this.output = new Output(conduit);
    this.source = new Source(conduit, this);
    this.source.start();
  }

  get free(): boolean {
    return this.#reading === 'idle' && !this.#leaving;
  }

  get active(): number {
    return this.#sent === undefined ? 0 : 1;
  }

  /** A head that cannot be written (RFC 9112) ends as `http.malformed`, and the connection stays as it was. */
  request(head: RequestHead, last: boolean, receiver: ResponseReceiver): SentRequest {
    const written = writeRequestHead(head, last);
    if (!this.free || written === undefined) {
      const fault = written === undefined ? notHttp('a head that cannot be written') : lost('the connection is not free', 'any byte');
      return refusedRequest(receiver, fault);
    }
    const sent = new Sent(this, head, { framing: written.framing, last, receiver });
    this.#sent = sent;
    this.#reading = 'head';
    this.#heard = false;
    this.#interims = 0;
    this.output.text(written.text);
    return sent;
  }

  shutdown(): void {
    this.#leaving = true;
    if (this.#reading === 'idle') this.#close();
  }

  destroy(): void {
    this.#cut(lost('the connection was given up'));
  }

  // What a request says (SentHost).

  abandon(): void {
    this.#sent = undefined;
    this.#cut(lost('given up'));
  }

  broken(why: string): void {
    this.#cut(notHttp(why));
  }

  endOutput(): void {
    this.output.flush();
    this.#conduit.end();
  }

  // What the connection says (Reader).

  take(bytes: Buffer, slab: Slab | undefined): number {
    switch (this.#reading) {
      case 'head':
        this.#heard = true;
        return this.#takeHead(bytes);
      case 'body':
        return this.#takeBody(bytes, slab);
      case 'raw':
        slab?.hold();
        this.#sent?.arrived(bytes, slab);
        return bytes.length;
      case 'idle':
        // An answer to nothing: whose it would become is anybody's guess.
        this.#cut(notHttp('bytes that nobody asked for'));
        return bytes.length;
      case 'over':
        return bytes.length;
      default:
        return this.#reading satisfies never;
    }
  }

  ended(): void {
    if (this.#reading === 'raw') {
      this.#sent?.arrivedEnd(undefined);
      return;
    }
    if (this.#reading === 'idle') {
      this.#close();
      return;
    }
    if (this.#reading === 'body' && this.#body?.endsWithConnection) {
      this.#keep = false;
      this.#complete(undefined);
      return;
    }
    if (this.#reading !== 'over') this.#cut(lost('the server ended the connection', this.#progress));
  }

  drained(): void {
    if (this.output.drained()) this.#sent?.drained();
  }

  closed(how: Closed): void {
    const sent = this.#sent;
    const { isRaw = false } = sent ?? {};
    const before = this.#progress;
    this.#over();
    sent?.closed(isRaw && how === 'finished' ? 'finished' : lost('the connection to the server was lost', before));
  }

  #takeHead(bytes: Buffer): number {
    const taken = this.#section.take(bytes);
    const { state, text } = this.#section;
    if (state === 'more') return taken;
    if (state === 'whole') this.#headIsWhole(text, taken < bytes.length);
    else this.#cut(notHttp(state === 'long' ? 'a head that is too long' : 'a line that ends without CR'));
    return taken;
  }

  #headIsWhole(text: string, more: boolean): void {
    const sent = this.#sent;
    this.#section.reset();
    if (sent === undefined) return;
    const read = readResponseHead(text, sent.method);
    if ('refused' in read) {
      this.#cut(notHttp(read.reason));
      return;
    }
    const { head, framing, keep, upgrade } = read;
    if (head.status === 101) {
      if (upgrade === undefined || upgrade !== sent.upgrade) {
        this.#cut(notHttp('a change of protocol that nobody asked for'));
        return;
      }
      this.#reading = 'raw';
      sent.changedProtocol(head);
      return;
    }
    if (head.status < 200) {
      if (++this.#interims > mostInterims) {
        this.#cut(notHttp('too many interim responses'));
        return;
      }
      sent.informed(head);
      return;
    }
    this.#keep = keep;
    this.#body = new BodyReader(framing);
    this.#reading = 'body';
    sent.answered(head, framing === 0);
    if (this.#sent === sent && framing === 0) this.#complete(undefined, more);
  }

  #takeBody(bytes: Buffer, slab: Slab | undefined): number {
    const body = this.#body;
    if (body === undefined) return bytes.length;
    const taken = body.take(bytes, slab, this.#deliver);
    if (this.#body !== body) return taken;
    if (body.fault !== undefined) this.#cut(notHttp(body.fault));
    else if (body.done) this.#complete(body, taken < bytes.length);
    return taken;
  }

  /** The response is whole. `more`: bytes of no response follow it, and must not be taken for the next one. */
  #complete(body: BodyReader | undefined, more = false): void {
    const sent = this.#sent;
    if (sent === undefined) return;
    sent.arrivedEnd(body?.trailers);
    if (this.#sent !== sent) return;
    this.#sent = undefined;
    this.#body = undefined;
    if (this.#keep && sent.isWhole && !more && !this.#leaving) {
      this.#reading = 'idle';
      this.source.go();
      sent.closed('finished');
      this.#events.changed();
      return;
    }
    if (sent.isWhole && !more) this.#close();
    else this.#cut(undefined);
    sent.closed('finished');
  }

  get #progress(): 'any byte' | 'head' | 'body' {
    if (this.#reading === 'body') return 'body';
    return this.#heard ? 'head' : 'any byte';
  }

  #close(): void {
    this.#over();
    this.output.flush();
    this.#conduit.close();
  }

  /** Now, whatever is under way. */
  #cut(fault: MeshError<HttpFault> | undefined): void {
    if (this.#reading === 'over') return;
    const sent = this.#sent;
    this.#over();
    this.#conduit.abort('cancel');
    if (fault !== undefined) sent?.closed(fault);
  }

  #over(): void {
    if (this.#reading === 'over') return;
    this.#reading = 'over';
    this.#sent = undefined;
    this.#body = undefined;
    this.source.drop();
    this.#events.unusable();
  }
}

/** It was never sent; the receiver hears so later, as always. */
function refusedRequest(receiver: ResponseReceiver, fault: MeshError<HttpFault>): SentRequest {
  let aborted = false;
  queueMicrotask(() => {
    if (!aborted) receiver.closed(fault);
  });
  const drop = (_bytes: Buffer, slab?: Slab): boolean => {
    slab?.release();
    return true;
  };
  const nothing = (): void => {};
  return {
    write: drop,
    end: nothing,
    pause: nothing,
    resume: nothing,
    abort: () => {
      aborted = true;
    },
  };
}
