// A waypoint as the cluster holds it: a Gateway of class istio-waypoint, its labels, and what its status says.
// Read and written by the commands beside this file; what it becomes in the cluster is the control plane's affair (facts: control-plane §5.2).
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import type { Kind } from '@ambient-mesh/kube/kind';
import { objectOf, textOf } from '@ambient-mesh/kube/raw';
import { failure } from '../../failure.ts';

export const waypointClass = 'istio-waypoint';
const revisionLabel = 'istio.io/rev';
const waypointForLabel = 'istio.io/waypoint-for';
/** Who owns the fields that we apply. */
export const manager = 'ambientctl';

export const trafficTypes = ['service', 'workload', 'all', 'none'] as const;
export type TrafficType = (typeof trafficTypes)[number];

export interface WaypointGateway {
  readonly namespace: string;
  readonly name: string;
  readonly className: string;
  /** `default` when it names none. */
  readonly revision: string;
  /** As its label says, even if that is nonsense. */
  readonly trafficType: string;
  /** The condition `Programmed`; undefined before anybody has looked at it. */
  readonly programmed: Programmed | undefined;
}

export interface Programmed {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export const gateways: Kind<WaypointGateway> = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural: 'gateways',
  kind: 'Gateway',
  namespaced: true,
  narrow(raw) {
    const { metadata, spec, status } = objectOf(raw);
    const { namespace, name, labels } = objectOf(metadata);
    const label = objectOf(labels);
    return {
      namespace: textOf(namespace),
      name: textOf(name),
      className: textOf(objectOf(spec).gatewayClassName),
      revision: textOf(label[revisionLabel]) || 'default',
      trafficType: textOf(label[waypointForLabel]) || 'service',
      programmed: programmedOf(objectOf(status).conditions),
    };
  },
};

function programmedOf(conditions: unknown): Programmed | undefined {
  const all = Array.isArray(conditions) ? conditions.map(objectOf) : [];
  const found = all.find(({ type }) => type === 'Programmed');
  return found && { status: textOf(found.status), reason: textOf(found.reason), message: textOf(found.message) };
}

export const nameOf = ({ namespace, name }: Pick<WaypointGateway, 'namespace' | 'name'>): string => `${namespace}/${name}`;
export const isProgrammed = ({ programmed }: WaypointGateway): boolean => programmed?.status === 'True';

/** Waypoints of a namespace, or of all when it is `''`; sorted by namespace and name. */
export async function listWaypoints(client: KubeClient, namespace: string, signal: AbortSignal): Promise<readonly WaypointGateway[]> {
  const { items } = await client.list(gateways, { namespace }, { signal }).catch((e: unknown) => {
    throw statusOf(e) === 404 ? noGatewayApi(e) : e;
  });
  const key = (each: WaypointGateway): string => `${each.namespace}\n${each.name}`;
  return items.filter(({ className }) => className === waypointClass).sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

const noGatewayApi = (cause: unknown): Error =>
  failure('this cluster knows no Gateway (gateway.networking.k8s.io/v1): install the Gateway API and istiod-lite first', cause);

export interface WaypointWish {
  /** Undefined: left to whoever applies it. */
  readonly namespace: string | undefined;
  readonly name: string;
  readonly trafficType: TrafficType | undefined;
  readonly revision: string | undefined;
}

/** The object to apply, as a person would write it. */
export function gatewayOf({ namespace, name, trafficType, revision }: WaypointWish): object {
  const labels = {
    ...(revision !== undefined && { [revisionLabel]: revision }),
    ...(trafficType !== undefined && { [waypointForLabel]: trafficType }),
  };
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: {
      ...(Object.keys(labels).length > 0 && { labels }),
      name,
      ...(namespace !== undefined && { namespace }),
    },
    spec: { gatewayClassName: waypointClass, listeners: [{ name: 'mesh', port: 15_008, protocol: 'HBONE' }] },
  };
}
