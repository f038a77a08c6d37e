// What carries a session's bytes, as the session sees it: a socket, or a conduit such as a stream of another session.
// Made by session.ts; read from there, written to by output.ts. Knows nothing of frames.
import { Duplex } from 'node:stream';
import type { Conduit } from '../conduit.ts';
import type { ReadMemory, Slab } from '../read-memory.ts';
import { type Feed, takeIn } from './intake.ts';

export type Carrier = Duplex | Conduit;

/** Bytes to be written, and the slab that they lie in, if any. */
export interface Part {
  readonly bytes: Buffer;
  readonly slab: Slab | undefined;
}

export interface LinkEvents {
  readonly bytes: Feed;
  /** Nothing more will arrive; a second call changes nothing. Undefined: no failure. */
  broken(cause: Error | undefined): void;
}

export interface Link {
  /** Bytes that were taken may still be read later: their memory must not be written to again. */
  readonly keepsBytes: boolean;
  /** Starts reading, for good. */
  start(memory: ReadMemory | undefined, events: LinkEvents): void;
  /** In order, one batch at a time; `taken` when there is room for the next. */
  write(batch: readonly Part[], taken: () => void): void;
  /** Half-close after everything written. */
  end(): void;
  destroy(): void;
}

export const linkOf = (carrier: Carrier): Link => (carrier instanceof Duplex ? new SocketLink(carrier) : new ConduitLink(carrier));

class SocketLink implements Link {
  readonly keepsBytes = false;
  readonly #socket: Duplex;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  start(memory: ReadMemory | undefined, events: LinkEvents): void {
    this.#socket.on('error', (e) => events.broken(e));
    this.#socket.on('end', () => events.broken(undefined));
    this.#socket.on('close', () => events.broken(undefined));
    takeIn(this.#socket, memory, events.bytes);
  }

  write(batch: readonly Part[], taken: () => void): void {
    const last = batch.length - 1;
    const done = () => {
      for (const { slab } of batch) slab?.release();
      taken();
    };
    if (last > 0) this.#socket.cork();
    batch.forEach(({ bytes }, i) => {
      this.#socket.write(bytes, i === last ? done : undefined);
    });
    if (last > 0) this.#socket.uncork();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Reads without pause: what one connection may hold is bounded by the windows that the session grants. */
class ConduitLink implements Link {
  readonly keepsBytes = true;
  readonly #conduit: Conduit;
  #taken: (() => void) | undefined;
  #peerEnded = false;

  constructor(conduit: Conduit) {
    this.#conduit = conduit;
  }

  start(_memory: ReadMemory | undefined, events: LinkEvents): void {
    this.#conduit.receive({
      data: events.bytes,
      end: () => {
        this.#peerEnded = true;
        events.broken(undefined);
      },
      drained: () => {
        const taken = this.#taken;
        this.#taken = undefined;
        taken?.();
      },
      closed: (how) => events.broken(typeof how === 'string' ? undefined : how),
    });
  }

  write(batch: readonly Part[], taken: () => void): void {
    let room = true;
    for (const { bytes, slab } of batch) room = this.#conduit.write(bytes, slab);
    // Never inside this call: whoever sends is in the middle of its sums.
    if (room) queueMicrotask(taken);
    else this.#taken = taken;
  }

  end(): void {
    this.#conduit.end();
  }

  /** A peer that has ended its half may still be reading what it was sent last. */
  destroy(): void {
    if (this.#peerEnded) this.#conduit.close();
    else this.#conduit.abort('cancel');
  }
}
