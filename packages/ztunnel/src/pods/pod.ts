// A pod as its connections see it: what outbound/ and inbound/ may ask of it, and what all pods of one data thread share.
// Implemented by pod-proxy.ts; Shared is built by dataplane/engine.ts.

import type { Netns } from '@ambient-mesh/host/netns';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import type { RevocationSet } from '@ambient-mesh/identity/revocation';
import type { TlsPolicy } from '@ambient-mesh/identity/tls-context';
import type { Family, Ip } from '@ambient-mesh/model/address';
import type { Mesh } from '@ambient-mesh/model/mesh';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Drain } from '@ambient-mesh/runtime/drain';
import type { Log, Scope } from '@ambient-mesh/runtime/log';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { H2Settings } from '@ambient-mesh/wire/h2/settings';
import type { ServedTunnel } from '@ambient-mesh/wire/hbone/server';
import type { TunnelPool } from '@ambient-mesh/wire/hbone/tunnel-pool';
import type { ReadMemory } from '@ambient-mesh/wire/read-memory';
import type { TlsAcceptor } from '@ambient-mesh/wire/tls/server';
import type { Config } from '../config.ts';
import type { Connections } from '../connections.ts';
import type { CredentialCache } from '../credential-cache.ts';
import type { OnDemandNames } from '../dns/on-demand.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { LocalWorkloads } from './local-workloads.ts';
import type { WorkloadInfo } from './workload-info.ts';

export interface Pod {
  readonly shared: Shared;
  readonly info: WorkloadInfo;
  /** Undefined: where this process is. */
  readonly netns: Netns | undefined;
  readonly drain: Drain;
  readonly connections: Connections;
  /** Tunnels that others have opened to this pod. */
  readonly tunnels: Set<ServedTunnel>;
  /** Tunnels that this pod has opened to others. */
  readonly pool: TunnelPool;
  readonly log: Scope;
  /** What policies said about connections. */
  readonly policyLog: Scope;
  /** Whether apps here can be dialled with their clients' addresses. */
  readonly spoofsTunnels: boolean;
  readonly spoofsPlaintext: boolean;
  /** The pod's workload; waits up to 5 s for the mesh to know it. */
  self(): Workload | Promise<Workload | undefined>;
  /** Who the pod is: its trust domain as the mesh says, the rest as the CNI agent says. */
  identity(self: Workload): SpiffeId;
  /** @throws MeshError<PodFault>, or what the certificate authority's client throws. */
  credentials(): Promise<Credentials>;
  /** A socket of the pod's namespace that the capture rules leave alone; `from` is shown as its source, or throws. */
  dialSocket(family: Family, from?: Ip): number;
}

export type PodFault = { readonly code: 'pod.unknown' };

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
  /** The pod of this process that is this workload and has this address; undefined unless it is certain. */
  readonly podAt: (workload: Workload, ip: Ip) => Pod | undefined;
  /** The certificates that are revoked now. */
  readonly revocations: () => RevocationSet;
}
