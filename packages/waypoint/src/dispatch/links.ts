// The open HTTP connections to one endpoint: idle ones are used again, HTTP/2 ones are shared, new ones are opened when none is free.
// Owned by endpoint.ts. What a connection runs over, and whom it must reach, is the dial port's affair (dial.ts).
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import type { ClientConnection, ClientConnectionEvents } from '@ambient-mesh/wire/http/exchange';

export type HttpVersion = 'http1' | 'h2';

export interface LinkPorts {
  /** A new connection. Rejects with why there is none, or the signal's reason. */
  readonly open: (version: HttpVersion, events: ClientConnectionEvents, signal: AbortSignal) => Promise<ClientConnection>;
  /** Whether the destination's limit leaves room for another connection. */
  readonly mayOpen: () => boolean;
  readonly clock: Clock;
}

export interface LinkLimits {
  /** How long an idle connection is kept. */
  readonly idle: Ms;
  /** Requests after which a connection is closed; 0: no limit. */
  readonly requestsPerConnection: number;
}

/** A connection that can be sent on, and whether it has served before: a server may have closed such a one without our knowing yet. */
export interface Link {
  readonly held: object;
  readonly connection: ClientConnection;
  readonly reused: boolean;
}

class Held {
  connection: ClientConnection | undefined;
  readonly version: HttpVersion;
  served = 0;
  /** On the monotonic clock; of a connection in use, when it last was idle. */
  idleSince: Ms = ms(0);
  /** Set going by the first idle time and left alone after: to set it anew for each request would cost more than the rest of this file. */
  timer: Disposable | undefined;

  constructor(version: HttpVersion) {
    this.version = version;
  }
}

export class Links {
  readonly #ports: LinkPorts;
  readonly #limits: LinkLimits;
  readonly #all = new Set<Held>();
  /** HTTP/1.1: last in, first out, so that those not needed grow old. */
  readonly #idle: Held[] = [];
  #opening: Promise<Held> | undefined;
  /** Those who wait because no more connections may be opened, in order. */
  readonly #waiting = new Set<() => void>();
  #closed = false;

  constructor(ports: LinkPorts, limits: LinkLimits) {
    this.#ports = ports;
    this.#limits = limits;
  }

  /** Connections, those being opened included. */
  get size(): number {
    return this.#all.size;
  }

  /** One that is open and free; undefined: open one. */
  take(version: HttpVersion): Link | undefined {
    const held = version === 'h2' ? this.#sharable() : this.#takeIdle();
    return held && this.#use(held);
  }

  /** @throws what the port throws, or the signal's reason. */
  async open(version: HttpVersion, signal: AbortSignal): Promise<Link> {
    for (;;) {
      const free = this.take(version);
      if (free !== undefined) return free;
      if (this.#opening === undefined && this.#has(version) && !this.#ports.mayOpen()) await this.#room(signal);
      else if (version === 'http1' || this.#closed) return this.#use(await this.#dial(version, signal));
      else {
        // Several requests share the dial; whoever gives up leaves it to the others.
        this.#opening ??= this.#dial(version, new AbortController().signal).finally(() => {
          this.#opening = undefined;
          this.#wake(this.#waiting.size);
        });
        const { connection } = await withSignal(this.#opening, signal);
        // Nobody shares it any more: each of those who wait opens their own.
        if (this.#closed) connection?.shutdown();
      }
    }
  }

  /** Without any connection one may be opened whatever the limit: nothing that is open could ever serve those who wait here. */
  #has(version: HttpVersion): boolean {
    for (const held of this.#all) if (held.version === version) return true;
    return false;
  }

  /** Until a connection has become free or has gone. */
  #room(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    // Who has left must not be woken in another's place.
    return withSignal(promise, signal).finally(() => this.#waiting.delete(resolve));
  }

  /** As many as may find something. */
  #wake(most: number): void {
    for (const resolve of [...this.#waiting].slice(0, most)) {
      this.#waiting.delete(resolve);
      resolve();
    }
  }

  /** It was not needed after all. */
  giveBack({ held }: Link): void {
    if (held instanceof Held) this.#changed(held);
  }

  /** Connections close when their requests have ended; whoever waits for one still gets it, and alone. */
  close(): void {
    this.#closed = true;
    for (const held of this.#all) held.connection?.shutdown();
  }

  destroy(): void {
    this.#closed = true;
    for (const held of this.#all) held.connection?.destroy();
  }

  #use(held: Held): Link {
    const reused = held.served > 0;
    held.served += 1;
    const { connection } = held;
    if (connection === undefined) throw new TypeError('a connection that is not open');
    return { held, connection, reused };
  }

  #takeIdle(): Held | undefined {
    for (;;) {
      const held = this.#idle.pop();
      if (held === undefined || held.connection?.free) return held;
    }
  }

  #sharable(): Held | undefined {
    for (const held of this.#all) if (held.version === 'h2' && held.connection?.free && !this.#isSpent(held)) return held;
    return undefined;
  }

  async #dial(version: HttpVersion, signal: AbortSignal): Promise<Held> {
    const held = new Held(version);
    this.#all.add(held);
    let usable = true;
    const events: ClientConnectionEvents = {
      changed: () => this.#changed(held),
      unusable: () => {
        usable = false;
        this.#drop(held);
      },
    };
    try {
      held.connection = await this.#ports.open(version, events, signal);
    } catch (e) {
      this.#drop(held);
      throw e;
    }
    if (!usable) this.#drop(held);
    return held;
  }

  #changed(held: Held): void {
    const { connection } = held;
    if (connection === undefined || !this.#all.has(held) || !connection.free) return;
    if (connection.active === 0) {
      if (this.#isSpent(held)) {
        connection.shutdown();
        return;
      }
      held.idleSince = this.#ports.clock.monotonic();
      held.timer ??= this.#closeAfter(held, connection, this.#limits.idle);
      if (held.version === 'http1') this.#idle.push(held);
    }
    this.#wake(1);
  }

  /** It takes no new requests. */
  #isSpent({ served }: Held): boolean {
    const { requestsPerConnection } = this.#limits;
    return this.#closed || (requestsPerConnection > 0 && served >= requestsPerConnection);
  }

  /** Unless it is in use then; if it was meanwhile, what is left of its time is waited for. */
  #closeAfter(held: Held, connection: ClientConnection, wait: Ms): Disposable {
    const { clock } = this.#ports;
    return clock.after(wait, () => {
      held.timer = undefined;
      if (connection.active > 0) return;
      const left = ms(held.idleSince + this.#limits.idle - clock.monotonic());
      if (left > 0) held.timer = this.#closeAfter(held, connection, left);
      else connection.shutdown();
    });
  }

  #drop(held: Held): void {
    held.timer?.[Symbol.dispose]();
    this.#all.delete(held);
    const at = this.#idle.indexOf(held);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#wake(1);
  }
}

function withSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    // In any case, so that it never rejects unheard.
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
