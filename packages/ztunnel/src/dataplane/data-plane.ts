// The port between control (main thread) and data (worker threads): everything that crosses it is plain data.
// Implemented by in-process.ts (tests, ZTUNNEL_IN_PROCESS) and workers.ts; both pass data-plane.compliance.ts.
// What the commands do is in engine.ts.
import type { Credentials } from '@ambient-mesh/identity/credentials';
import type { MeshDelta } from '@ambient-mesh/model/delta';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Snapshot } from '@ambient-mesh/runtime/metrics';
import type { OpenConnection } from '../connections.ts';
import type { WorkloadInfo } from '../pods/workload-info.ts';
import type { DataThread } from '../telemetry/process-metrics.ts';

/** The Kubernetes UID of a pod, as the CNI agent announces it; `""` in dedicated mode, `self` for the node proxy's own listener. */
export type PodUid = string;

export type DataPlaneCommand =
  /** A change of the mesh; every thread keeps a copy of its own. */
  | { readonly do: 'mesh'; readonly delta: MeshDelta }
  /** Opens every listener of a pod; fails when one of them cannot be opened, and leaves none behind. */
  | {
      readonly do: 'enrol';
      readonly pod: PodUid;
      readonly info: WorkloadInfo;
      readonly netnsFd: number | undefined;
      readonly role: 'pod' | 'self';
    }
  /** Closes the pod's listeners and cuts its connections at once. */
  | { readonly do: 'remove'; readonly pod: PodUid }
  /** Starts accepting: pods enrolled so far and from now on. Until then connections wait in the kernel's queue. */
  | { readonly do: 'serve' }
  /** Listeners close now; answers when the last open connection has ended, at the drain deadline at the latest. */
  | { readonly do: 'drain' }
  /** A certificate was renewed: new handshakes use it. */
  | { readonly do: 'credentials'; readonly credentials: Credentials }
  | { readonly do: 'forget-identity'; readonly uri: string }
  | { readonly do: 'log-level'; readonly directives: string };

export interface PodConnections {
  readonly pod: PodUid;
  readonly inbound: readonly OpenConnection[];
  readonly outbound: readonly OpenConnection[];
}

export interface DataPlane extends AsyncDisposable {
  /** Carried out in order; settles when every thread has carried it out, and rejects when one could not. */
  send(command: DataPlaneCommand): Promise<void>;
  /** For metrics about the threads themselves. */
  readonly threads: readonly DataThread[];
  /** One snapshot per thread, always in the same order. */
  metrics(): Promise<readonly Snapshot[]>;
  /** Open connections of all threads, grouped by pod. */
  connections(): Promise<readonly PodConnections[]>;
}

/** What data asks of control. */
export interface DataPlanePorts {
  /** The current certificate of an identity of this node; waits for the first one. */
  readonly credentialsFor: (id: SpiffeId) => Promise<Credentials>;
  /** Asks the control plane for an address (on-demand mode); settles when it answered, whatever it answered. */
  readonly demand: (key: string) => Promise<void>;
  /** Takes a log line; in-process only, data threads write theirs themselves. */
  readonly log: (line: string) => void;
}
