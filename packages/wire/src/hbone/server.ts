// The server's end of an HBONE tunnel: turns each CONNECT stream into a request that the caller accepts or refuses.
// Used by ztunnel's inbound side and by waypoints, after the handshake (tls/server.ts).
// Judges no request: not even that its method is CONNECT (facts: ztunnel §2.5 orders those answers).
import type { Duplex } from 'node:stream';
import type { MeshError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { RequestFields } from '../h2/headers.ts';
import type { KeepaliveSettings } from '../h2/keepalive.ts';
import { errorCode } from '../h2/protocol.ts';
import { H2Session, type SessionFault } from '../h2/session.ts';
import { type H2Settings, serverSettings } from '../h2/settings.ts';
import type { H2Stream } from '../h2/stream.ts';
import type { HeaderList } from '../http/message.ts';
import type { ReadMemory } from '../read-memory.ts';
import type { Peer } from '../tls/peer.ts';
import { asTunnelStream, type TunnelStream } from './tunnel.ts';

export interface ServeOptions {
  readonly clock: Clock;
  /** Default: `serverSettings`. */
  readonly settings?: H2Settings;
  readonly keepalive?: KeepaliveSettings;
  /** Where the connection's bytes are read into; without it, into buffers of Node's own. */
  readonly memory?: ReadMemory | undefined;
  /** Called for each request, inside the socket's callback: must not throw, must answer in time of its own. */
  readonly onRequest: (request: TunnelRequest) => void;
  /** The last call. Undefined: an orderly end. */
  readonly onClosed?: (fault: MeshError<SessionFault> | undefined) => void;
}

/** One request, to be answered exactly once. */
export class TunnelRequest {
  readonly peer: Peer;
  readonly #head: RequestFields;
  readonly #stream: H2Stream;

  constructor(stream: H2Stream, head: RequestFields, peer: Peer) {
    this.#stream = stream;
    this.#head = head;
    this.peer = peer;
  }

  get method(): string {
    return this.#head.method;
  }

  /** Not parsed; empty if a request other than CONNECT has none. */
  get authority(): string {
    return this.#head.authority;
  }

  /** Without pseudo-headers. */
  get headers(): HeaderList {
    return this.#head.headers;
  }

  /** Calls `gone` if the client gives up before or after the answer; for dials in progress. Replaces an earlier one. */
  onGone(gone: (() => void) | undefined): void {
    this.#stream.onGone = gone;
  }

  /** 200, with these headers. If the client has gone meanwhile, the stream says so to its receiver. */
  accept(headers: HeaderList): TunnelStream {
    this.#stream.sendHead([[':status', '200'], ...headers], false);
    return asTunnelStream(this.#stream, this.#head.headers, this.peer);
  }

  /** An error status, no body. Whatever the client still sends is not waited for (RFC 9113 §8.1). */
  refuse(status: number): void {
    this.#stream.sendHead([[':status', String(status)]], true);
    this.#stream.reset(errorCode.noError);
  }
}

/** A connection being served. */
export class ServedTunnel {
  readonly peer: Peer;
  readonly #session: H2Session;

  /** Takes over `socket`, on which the handshake with `peer` is done. */
  constructor(socket: Duplex, peer: Peer, options: ServeOptions) {
    this.peer = peer;
    const { clock, keepalive, memory, settings = serverSettings } = options;
    this.#session = new H2Session(
      socket,
      { role: 'server', settings, clock, memory, ...(keepalive && { keepalive }) },
      {
        request: (stream, head) => options.onRequest(new TunnelRequest(stream, head, peer)),
        closed: (fault) => options.onClosed?.(fault),
      },
    );
  }

  /** Streams in progress. */
  get active(): number {
    return this.#session.streams.size;
  }

  /** Graceful: GOAWAY, no new streams, closes when those in progress have ended. */
  shutdown(): void {
    this.#session.shutdown();
  }

  /** Drops the connection and everything on it. */
  destroy(): void {
    this.#session.destroy();
  }
}

export function serveTunnel(socket: Duplex, peer: Peer, options: ServeOptions): ServedTunnel {
  return new ServedTunnel(socket, peer, options);
}
