// The client's end of an HBONE tunnel: one mutual-TLS connection with an HTTP/2 session that opens a stream for each connection carried.
// Made by open-tunnel.ts (and double.ts) after the handshake; its streams go to pump.ts.
// Knows nothing of dialling, certificates or reuse.
import type { Duplex } from 'node:stream';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { Conduit } from '../conduit.ts';
import type { KeepaliveSettings } from '../h2/keepalive.ts';
import { H2Session, type SessionFault } from '../h2/session.ts';
import { clientSettings, type H2Settings } from '../h2/settings.ts';
import type { H2Stream } from '../h2/stream.ts';
import type { HeaderList } from '../http/message.ts';
import type { ReadMemory } from '../read-memory.ts';
import type { Peer } from '../tls/peer.ts';
import { type ConnectRequest, encodeConnect } from './connect-request.ts';

export type TunnelFault =
  /** The far side answered, but not 200. */
  | { readonly code: 'hbone.status'; readonly status: number }
  | { readonly code: 'hbone.timeout'; readonly afterMs: number }
  /** No stream could be opened: going away, or the peer's limit reached. Another tunnel may do. */
  | { readonly code: 'hbone.full' };

/** A carried connection, once the far side has said 200. */
export interface TunnelStream extends Conduit {
  /** Headers of the answer (client) or of the request (server), without pseudo-headers. */
  readonly headers: HeaderList;
  readonly peer: Peer;
}

export interface TunnelOptions {
  readonly clock: Clock;
  /** Default: `clientSettings`. */
  readonly settings?: H2Settings;
  readonly keepalive?: KeepaliveSettings;
  /** Where the connection's bytes are read into; without it, into buffers of Node's own. */
  readonly memory?: ReadMemory | undefined;
  /** How long the far side may take to answer a CONNECT. Default 10,000. */
  readonly answerWithinMs?: number;
}

export interface TunnelEvents {
  /** A stream has ended: its slot is free. */
  retired?(): void;
  /** No new streams; those in progress go on. At most once. */
  goingAway?(): void;
  /** The last event. Undefined: an orderly end. */
  closed?(fault: MeshError<SessionFault> | undefined): void;
}

export class Tunnel {
  readonly peer: Peer;
  readonly #session: H2Session;
  readonly #clock: Clock;
  readonly #answerWithinMs: number;

  /** Takes over `socket`, on which the handshake with `peer` is done. */
  constructor(socket: Duplex, peer: Peer, options: TunnelOptions, events: TunnelEvents = {}) {
    this.peer = peer;
    this.#clock = options.clock;
    this.#answerWithinMs = options.answerWithinMs ?? 10_000;
    const { keepalive, clock, memory, settings = clientSettings } = options;
    this.#session = new H2Session(socket, { role: 'client', settings, clock, memory, ...(keepalive && { keepalive }) }, events);
  }

  /** Streams in progress. */
  get active(): number {
    return this.#session.streams.size;
  }

  /** Streams that the peer allows at a time, as far as it has said. */
  get peerLimit(): number {
    return this.#session.peerConcurrentStreams;
  }

  get usable(): boolean {
    return this.#session.usable;
  }

  /** @throws MeshError<TunnelFault | ConduitFault>, or the signal's reason. `stream.refused` and `hbone.full` may be tried elsewhere. */
  connect(request: ConnectRequest, signal: AbortSignal): Promise<TunnelStream> {
    const { promise, resolve, reject } = Promise.withResolvers<TunnelStream>();
    if (signal.aborted) return Promise.reject(signal.reason);
    const settle = () => {
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (why: unknown) => {
      settle();
      reject(why);
    };
    const stream = this.#session.open(encodeConnect(request), {
      answered: (status, headers) => {
        if (status !== 200) {
          stream?.abort('cancel');
          return fail(new MeshError<TunnelFault>({ code: 'hbone.status', status }, `http status: ${status}${reasonOf(status)}`));
        }
        settle();
        if (stream !== undefined) resolve(asTunnelStream(stream, headers, this.peer));
      },
      failed: fail,
    });
    const giveUp = (why: unknown) => {
      stream?.abort('cancel');
      fail(why);
    };
    const onAbort = () => giveUp(signal.reason);
    const timer = this.#clock.after(ms(this.#answerWithinMs), () => giveUp(noAnswer(request.authority, this.#answerWithinMs)));
    if (stream === undefined) fail(new MeshError<TunnelFault>({ code: 'hbone.full' }, 'the tunnel takes no more streams'));
    else signal.addEventListener('abort', onAbort, { once: true });
    return promise;
  }

  /** No new streams; closes when those in progress have ended. */
  shutdown(): void {
    this.#session.shutdown();
  }

  /** Drops the connection and everything on it. */
  destroy(): void {
    this.#session.destroy();
  }
}

/** The stream itself with two more facts: wrapping it would cost a call for every chunk. */
export function asTunnelStream(stream: H2Stream, headers: HeaderList, peer: Peer): TunnelStream {
  return Object.assign(stream, { headers, peer });
}

function noAnswer(authority: string, afterMs: number): MeshError<TunnelFault> {
  return new MeshError({ code: 'hbone.timeout', afterMs }, `no answer to CONNECT ${authority} within ${afterMs} ms`);
}

const reasons = new Map([
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [500, 'Internal Server Error'],
  [502, 'Bad Gateway'],
  [503, 'Service Unavailable'],
  [504, 'Gateway Timeout'],
]);
const reasonOf = (status: number): string => (reasons.has(status) ? ` ${reasons.get(status)}` : '');
