// What both ends of an HTTP exchange on a stream have in common: the body that is sent, the body that arrives, and how it ends.
// The parts that http2-server.ts and http2-client.ts are made of. Flow control, lengths and resets are the stream's.
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { Closed, Receiver } from '../conduit.ts';
import type { BodyReceiver, BodyWriter, ExchangeEnd, HttpFault } from '../http/exchange.ts';
import type { HeaderList } from '../http/message.ts';
import type { Slab } from '../read-memory.ts';
import { errorName } from './protocol.ts';
import type { H2Stream } from './stream.ts';
import { trailerList } from './write-head.ts';

/** Our half. */
export class BodySender implements BodyWriter {
  protected readonly stream: H2Stream;

  constructor(stream: H2Stream) {
    this.stream = stream;
  }

  write(bytes: Buffer, slab?: Slab): boolean {
    if (bytes.length > 0) return this.stream.write(bytes, slab);
    slab?.release();
    return !this.stream.lane.blocked;
  }

  end(trailers?: HeaderList): void {
    const fit = trailers && trailerList(trailers);
    this.stream.end(fit?.length === 0 ? undefined : fit);
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }
}

/** The peer's half, as its receiver is to be told. */
export class BodyDelivery implements Receiver {
  readonly #stream: H2Stream;
  readonly #receiver: BodyReceiver;

  constructor(stream: H2Stream, receiver: BodyReceiver) {
    this.#stream = stream;
    this.#receiver = receiver;
  }

  data(bytes: Buffer, slab?: Slab): void {
    this.#receiver.data(bytes, slab);
  }

  end(): void {
    const { trailers } = this.#stream;
    this.#receiver.end(trailers?.length === 0 ? undefined : trailers);
  }

  drained(): void {
    this.#receiver.drained();
  }

  closed(how: Closed): void {
    this.#receiver.closed(endOf(this.#stream, how));
  }
}

function endOf(stream: H2Stream, how: Closed): ExchangeEnd {
  if (how === 'finished' || (how === 'gone' && stream.responseEnded)) return 'finished';
  const { resetCode } = stream;
  const cause = how === 'gone' ? undefined : how;
  const failed = (fault: HttpFault, text: string): ExchangeEnd => new MeshError(fault, text, cause);
  if (cause?.fault.code === 'stream.refused') return failed({ code: 'http.refused' }, 'the request was refused unread');
  if (resetCode !== undefined) return failed({ code: 'http.reset', h2: resetCode }, `the stream was reset: ${errorName(resetCode)}`);
  if (cause?.fault.code === 'stream.reset') return failed({ code: 'http.malformed' }, 'the peer broke the rules of HTTP');
  return failed({ code: 'http.lost' }, 'the connection was lost');
}
