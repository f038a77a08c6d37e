// One change of the mesh: what the xDS client hands on, what the main thread forwards to its workers, what a local file loads.
import type { L7Delta } from './l7/resource.ts';
import type { Policy } from './policy.ts';
import type { Service } from './service.ts';
import type { Workload } from './workload.ts';

/** Applied in order: removals, then services and workloads, then policies. Structured-cloneable, so that it can cross threads. */
export interface MeshDelta {
  readonly workloads: readonly Workload[];
  readonly services: readonly Service[];
  readonly policies: readonly Policy[];
  /** Resource names: a workload's uid or a service's `namespace/hostname` (facts: ztunnel §5.9). */
  readonly removedAddresses: readonly string[];
  readonly removedPolicies: readonly string[];
  /** Only for waypoints, who ask for it. The mesh itself takes no notice. */
  readonly l7?: L7Delta;
}
