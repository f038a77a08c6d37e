// Serves HTTP requests on an HTTP/2 connection that a client has begun with prior knowledge, inside a tunnel stream or on a socket.
// Used by the waypoint. What is malformed is answered 400, CONNECT 405, too large headers 431; the caller never hears of those.
import type { MeshError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { BodyReceiver, ServedRequest } from '../http/exchange.ts';
import type { HeaderList, RequestHead, ResponseHead } from '../http/message.ts';
import type { ReadMemory } from '../read-memory.ts';
import { BodyDelivery, BodySender } from './exchange-stream.ts';
import type { RequestFields } from './headers.ts';
import type { KeepaliveSettings } from './keepalive.ts';
import type { Carrier } from './link.ts';
import { errorCode } from './protocol.ts';
import { asRequest } from './request-head.ts';
import { H2Session, type SessionFault } from './session.ts';
import { type H2Settings, httpServerSettings } from './settings.ts';
import type { H2Stream } from './stream.ts';
import { interimList, responseList } from './write-head.ts';

export interface Http2ServerOptions {
  readonly clock: Clock;
  /** Default: `httpServerSettings`. */
  readonly settings?: H2Settings;
  /** Default: none; a tunnel notices by itself that its peer is gone. */
  readonly keepalive?: KeepaliveSettings;
  /** Counts what all connections of the thread hold for slow consumers; a socket's bytes are read into it too. */
  readonly memory?: ReadMemory | undefined;
  /** Must not throw. */
  readonly onRequest: (request: ServedRequest) => void;
  /** The last call. Undefined: an orderly end. */
  readonly onClosed?: (fault: MeshError<SessionFault> | undefined) => void;
}

export class Http2Server {
  readonly #session: H2Session;
  readonly #onRequest: (request: ServedRequest) => void;

  /** Takes the carrier over: receives from it, ends it. */
  constructor(carrier: Carrier, options: Http2ServerOptions) {
    const { clock, memory, keepalive = 'none', settings = httpServerSettings } = options;
    this.#onRequest = options.onRequest;
    this.#session = new H2Session(
      carrier,
      { role: 'server', settings, clock, memory, keepalive },
      {
        request: (stream, fields, ended) => this.#serve(stream, fields, ended),
        malformed: refuse,
        closed: (fault) => options.onClosed?.(fault),
      },
    );
  }

  /** Requests in progress. */
  get active(): number {
    return this.#session.streams.size;
  }

  /** GOAWAY: no new requests; closes when those in progress have ended. */
  shutdown(): void {
    this.#session.shutdown();
  }

  /** Drops the connection and every request on it. */
  destroy(): void {
    this.#session.destroy();
  }

  #serve(stream: H2Stream, fields: RequestFields, ended: boolean): void {
    const head = asRequest(fields);
    if (typeof head === 'number') refuse(stream, head);
    else this.#onRequest(new Served(stream, head, ended));
  }
}

function refuse(stream: H2Stream, status: number): void {
  stream.endsWithUs = true;
  const list = [
    [':status', String(status)],
    ['content-length', '0'],
  ] as const;
  stream.sendHead(list, true);
}

class Served extends BodySender implements ServedRequest {
  readonly version = 'HTTP/2';
  readonly head: RequestHead;
  readonly bodyless: boolean;

  constructor(stream: H2Stream, head: RequestHead, bodyless: boolean) {
    super(stream);
    stream.endsWithUs = true;
    this.head = head;
    this.bodyless = bodyless;
  }

  receive(receiver: BodyReceiver): void {
    this.stream.receive(new BodyDelivery(this.stream, receiver));
  }

  inform(status: number, headers: HeaderList): void {
    const list = interimList(status, headers);
    if (list !== undefined) this.stream.sendInterim(list);
  }

  /** In place of a head that cannot be written it sends 500, and drops whatever is given for the body. */
  respond(head: ResponseHead, last: boolean): void {
    const list = responseList(head);
    if (list === undefined) refuse(this.stream, 500);
    else this.stream.sendHead(list, last);
  }

  abort(): void {
    this.stream.drop(errorCode.internal);
  }
}
