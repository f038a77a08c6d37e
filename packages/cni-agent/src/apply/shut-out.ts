// Strict enrolment: the traffic of pods that should be in the mesh and are not is dropped on the node until they are.
// Told by outsiders.ts whom it concerns. What an earlier agent has shut stays shut until this one knows better.
import { closePods } from '@ambient-mesh/host/closed-pods';
import type { Netns } from '@ambient-mesh/host/netns';
import type { Ip } from '@ambient-mesh/model/address';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';

export interface ShutOutOptions {
  readonly host: Netns;
  /** False: nobody is shut out. */
  readonly strict: boolean;
  readonly failed: (why: unknown) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A pod that stays shut because a write failed is cut off, one that stays open is what strict mode is against. */
const triesAgainAfter = ms(2_000);

export interface ShutOutFault {
  readonly code: 'shut-out.failed';
}

/** One change after the other; the last wish counts. */
export class ShutOut {
  readonly #options: ShutOutOptions;
  #wish: readonly Ip[] = [];
  #working: Promise<void> | undefined;
  #isAwaitingRetry = false;

  constructor(options: ShutOutOptions) {
    this.#options = options;
  }

  /** Exactly these addresses from now on. */
  set(ips: readonly Ip[]): void {
    this.#wish = this.#options.strict ? ips : [];
    this.#working ??= this.#work();
  }

  /** Everything that was wished for is done, or has failed and will be tried again. */
  async settled(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    const { host, failed, signal } = this.#options;
    for (let done: readonly Ip[] | undefined; done !== this.#wish && !signal.aborted; ) {
      done = this.#wish;
      await closePods(host, done, signal).catch((e: unknown) => {
        failed(new MeshError<ShutOutFault>({ code: 'shut-out.failed' }, 'pods outside the mesh cannot be shut out', e));
        void this.#retry();
      });
    }
    this.#working = undefined;
  }

  /** Never rejects. */
  async #retry(): Promise<void> {
    const { clock, signal } = this.#options;
    if (this.#isAwaitingRetry) return;
    this.#isAwaitingRetry = true;
    await clock.sleep(triesAgainAfter, signal).catch(() => {});
    this.#isAwaitingRetry = false;
    if (!signal.aborted) this.#working ??= this.#work();
  }
}
