// What forwarding is asked for, and what it gives back: the far end of a connection. Types only, shared by forward.ts and tunnels.ts.
import type { SocketAddress } from '@ambient-mesh/model/address';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Conduit } from '@ambient-mesh/wire/conduit';
import type { Proof, Registered } from '../connections.ts';
import type { Told } from '../ending.ts';
import type { Bytes } from '../telemetry/access-log.ts';
import type { Plan } from './plan.ts';
import type { Reached } from './told.ts';

export interface Forward {
  readonly from: SocketAddress;
  readonly destination: SocketAddress;
  readonly source: Workload;
  readonly hop: Plan;
  /** Gives up making the connection. */
  readonly stop: AbortController;
  /** The source report's counters, which a hand-over shares. */
  readonly bytes: Bytes | undefined;
}

/** The far end of a connection. */
export interface Far extends Disposable {
  readonly conduit: Conduit;
  readonly peers: readonly Proof[];
  readonly reached?: Reached;
  /** The far side's own entry, when that side is in this process. */
  readonly open?: Registered;
  /** How the connection ended, for whom it concerns beside the source's report. */
  end?(told: Told): void;
}
