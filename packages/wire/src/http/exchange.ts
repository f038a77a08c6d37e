// One request and its response, seen from the server's end (`ServedRequest`) and from the client's (`SentRequest`), whatever version of HTTP
// carries them. Implemented by http1/ and h2/; a proxy joins the two. Plain calls, as in conduit.ts: no events, no promise per chunk.
import type { MeshError } from '@ambient-mesh/runtime/errors';
import type { Slab } from '../read-memory.ts';
import type { HeaderList, RequestHead, ResponseHead } from './message.ts';

export type HttpFault =
  /**
   * The connection ended, or the peer cancelled, before the exchange was complete. `before`, from a client of HTTP/1.1: what of the
   * response had not come yet.
   */
  | { readonly code: 'http.lost'; readonly before?: 'any byte' | 'head' | 'body' }
  /** HTTP/2: the peer reset the stream. `h2` is its code. */
  | { readonly code: 'http.reset'; readonly h2: number }
  /** The peer promises that it never looked at the request: it may be sent again whatever it asks for. */
  | { readonly code: 'http.refused' }
  /** What arrived is not HTTP, or is ambiguous. */
  | { readonly code: 'http.malformed' };

/** How an exchange ended. `finished`: request and response went through whole. */
export type ExchangeEnd = 'finished' | MeshError<HttpFault>;

/** A body that is being sent: `write` takes the bytes (and their slab) over; false means stop until `drained`. */
export interface BodyWriter {
  write(bytes: Buffer, slab?: Slab): boolean;
  /** The body is whole. Trailers are dropped where the version or the framing has no room for them. */
  end(trailers?: HeaderList): void;
}

export interface BodyReceiver {
  /** Without a slab the bytes are yours to keep; with one they are yours until you release it. */
  data(bytes: Buffer, slab?: Slab): void;
  /** The peer's body is whole. Called exactly once unless the exchange is cut short, also for messages without a body. */
  end(trailers: HeaderList | undefined): void;
  /** `write` had said false; now there is room again. */
  drained(): void;
  /** The last call, exactly once, unless `abort` was called before. */
  closed(how: ExchangeEnd): void;
}

export interface ServedRequest extends BodyWriter {
  readonly head: RequestHead;
  readonly version: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2';
  /** It is known already that there is no body. False when `head.upgrade` is set: bytes, or else `end`, follow the response's head. */
  readonly bodyless: boolean;
  /** Starts delivery of the body. Once only. */
  receive(receiver: BodyReceiver): void;
  pause(): void;
  resume(): void;
  /** An interim response: 100 to 199 but not 101. `Expect: 100-continue` is not answered by the codec. */
  inform(status: number, headers: HeaderList): void;
  /**
   * Once. `last`: nothing follows, as for HEAD, 204 and 304 or an empty body. With 101 (or 200 to CONNECT) both directions become raw bytes from here on.
   * May come before the request's body is whole: what still arrives is taken and dropped up to a limit, then the connection is closed.
   */
  respond(head: ResponseHead, last: boolean): void;
  /** Cuts the response short so that the client notices: RST_STREAM, or the connection is closed. Nothing is called after this. */
  abort(): void;
}

export interface ResponseReceiver extends BodyReceiver {
  /** An interim response. */
  inform(status: number, headers: HeaderList): void;
  /** `last`: no body and no trailers follow, and `end` comes in this very turn. With 101 both directions are raw bytes from here on. */
  head(head: ResponseHead, last: boolean): void;
}

export interface SentRequest extends BodyWriter {
  pause(): void;
  resume(): void;
  /** Gives the exchange up. Nothing is called after this. */
  abort(): void;
}

/** One connection to a server that requests can be sent on, one at a time (HTTP/1.1) or many (HTTP/2). */
export interface ClientConnection {
  /** Another request may be sent now. */
  readonly free: boolean;
  /** Requests in progress. */
  readonly active: number;
  /** `last`: there is no body. Only when `free`. Calls of the receiver come later, never inside this call. */
  request(head: RequestHead, last: boolean, receiver: ResponseReceiver): SentRequest;
  /** No new requests; closes when those in progress have ended. */
  shutdown(): void;
  destroy(): void;
}

export interface ClientConnectionEvents {
  /** `free` may have become true, or `active` has become less. */
  changed(): void;
  /** It will never be free again. Once. */
  unusable(): void;
}
