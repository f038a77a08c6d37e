// What a waypoint is deployed from, and what its objects are called. Plain data.
// Made by plan.ts; carried out by objects.ts and pod.ts.
import type { RawObject } from '@ambient-mesh/kube/raw';
import type { Gateway } from '@ambient-mesh/translate/kinds/gateway';
import type { Overlays } from './parameters.ts';

export const managedLabel = 'gateway.istio.io/managed';
export const managedValue = 'istio.io-mesh-controller';
/** On all that is deployed for a Gateway: its name. */
export const gatewayLabel = 'gateway.networking.k8s.io/gateway-name';
export const networkLabel = 'topology.istio.io/network';

/** What is the same for all waypoints of this control plane. */
export interface DeploySettings {
  readonly clusterId: string;
  readonly clusterDomain: string;
  readonly trustDomain: string;
  /** Empty: the default one. */
  readonly revision: string;
  /** Namespace of the control plane. */
  readonly podNamespace: string;
  readonly waypointImage: string;
  /** `resources` of the container. */
  readonly waypointResources: RawObject;
}

export interface WaypointOrder {
  readonly gateway: Gateway;
  readonly settings: DeploySettings;
  /** Empty: there is but one. */
  readonly network: string;
  readonly overlays: Overlays;
}

/** Of the Deployment, the Service, and whatever belongs to them. */
export const nameOf = ({ meta }: Gateway): string => meta.annotations['gateway.istio.io/name-override'] || meta.name;
export const accountOf = (gateway: Gateway): string => gateway.meta.annotations['gateway.istio.io/service-account'] || nameOf(gateway);
