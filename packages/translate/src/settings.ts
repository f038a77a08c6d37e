// What the translation needs to know that no Kubernetes object says. Given by the program.

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
}
