// A conduit whose first bytes have been looked at: reads them, says what they are, and goes on as a conduit with nothing lost.
// Used by serve.ts for ports of undeclared protocol, and for TLS, whose ClientHello names the server.
import type { Clock, Ms } from '@ambient-mesh/runtime/time';
import type { Closed, Conduit, Receiver } from '@ambient-mesh/wire/conduit';
import type { Slab } from '@ambient-mesh/wire/read-memory';

/** More than this is not waited for. */
const mostBytes = 16 * 1024;

export class EarlyBytes implements Conduit {
  readonly #conduit: Conduit;
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  #ended = false;
  #over: Closed | undefined;
  #receiver: Receiver | undefined;
  #paused = false;
  #changed: (() => void) | undefined;

  constructor(conduit: Conduit) {
    this.#conduit = conduit;
    conduit.receive({
      data: (bytes, slab) => this.#data(bytes, slab),
      end: () => {
        this.#ended = true;
        this.#deliver();
      },
      drained: () => this.#receiver?.drained(),
      closed: (how) => {
        this.#over = how;
        this.#deliver();
      },
    });
  }

  /** Resolves with what `read` makes of the bytes so far; undefined after `within`, or when no more will come. One at a time. */
  look<T>(read: (bytes: Buffer) => T | undefined, clock: Clock, within: Ms): Promise<T | undefined> {
    const { promise, resolve } = Promise.withResolvers<T | undefined>();
    const finish = (value: T | undefined): void => {
      timer[Symbol.dispose]();
      this.#changed = undefined;
      resolve(value);
    };
    const timer = clock.after(within, () => finish(undefined));
    this.#changed = () => {
      const found = this.#heldBytes === 0 ? undefined : read(Buffer.concat(this.#held));
      if (found !== undefined || this.#ended || this.#over !== undefined || this.#heldBytes >= mostBytes) finish(found);
    };
    this.#changed();
    return promise;
  }

  /** The peer went before it said anything. */
  get isGone(): boolean {
    return this.#over !== undefined && this.#heldBytes === 0;
  }

  receive(receiver: Receiver): void {
    this.#receiver = receiver;
    if (this.#heldBytes > 0 || this.#ended || this.#over !== undefined) queueMicrotask(() => this.#deliver());
    else this.#conduit.resume();
  }

  pause(): void {
    this.#paused = true;
    this.#conduit.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#heldBytes > 0) this.#deliver();
    if (this.#heldBytes === 0) this.#conduit.resume();
  }

  write(bytes: Buffer, slab?: Slab): boolean {
    return this.#conduit.write(bytes, slab);
  }

  end(): void {
    this.#conduit.end();
  }

  close(): void {
    this.#conduit.close();
  }

  abort(why: 'cancel' | 'broken'): void {
    this.#receiver = undefined;
    this.#conduit.abort(why);
  }

  #data(bytes: Buffer, slab?: Slab): void {
    if (this.#receiver !== undefined && !this.#paused && this.#heldBytes === 0) {
      this.#receiver.data(bytes, slab);
      return;
    }
    this.#held.push(slab === undefined ? bytes : Buffer.from(bytes));
    this.#heldBytes += bytes.length;
    slab?.release();
    if (this.#heldBytes >= mostBytes) this.#conduit.pause();
    this.#changed?.();
  }

  #deliver(): void {
    this.#changed?.();
    const receiver = this.#receiver;
    if (receiver === undefined) return;
    while (!this.#paused) {
      const bytes = this.#held.shift();
      if (bytes === undefined) break;
      this.#heldBytes -= bytes.length;
      receiver.data(bytes);
    }
    if (this.#heldBytes > 0) return;
    if (this.#ended) {
      this.#ended = false;
      receiver.end();
    }
    if (this.#over !== undefined) {
      this.#receiver = undefined;
      receiver.closed(this.#over);
    } else if (!this.#paused) this.#conduit.resume();
  }
}
