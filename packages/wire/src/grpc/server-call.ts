// The server's side of one gRPC call: messages in at the handler's pace, messages out with back-pressure, a status at the end.
// Made by server.ts for each stream. Nothing that a peer does throws at the handler except through `messages`, which then ends with a fault.
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { Deframer, frame } from './framing.ts';
import { grpcCode } from './status.ts';

/** The client went away in the middle of a call. */
export type ServerCallFault = { readonly code: 'grpc.broken-off' };

export interface Peer {
  /** Address and port, for logs. */
  readonly address: string;
  /** From a client certificate that verified against our roots; empty without one. */
  readonly identities: readonly SpiffeId[];
  /** The connection is TLS. */
  readonly secure: boolean;
}

export interface CallLimits {
  readonly peer: Peer;
  /** Longest message accepted. */
  readonly limitBytes: number;
  readonly clock: Pick<Clock, 'after'>;
}

/** Whoever does not take the end of an answer for so long is not waited for. */
const takenWithin = ms(10_000);

export class ServerCall {
  readonly peer: Peer;
  /** Aborts when the stream is over, however it ended. */
  readonly signal: AbortSignal;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #limits: CallLimits;
  #status: Record<string, string> = { 'grpc-status': String(grpcCode.unknown) };
  #ended = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, limits: CallLimits) {
    this.#stream = stream;
    this.#headers = headers;
    this.#limits = limits;
    this.peer = limits.peer;
    const over = new AbortController();
    this.signal = over.signal;
    stream.on('error', () => {});
    stream.once('close', () => over.abort(new Error('the call is over')));
    stream.on('wantTrailers', () => {
      if (stream.destroyed || stream.closed) return;
      stream.sendTrailers(this.#status);
      // The client may go on talking: once it has the status, nobody listens (RFC 9113 §8.1).
      setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
    });
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  }

  /** One value of a header; empty when there is none. */
  header(name: string): string {
    const value = this.#headers[name];
    return typeof value === 'string' ? value : (value?.[0] ?? '');
  }

  /** In order; returns when the client has no more to say. Throws a FramingFault or a ServerCallFault. */
  async *messages(): AsyncGenerator<Buffer> {
    const deframer = new Deframer(this.#limits.limitBytes);
    for await (const chunk of this.#chunks()) yield* deframer.push(chunk);
    deframer.finish();
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    try {
      // A reader that stops early has an answer to give: the stream must outlive it.
      yield* this.#stream.iterator({ destroyOnReturn: false });
    } catch (e) {
      throw new MeshError<ServerCallFault>({ code: 'grpc.broken-off' }, 'the client broke off', e);
    }
  }

  /** Queues a message. False: more is queued than the peer takes at once; wait for `writable` before the next. Without effect once over. */
  send(message: Uint8Array): boolean {
    return this.#ended || this.#stream.destroyed || this.#stream.write(frame(message));
  }

  /** Resolves once what was queued has been taken, or the call is over. */
  async writable(): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed || !stream.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stream.off('drain', done);
        stream.off('close', done);
        resolve();
      };
      stream.on('drain', done);
      stream.on('close', done);
    });
  }

  /** The last word has been said: whatever comes now is without effect. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The last word: gRPC's code and a text that the client may see. Only the first counts. */
  end(code: number, text = ''): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#status = { 'grpc-status': String(code), ...(text !== '' && { 'grpc-message': escapeMessage(text) }) };
    if (this.#stream.destroyed) return;
    this.#stream.end();
    const late = this.#limits.clock.after(takenWithin, () => this.abort());
    this.#stream.once('close', () => late[Symbol.dispose]());
  }

  /**
   * Drops the call without a status. By a reset: a stream that is destroyed while its trailers are under way takes the process down
   * (an assertion in Node's Http2Stream::OnTrailers).
   */
  abort(): void {
    this.#ended = true;
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }
}

/** Printable ASCII but `%` stands for itself (gRPC over HTTP/2, "Status-Message"); a long text is cut. */
const escapeMessage = (text: string): string =>
  text.slice(0, 1_024).replace(/[^\x20-\x24\x26-\x7e]+/g, (odd) => encodeURIComponent(odd.replace(/[\ud800-\udfff]/g, '?')));
