// The bounds of one pod's DNS server, and the count of its queries in progress, shared by all its sockets.
// Asked by serve.ts (UDP) and tcp-client.ts (TCP); proxy.ts gives the answers.
// A bound that is reached costs the pod its own queries, never another pod's.
import type { Transport } from './message.ts';

/** Answers one message; `undefined` stays silent. Never rejects. */
export type Answer = (message: Buffer, transport: Transport, signal: AbortSignal) => Promise<Buffer | undefined>;

export const limits = {
  /** Queries of one pod in progress at once. */
  queries: 1_024,
  /** TCP connections of one pod. */
  connections: 128,
  /** A longer query is not one. */
  messageBytes: 4_096,
} as const;

/** The bound on queries in progress, shared by all sockets of a pod. */
export class PendingQueries {
  readonly #answer: Answer;
  readonly #forced: AbortSignal;
  #count = 0;
  #asked = 0;
  #idle: (() => void) | undefined;

  constructor(answer: Answer, forced: AbortSignal) {
    this.#answer = answer;
    this.#forced = forced;
  }

  /** Queries so far, those included that were too many. */
  get asked(): number {
    return this.#asked;
  }

  /** Calls `reply` with the answer, or with `undefined` when there is none or too many are in progress. It is in progress until `reply` says that it was sent. */
  ask(message: Buffer, transport: Transport, reply: (answer: Buffer | undefined, sent: () => void) => void): void {
    this.#asked += 1;
    if (this.#count >= limits.queries) {
      reply(undefined, () => {});
      return;
    }
    this.#count += 1;
    let open = true;
    const sent = (): void => {
      if (!open) return;
      open = false;
      this.#count -= 1;
      if (this.#count > 0) return;
      const idle = this.#idle;
      this.#idle = undefined;
      idle?.();
    };
    const done = (answer?: Buffer): void => reply(answer, sent);
    // A reply that throws (an address that cannot be sent to, say) must neither end the process nor hold its place.
    this.#answer(message, transport, this.#forced)
      .then(done, () => done())
      .catch(sent);
  }

  /** Calls `f` once as soon as no query is in progress. */
  whenIdle(f: () => void): void {
    if (this.#count === 0) f();
    else this.#idle = f;
  }
}
