// Brings a session the bytes of its socket: into pooled slabs where Node allows it, else in buffers of Node's own.
// Used by session.ts. Reading TLS records into our buffers takes a third off the receiving side's CPU, most of it garbage collection.
import type { Duplex } from 'node:stream';
import type { ReadMemory, Slab } from '../read-memory.ts';

/** Reads up to this size are copied, and the next one goes to the shared landing buffer again. */
const copyUpToBytes = 8 * 1024;

/** With a slab, the bytes are valid as long as somebody holds it; the callee releases it. Without, they are the callee's to keep. */
export type Feed = (bytes: Buffer, slab?: Slab) => void;

/** Starts reading, for good. */
export function takeIn(socket: Duplex, memory: ReadMemory | undefined, feed: Feed): void {
  const intake = memory && new Intake(memory, feed);
  if (intake === undefined || !readInto(socket, intake)) socket.on('data', (bytes: Buffer) => feed(bytes));
  else drainBuffered(socket, feed);
  // Listening alone does not start a socket that was paused when it was accepted.
  socket.resume();
}

/** Chooses the buffer for each next read, like tcp.ts does. */
class Intake {
  readonly #memory: ReadMemory;
  readonly #feed: Feed;
  #armed: Slab | undefined;

  constructor(memory: ReadMemory, feed: Feed) {
    this.#memory = memory;
    this.#feed = feed;
  }

  readonly buffer = (): Buffer => this.#armed?.room ?? this.#memory.landing;

  readonly read = (bytes: number): boolean => {
    const armed = this.#armed;
    const from = armed?.room ?? this.#memory.landing;
    if (bytes <= copyUpToBytes) {
      this.#armed = undefined;
      const copy = Buffer.from(from.subarray(0, bytes));
      armed?.release();
      this.#feed(copy);
      return true;
    }
    this.#armed = this.#memory.record();
    if (armed !== undefined) this.#feed(from.subarray(0, bytes), armed);
    else {
      const slab = bytes <= this.#armed.room.length ? this.#memory.record() : this.#memory.small();
      from.copy(slab.room, 0, 0, bytes);
      this.#feed(slab.room.subarray(0, bytes), slab);
    }
    return true;
  };
}

/**
 * What `net.Socket` does for its `onread` option, done later: `tls.TLSSocket` ignores that option for sockets that it wraps. The names are
 * Node's own; if one is missing the caller falls back to ordinary reads, and intake.test.ts says so.
 */
function readInto(socket: Duplex, intake: Intake): boolean {
  const own = new Map(Object.getOwnPropertySymbols(socket).map((symbol) => [symbol.description, symbol]));
  const [buffer, generate, callback] = ['kBuffer', 'kBufferGen', 'kBufferCb'].map((name) => own.get(name));
  const handle: unknown = Reflect.get(socket, '_handle');
  if (buffer === undefined || generate === undefined || callback === undefined || typeof handle !== 'object' || handle === null)
    return false;
  const useUserBuffer: unknown = Reflect.get(handle, 'useUserBuffer');
  if (typeof useUserBuffer !== 'function') return false;
  Reflect.set(socket, buffer, intake.buffer());
  Reflect.set(socket, generate, intake.buffer);
  Reflect.set(socket, callback, intake.read);
  Reflect.apply(useUserBuffer, handle, [intake.buffer()]);
  return true;
}

/** What had arrived before. */
function drainBuffered(socket: Duplex, feed: Feed): void {
  for (let bytes: unknown = socket.read(); Buffer.isBuffer(bytes); bytes = socket.read()) feed(bytes);
}
