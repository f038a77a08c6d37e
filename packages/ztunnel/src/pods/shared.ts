// What all pods of one data thread share. Built by dataplane/engine.ts; read by pods/, outbound/ and inbound/.
import type { RevocationSet } from '@ambient-mesh/identity/revocation';
import type { TlsPolicy } from '@ambient-mesh/identity/tls-context';
import type { Mesh } from '@ambient-mesh/model/mesh';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Log } from '@ambient-mesh/runtime/log';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { H2Settings } from '@ambient-mesh/wire/h2/settings';
import type { ReadMemory } from '@ambient-mesh/wire/read-memory';
import type { TlsAcceptor } from '@ambient-mesh/wire/tls/server';
import type { Config } from '../config.ts';
import type { CredentialCache } from '../credential-cache.ts';
import type { OnDemandNames } from '../dns/on-demand.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { LocalWorkloads } from './local-workloads.ts';
import type { PodProxy } from './pod-proxy.ts';

export interface Shared {
  readonly config: Config;
  readonly mesh: Mesh;
  readonly clock: Clock;
  /** 0 <= x < 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly local: LocalWorkloads;
  readonly credentials: CredentialCache;
  readonly names: OnDemandNames;
  /** Read buffers of this thread. */
  readonly memory: ReadMemory;
  /** Asks the control plane for an address; never called unless on-demand xDS is on. */
  readonly demand: (key: string) => Promise<void>;
  readonly acceptor: TlsAcceptor;
  /** For both ends of tunnels. */
  readonly tls: TlsPolicy;
  readonly windows: Pick<H2Settings, 'streamWindowBytes' | 'connectionWindowBytes' | 'frameBytes'>;
  /** Ports of the tunnel itself. */
  readonly illegal: ReadonlySet<number>;
  /** The pod of this process that is this workload. */
  readonly podOf: (workload: Workload) => PodProxy | undefined;
  /** The certificates that are revoked now. */
  readonly revocations: () => RevocationSet;
}
