// One end of a relayed connection, whatever carries it: a TCP socket (tcp.ts) or a tunnel stream (h2/stream.ts).
// pump.ts joins two of them; anything else that wants a connection's bytes implements `Receiver`.
// Plain calls, no events and no promise per chunk: this is the hot path.
import type { MeshError } from '@ambient-mesh/runtime/errors';
import type { Slab } from './read-memory.ts';

export type ConduitFault =
  | { readonly code: 'tcp.failed'; readonly errno: string }
  | { readonly code: 'stream.reset'; readonly h2: number }
  | { readonly code: 'stream.refused'; readonly h2: number }
  | { readonly code: 'tunnel.lost' };

/**
 * How a conduit ended. `finished`: both directions were ended and everything written has gone out. `gone`: the peer went away in one of
 * the ways that count as a normal end (connection reset, broken pipe, a stream cancelled). Otherwise the fault that cut it short.
 */
export type Closed = 'finished' | 'gone' | MeshError<ConduitFault>;

export interface Receiver {
  /** Bytes that arrived. Without a slab they are yours to keep; with one they are yours until you release it. */
  data(bytes: Buffer, slab?: Slab): void;
  /** The peer will send no more; the other direction goes on. */
  end(): void;
  /** `write` had said false; now there is room again. */
  drained(): void;
  /** The last call, exactly once, unless `abort` was called before. */
  closed(how: Closed): void;
}

export interface Conduit {
  /** Starts delivery. Once only. */
  receive(receiver: Receiver): void;
  /** No `data` after this until `resume`; what is under way is held, bounded. */
  pause(): void;
  resume(): void;
  /** Takes the bytes (and the slab that they lie in). False: stop until `drained`. Ignored once ended or closed. */
  write(bytes: Buffer, slab?: Slab): boolean;
  /** Half-close after everything written. */
  end(): void;
  /** `end`, then let go of the other direction: nothing more is delivered but `closed`. */
  close(): void;
  /** Now, dropping what is unsent. `broken` tells the peer, where the protocol can, that the byte stream was cut short by a failure. */
  abort(why: 'cancel' | 'broken'): void;
}
