// A Kubernetes Service as the mesh sees it.
import type { Condition, Labels, Meta } from './meta.ts';

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  /** A number, or the name of a container's port. */
  readonly targetPort: number | string;
  readonly protocol: string;
  readonly appProtocol: string;
}

export interface KubeService {
  readonly meta: Meta;
  readonly type: string;
  /** All of them, `None` and empty ones included. */
  readonly clusterIps: readonly string[];
  /** Empty selects nothing: its endpoints are somebody else's affair. */
  readonly selector: Labels;
  readonly ports: readonly ServicePort[];
  readonly internalTrafficPolicy: string;
  readonly trafficDistribution: string;
  readonly publishNotReadyAddresses: boolean;
  readonly ipFamilies: readonly string[];
  /** Of the types that the mesh writes. */
  readonly conditions: readonly Condition[];
}
