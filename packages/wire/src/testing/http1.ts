// A conduit without a network, and an application that answers requests: what the tests of http1/ drive by hand.
// Used by the tests of http1/; others may use it too.
import type { Closed, Conduit, Receiver } from '../conduit.ts';
import type { BodyReceiver, ExchangeEnd, ResponseReceiver, ServedRequest } from '../http/exchange.ts';
import type { HeaderList, ResponseHead } from '../http/message.ts';
import type { Slab } from '../read-memory.ts';

/** Remembers what is written; delivers what it is fed, at once unless paused. */
export class TestConduit implements Conduit {
  written = '';
  ended = false;
  over: 'no' | 'closed' | 'cancel' | 'broken' = 'no';
  /** Octets fed while paused: what a real conduit would leave with the sender. */
  held = 0;
  full = false;
  #receiver: Receiver | undefined;
  #paused = false;
  readonly #waiting: Buffer[] = [];

  receive(receiver: Receiver): void {
    this.#receiver = receiver;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    while (!this.#paused) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.held -= next.length;
      this.#receiver?.data(next);
    }
  }

  write(bytes: Buffer, slab?: Slab): boolean {
    if (!this.ended) this.written += bytes.toString('latin1');
    slab?.release();
    return !this.full;
  }

  end(): void {
    this.ended = true;
  }

  close(): void {
    this.ended = true;
    if (this.over === 'no') this.over = 'closed';
    queueMicrotask(() => this.fail('finished'));
  }

  abort(why: 'cancel' | 'broken'): void {
    this.over = why;
    this.ended = true;
    this.#receiver = undefined;
  }

  feed(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    if (this.#paused) {
      this.#waiting.push(bytes);
      this.held += bytes.length;
    } else this.#receiver?.data(bytes);
  }

  feedEnd(): void {
    this.#receiver?.end();
  }

  drain(): void {
    this.full = false;
    this.#receiver?.drained();
  }

  fail(how: Closed): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    receiver?.closed(how);
  }
}

/** What was heard of a body or a response, in order. */
export class Heard implements BodyReceiver, ResponseReceiver {
  readonly log: string[] = [];
  body = '';
  trailers: HeaderList | undefined;
  over: ExchangeEnd | undefined;

  inform(status: number): void {
    this.log.push(`inform ${status}`);
  }

  head(head: ResponseHead, last: boolean): void {
    this.log.push(`head ${head.status}${last ? ' last' : ''}`);
  }

  data(bytes: Buffer, slab?: Slab): void {
    this.body += bytes.toString('latin1');
    slab?.release();
  }

  end(trailers: HeaderList | undefined): void {
    this.trailers = trailers;
    this.log.push('end');
  }

  drained(): void {
    this.log.push('drained');
  }

  closed(how: ExchangeEnd): void {
    this.over = how;
    this.log.push(how === 'finished' ? 'finished' : how.fault.code);
  }
}

/** Answers with what the request said, once it is whole. */
export function echo(request: ServedRequest): void {
  const heard = new Heard();
  request.receive({
    data: (bytes, slab) => heard.data(bytes, slab),
    end: () => {
      const text = `${request.head.method} ${request.head.path} ${heard.body}`;
      request.respond({ status: 200, headers: [['content-length', String(text.length)]] }, false);
      request.write(Buffer.from(text, 'latin1'));
      request.end();
    },
    drained: () => {},
    closed: () => {},
  });
}

/** Until everything that waits for this turn has been done. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
