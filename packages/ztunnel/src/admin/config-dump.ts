// Assembles the `/config_dump` document, in the shape that `istioctl ztunnel-config` and `ambientctl` read.
// The mesh's own part comes from model/config-dump, the certificates from identity/certificate-book; pods are shaped here, the rest is passed in.
// Never sees a private key.
import type { OpenConnection } from '../connections.ts';

/** One pod that the CNI agent announced. */
export interface PodState {
  readonly uid: string;
  readonly state: 'Pending' | 'Up';
  readonly info: { readonly name: string; readonly namespace: string; readonly serviceAccount: string };
  readonly connections?: { readonly inbound: readonly OpenConnection[]; readonly outbound: readonly OpenConnection[] } | undefined;
}

export interface DumpPorts {
  /** `workloads`, `services`, `policies`, `stagedServices` as they are to be shown. */
  readonly mesh: () => object;
  /** Sorted by identity: `{identity, state, certChain, rootCerts}`. */
  readonly certificates: () => readonly object[];
  /** Undefined in dedicated mode, which has no pods. */
  readonly pods: (() => Promise<readonly PodState[]>) | undefined;
  /** The local file's `{workloads, policies, services}`; undefined without one. */
  readonly staticConfig: unknown;
  readonly version: object;
  /** The effective configuration as it is to be shown. */
  readonly config: Readonly<Record<string, unknown>>;
}

export async function configDump(ports: DumpPorts): Promise<string> {
  const pods = await ports.pods?.();
  const dump = {
    ...ports.mesh(),
    certificates: ports.certificates(),
    config: ports.config,
    staticConfig: ports.staticConfig,
    version: ports.version,
    workloadState: pods && Object.fromEntries(pods.map(({ uid, state, info, connections }) => [uid, { state, connections, info }])),
  };
  return `${JSON.stringify(dump, sortedKeys, 2)}\n`;
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
