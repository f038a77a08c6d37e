// The last events of the store, oldest first: what watches resume from and what lists of the past are undone with.
// Bounded: whoever asks for more than it reaches back is told so, which becomes 410 Gone.
import type { Stored } from './stored.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface StoreEvent {
  readonly revision: number;
  readonly type: EventType;
  /** `deployments.apps` */
  readonly resource: string;
  /** The new state; of a DELETED object its last one, with the resourceVersion of the deletion. */
  readonly after: Stored;
  /** Absent when ADDED. */
  readonly before?: Stored;
}

export class EventLog {
  /** Events with consecutive revisions; the first has revision #firstRevision. */
  #events: StoreEvent[] = [];
  #firstRevision: number;
  readonly #limit: number;

  constructor(firstRevision: number, limit: number) {
    this.#firstRevision = firstRevision;
    this.#limit = limit;
  }

  append(event: StoreEvent): void {
    this.#events.push(event);
    // Cut rarely, so that the cost per event stays constant.
    if (this.#events.length >= 2 * this.#limit) this.forgetUpTo(event.revision - this.#limit);
  }

  /** Everything after `revision`; undefined when some of that is forgotten. */
  after(revision: number): readonly StoreEvent[] | undefined {
    if (revision + 1 < this.oldest) return undefined;
    return this.#events.slice(Math.max(0, revision + 1 - this.#firstRevision));
  }

  /** The first revision that is still known, or will be next. */
  get oldest(): number {
    return Math.max(this.#firstRevision, this.#firstRevision + this.#events.length - this.#limit);
  }

  forgetUpTo(revision: number): void {
    const count = Math.min(Math.max(0, revision + 1 - this.#firstRevision), this.#events.length);
    this.#events = this.#events.slice(count);
    this.#firstRevision += count;
  }
}
