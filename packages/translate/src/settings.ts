// What the translation needs to know that no Kubernetes object says. Given by the program.

import type { MeshSettings } from '@ambient-mesh/model/l7/settings';

/** What waypoints are told of the mesh, beside what is a setting of its own below; a provider's `service` is `hostname`, or `namespace/hostname`. */
export type MeshDefaults = Omit<MeshSettings, 'rootNamespace' | 'trustDomain'>;

export interface TranslateSettings {
  /** Default `Kubernetes`. */
  readonly clusterId: string;
  /** Default `cluster.local`. */
  readonly clusterDomain: string;
  readonly trustDomain: string;
  /** Where the control plane runs: its namespace's label names the network. */
  readonly systemNamespace: string;
  /** Policies here reach every namespace. */
  readonly rootNamespace: string;
  /** Configuration labelled with another `istio.io/rev` is somebody else's. Empty takes all. */
  readonly revision: string;
  /** Services select WorkloadEntries too. Default true. */
  readonly servicesSelectEntries: boolean;
  /** ServiceEntries select pods too. Default true. */
  readonly entriesSelectPods: boolean;
  /** Every waypoint is allowed by a policy of ours. Default false. */
  readonly allowWaypoints: boolean;
  /** Policies marked for a dry run are sent. Default false. */
  readonly dryRun: boolean;
  /** Hosts of entries live on the addresses that the mesh gave them. Default true. */
  readonly allocateAddresses: boolean;
  readonly meshDefaults: MeshDefaults;
}
