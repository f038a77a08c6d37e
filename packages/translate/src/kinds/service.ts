// A Kubernetes Service as the mesh sees it.
import type { Condition, Labels, Meta } from './meta.ts';
import { conditions, flag, items, labels, metaOf, raw, text, texts, whole } from './read.ts';

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

export const serviceKind = {
  group: '',
  version: 'v1',
  plural: 'services',
  kind: 'Service',
  namespaced: true,
  narrow(object: unknown): KubeService | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const { spec: rawSpec, status } = raw(object);
    const spec = raw(rawSpec);
    const ips = texts(spec.clusterIPs);
    return {
      meta,
      type: text(spec.type),
      clusterIps: ips.length > 0 ? ips : texts([spec.clusterIP]),
      selector: labels(spec.selector),
      ports: items(spec.ports).map(portOf),
      internalTrafficPolicy: text(spec.internalTrafficPolicy),
      trafficDistribution: text(spec.trafficDistribution),
      publishNotReadyAddresses: flag(spec.publishNotReadyAddresses),
      ipFamilies: texts(spec.ipFamilies),
      conditions: conditions(status, ['istio.io/WaypointBound', 'ambient-mesh.dev/WaypointRequired']),
    };
  },
} as const;

function portOf(value: unknown): ServicePort {
  const { name, port, targetPort, protocol, appProtocol } = raw(value);
  return {
    name: text(name),
    port: whole(port),
    targetPort: text(targetPort) || whole(targetPort) || whole(port),
    protocol: text(protocol) || 'TCP',
    appProtocol: text(appProtocol),
  };
}
