// Sends HTTP requests on one HTTP/2 connection to a server that is known to speak it, many at a time.
// Used by the waypoint for backends; which connection takes which request is decided there.
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { ClientConnection, ClientConnectionEvents, HttpFault, ResponseReceiver, SentRequest } from '../http/exchange.ts';
import type { RequestHead } from '../http/message.ts';
import type { ReadMemory } from '../read-memory.ts';
import { BodyDelivery, BodySender } from './exchange-stream.ts';
import type { KeepaliveSettings } from './keepalive.ts';
import type { Carrier } from './link.ts';
import { errorCode } from './protocol.ts';
import { H2Session } from './session.ts';
import { type H2Settings, httpClientSettings } from './settings.ts';
import type { Opening } from './stream.ts';
import { requestList } from './write-head.ts';

export interface Http2ClientOptions {
  readonly clock: Clock;
  /** Default: `httpClientSettings`. */
  readonly settings?: H2Settings;
  /** Default: none; gRPC servers give a client up that sends PINGs often. */
  readonly keepalive?: KeepaliveSettings;
  /** Counts what all connections of the thread hold for slow consumers; a socket's bytes are read into it too. */
  readonly memory?: ReadMemory | undefined;
}

/** Requests at a time until the server has said how many it takes: what it says is rarely less (RFC 9113 §6.5.2). */
const beforeSettings = 100;

export class Http2Client implements ClientConnection {
  readonly #session: H2Session;

  /** Takes the carrier over: receives from it, ends it. */
  constructor(carrier: Carrier, options: Http2ClientOptions, events: ClientConnectionEvents) {
    const { clock, memory, keepalive = 'none', settings = httpClientSettings } = options;
    this.#session = new H2Session(
      carrier,
      { role: 'client', settings, clock, memory, keepalive },
      {
        retired: () => events.changed(),
        settings: () => events.changed(),
        goingAway: () => events.unusable(),
      },
    );
  }

  get free(): boolean {
    const { usable, greeted, peerConcurrentStreams } = this.#session;
    return usable && this.active < (greeted ? peerConcurrentStreams : Math.min(beforeSettings, peerConcurrentStreams));
  }

  get active(): number {
    return this.#session.streams.size;
  }

  /** A head that cannot be written ends as `http.malformed`; the connection stays as it was. */
  request(head: RequestHead, last: boolean, receiver: ResponseReceiver): SentRequest {
    const list = requestList(head);
    if (list === undefined) return unsent(receiver, { code: 'http.malformed' }, 'a head that cannot be written');
    const opening: Opening = {
      answered: (status, headers, whole) => receiver.head({ status, headers }, whole),
      informed: (status, headers) => receiver.inform(status, headers),
      // The delivery is told too.
      failed: () => {},
    };
    const stream = this.#session.open(list, opening, last);
    if (stream === undefined) return unsent(receiver, { code: 'http.refused' }, 'the connection is not free');
    stream.carries = head.method === 'HEAD' ? 'head' : 'message';
    stream.receive(new BodyDelivery(stream, receiver));
    // Stream numbers are used up.
    if (!this.#session.usable) this.#session.shutdown();
    return new Sent(stream);
  }

  shutdown(): void {
    this.#session.shutdown();
  }

  destroy(): void {
    this.#session.destroy();
  }
}

class Sent extends BodySender implements SentRequest {
  abort(): void {
    this.stream.drop(errorCode.cancel);
  }
}

/** A request that never left: its receiver hears so in a turn of its own. */
function unsent(receiver: ResponseReceiver, fault: HttpFault, text: string): SentRequest {
  let given = false;
  queueMicrotask(() => {
    if (!given) receiver.closed(new MeshError(fault, text));
  });
  return {
    write: (_bytes, slab) => {
      slab?.release();
      return true;
    },
    end: () => {},
    pause: () => {},
    resume: () => {},
    abort: () => {
      given = true;
    },
  };
}
