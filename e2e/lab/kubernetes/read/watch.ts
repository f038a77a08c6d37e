// One watch: a cursor over the store's events, seen through a selection. Slow clients fall behind in the log, not in our memory;
// one that falls behind further than the log reaches is told 410, as in the real API.
// Writes lines to a port; HTTP and the form of objects are serve/'s affair.
import type { KubeObject } from '../patch/json.ts';
import { expired, type StatusError } from '../status-error.ts';
import type { EventType, StoreEvent } from '../store/event-log.ts';
import type { KubeStore } from '../store/kube-store.ts';
import { Stored } from '../store/stored.ts';
import type { Selection } from './selection.ts';

export interface WatchPort {
  /** @returns false when the client is behind: nothing more until `resume`. */
  write(type: EventType, object: Stored): boolean;
  /** A point up to which the client has seen everything. */
  bookmark(revision: number, endOfInitialEvents: boolean): void;
  /** The last thing that the client hears. */
  fail(error: StatusError): void;
}

export interface WatchStart {
  readonly resource: string;
  readonly selection: Selection;
  /** Undefined or 0: begin with everything there is. */
  readonly revision: number | undefined;
  /** Say where the initial events end (`sendInitialEvents`). */
  readonly markInitialEnd: boolean;
}

interface Line {
  readonly type: EventType;
  readonly object: Stored;
}

export class Watch implements Disposable {
  readonly #store: KubeStore;
  readonly #start: WatchStart;
  readonly #port: WatchPort;
  #subscription: Disposable | undefined;
  /** Lines not written yet; everything up to #position is in here or written. */
  #backlog: readonly Line[] = [];
  #written = 0;
  #position: number;
  #blocked = false;
  #initialEnd: boolean;

  constructor(store: KubeStore, start: WatchStart, port: WatchPort) {
    this.#store = store;
    this.#start = start;
    this.#port = port;
    this.#position = start.revision ?? 0;
    this.#initialEnd = start.markInitialEnd;
  }

  begin(): void {
    const { resource, selection } = this.#start;
    if (this.#position === 0) {
      const all = this.#store.list(resource).filter(({ object }) => selection.matches(object));
      this.#backlog = all.map((object) => ({ type: 'ADDED', object }));
      this.#position = this.#store.revision;
    }
    this.#subscription = this.#store.onEvent((event) => this.#onEvent(event));
    this.#pump();
  }

  /** The client takes more. */
  resume(): void {
    this.#blocked = false;
    this.#pump();
  }

  /** Tells the client how far it is, if it is up to date. */
  bookmark(): void {
    if (!this.#blocked && this.#isDrained) this.#port.bookmark(Math.max(this.#position, this.#store.revision), false);
  }

  get #isDrained(): boolean {
    return this.#written >= this.#backlog.length;
  }

  #onEvent(event: StoreEvent): void {
    // Whoever is behind finds the event in the log later.
    if (this.#blocked || !this.#isDrained || event.revision <= this.#position) return;
    this.#position = event.revision;
    const line = this.#see(event);
    if (line !== undefined) this.#blocked = !this.#port.write(line.type, line.object);
  }

  #pump(): void {
    while (!this.#blocked) {
      const line = this.#backlog[this.#written];
      if (line !== undefined) {
        this.#written++;
        this.#blocked = !this.#port.write(line.type, line.object);
        continue;
      }
      if (this.#initialEnd) {
        this.#initialEnd = false;
        this.#port.bookmark(this.#position, true);
      }
      if (this.#position >= this.#store.revision) return;
      const missed = this.#store.eventsAfter(this.#position);
      if (missed === undefined) {
        this.#tooOld();
        return;
      }
      this.#backlog = missed.flatMap((event) => this.#see(event) ?? []);
      this.#written = 0;
      this.#position = this.#store.revision;
    }
  }

  #tooOld(): void {
    this[Symbol.dispose]();
    this.#port.fail(expired(`too old resource version: ${this.#position} (${this.#store.oldestWatchable})`));
  }

  /** An object that begins or ceases to match comes or goes for this client. */
  #see({ resource, type, after, before }: StoreEvent): Line | undefined {
    if (resource !== this.#start.resource) return undefined;
    const { matches } = this.#start.selection;
    const did = before !== undefined && matches(before.object);
    if (type === 'DELETED') return did ? { type, object: after } : undefined;
    if (matches(after.object)) return { type: did ? 'MODIFIED' : 'ADDED', object: after };
    return did ? { type: 'DELETED', object: new Stored(after.key, after.revision, before.object as KubeObject) } : undefined;
  }

  [Symbol.dispose](): void {
    this.#subscription?.[Symbol.dispose]();
    this.#subscription = undefined;
  }
}
