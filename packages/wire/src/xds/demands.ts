// Who waits for which on-demand name. Several may wait for one name; all are released together.
// Used by client.ts; names that are waited for are also what is asked again after a reconnect.
import { MeshError } from '@ambient-mesh/runtime/errors';

export type DemandFault = { readonly code: 'xds.demand-overflow' };

/** Names are made of what pods dial: a pod that scans the network must not fill our memory while the control plane is away. */
const limit = 10_000;

export class Demands {
  readonly #waiting = new Map<string, Set<() => void>>();

  get names(): Iterable<string> {
    return this.#waiting.keys();
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves when the name is answered, by a resource or by its absence; rejects with the signal's reason, or when 10,000 names are waited for. */
  wait(name: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      let waiters = this.#waiting.get(name);
      if (waiters === undefined) {
        if (this.#waiting.size >= limit) return reject(overflow());
        waiters = new Set();
        this.#waiting.set(name, waiters);
      }
      const group = waiters;
      const release = (): void => {
        signal.removeEventListener('abort', stop);
        resolve();
      };
      const stop = (): void => {
        group.delete(release);
        if (group.size === 0 && this.#waiting.get(name) === group) this.#waiting.delete(name);
        reject(signal.reason);
      };
      group.add(release);
      signal.addEventListener('abort', stop, { once: true });
    });
  }

  isWanted(name: string): boolean {
    return this.#waiting.has(name);
  }

  answer(name: string): void {
    const waiters = this.#waiting.get(name);
    if (waiters === undefined) return;
    this.#waiting.delete(name);
    for (const release of waiters) release();
  }
}

function overflow(): MeshError<DemandFault> {
  return new MeshError<DemandFault>({ code: 'xds.demand-overflow' }, `${limit} names are already waited for`);
}
