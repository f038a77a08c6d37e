// Writes a message to a conduit: what is small is gathered for the rest of the turn, so that head, short body and end leave as one write.
// Used by served.ts and client.ts. Keeps account of back-pressure for the one who writes.
import type { Conduit } from '../conduit.ts';
import type { Slab } from '../read-memory.ts';

/** Pieces up to this size are gathered. */
const joinUpTo = 2 * 1024;
const gatherUpTo = 16 * 1024;

export class Output {
  readonly #conduit: Conduit;
  /** Octets as characters: joining strings costs nothing until they are written. */
  #text = '';
  #planned = false;
  #full = false;
  #toldFull = false;
  readonly #flushPlanned = (): void => {
    this.#planned = false;
    this.flush();
  };

  constructor(conduit: Conduit) {
    this.#conduit = conduit;
  }

  /** Latin-1. */
  text(text: string): void {
    this.#text += text;
    if (this.#text.length > gatherUpTo) this.flush();
    else if (!this.#planned) {
      this.#planned = true;
      queueMicrotask(this.#flushPlanned);
    }
  }

  /** Takes the bytes. False: stop until `drained` is true. */
  bytes(bytes: Buffer, slab?: Slab): boolean {
    if (bytes.length <= joinUpTo) {
      this.text(bytes.toString('latin1'));
      slab?.release();
    } else {
      this.flush();
      if (!this.#conduit.write(bytes, slab)) this.#full = true;
    }
    this.#toldFull ||= this.#full;
    return !this.#full;
  }

  chunk(bytes: Buffer, slab?: Slab): boolean {
    this.text(`${bytes.length.toString(16)}\r\n`);
    const room = this.bytes(bytes, slab);
    this.text('\r\n');
    return room;
  }

  /** The conduit has room again. True: somebody was told to stop. */
  drained(): boolean {
    const told = this.#toldFull;
    this.#full = false;
    this.#toldFull = false;
    return told;
  }

  flush(): void {
    if (this.#text === '') return;
    const bytes = Buffer.from(this.#text, 'latin1');
    this.#text = '';
    if (!this.#conduit.write(bytes)) this.#full = true;
  }
}
