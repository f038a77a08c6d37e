// Waits for a pod of this node to be known to the mesh: the CNI agent may announce it a moment before the control plane describes it.
// Asked once per connection, so the answer that is there already costs one look-up; the engine calls `changed` after every delta.
import type { Mesh } from '@ambient-mesh/model/mesh';
import type { Workload } from '@ambient-mesh/model/workload';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { WorkloadInfo } from './workload-info.ts';

const longestWait = ms(5_000);

interface Waiter {
  readonly info: WorkloadInfo;
  readonly settle: (workload: Workload | undefined) => void;
}

export class LocalWorkloads {
  readonly #mesh: Mesh;
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();

  constructor(mesh: Mesh, clock: Clock) {
    this.#mesh = mesh;
    this.#clock = clock;
  }

  /** The pod's workload as it is now, if it is known. */
  known(info: WorkloadInfo): Workload | undefined {
    return this.#mesh.localWorkload(info);
  }

  /** Waits up to 5 s for the pod to become known; undefined if it does not. */
  find(info: WorkloadInfo): Workload | Promise<Workload | undefined> {
    return this.known(info) ?? this.#wait(info);
  }

  /** The mesh changed: whoever waits is asked again. */
  changed(): void {
    for (const waiter of [...this.#waiters]) {
      const workload = this.known(waiter.info);
      if (workload !== undefined) waiter.settle(workload);
    }
  }

  #wait(info: WorkloadInfo): Promise<Workload | undefined> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(longestWait, () => waiter.settle(undefined));
      const waiter: Waiter = {
        info,
        settle: (workload) => {
          timer[Symbol.dispose]();
          this.#waiters.delete(waiter);
          resolve(workload);
        },
      };
      this.#waiters.add(waiter);
    });
  }
}
