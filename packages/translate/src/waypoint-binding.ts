// Which waypoint an object's traffic goes through, or why none although it asked for one (facts: control-plane §3.8, rules 1 to 7). Pure.
// Called for services and for workloads; what the status says of it is in binding-conditions.ts.
import type { Service } from '@ambient-mesh/model/service';
import type { Labels, Meta } from './kinds/meta.ts';
import type { KubeNamespace } from './kinds/place.ts';
import { allows, type Binding, type BindingError, type BindingReason, type Waypoint } from './waypoint.ts';

/** Whoever asks for a waypoint. An `Endpoint` is written inside a ServiceEntry: its labels are its own, its namespace the entry's. */
export interface Subject {
  readonly kind: 'Service' | 'ServiceEntry' | 'WorkloadEntry' | 'Pod' | 'Endpoint';
  readonly meta: Pick<Meta, 'namespace' | 'labels' | 'annotations'>;
  /** Default `Public`. */
  readonly visibility?: Service['visibility'];
}

export type BoundTraffic = 'service' | 'workload';

/** By `namespace/name`; also how the caller learns what was looked at, found or not. */
export type FindWaypoint = (name: string) => Waypoint | undefined;

interface Request {
  readonly subject: Subject;
  readonly namespace: KubeNamespace | undefined;
  readonly traffic: BoundTraffic;
  readonly find: FindWaypoint;
}

const useWaypoint = 'istio.io/use-waypoint';
const useCanary = 'istio.io/use-waypoint-canary';
const canaryWeight = 'istio.io/use-waypoint-canary-weight';
/** Services in front of waypoints and east-west gateways themselves. */
const managedGateways: ReadonlySet<string | undefined> = new Set(['istio.io-mesh-controller', 'istio.io-eastwest-controller']);

export const isManagedGateway = (labels: Labels): boolean => managedGateways.has(labels['gateway.istio.io/managed']);

const unbound: Binding = {};

/** The object's own label decides before its namespace's; one that leads nowhere is an error, never a reason to fall back. */
export function bindingOf(subject: Subject, namespace: KubeNamespace | undefined, traffic: BoundTraffic, find: FindWaypoint): Binding {
  const { meta } = subject;
  if (traffic === 'service' && isManagedGateway(meta.labels)) return unbound;
  const asking = meta.labels[useWaypoint] === undefined ? namespace?.meta : meta;
  const wanted = asking && target(asking.labels, useWaypoint, meta.namespace);
  if (!asking || wanted === undefined) return unbound;
  const request: Request = { subject, namespace, traffic, find };
  const waypoint = attach(request, wanted);
  if ('reason' in waypoint) {
    // A namespace's waypoint for services alone is no mistake of the pods that live in it.
    const inherited = traffic === 'workload' && asking !== meta && waypoint.reason === 'UnsupportedTrafficType';
    return inherited ? unbound : { error: waypoint };
  }
  return traffic === 'service' ? { waypoint, ...canaryOf(request, wanted) } : { waypoint };
}

/**
 * An object with a waypoint of its own has no canary but its own. Where the waypoint is the namespace's, the object may still say
 * another canary, or another weight, than its namespace. Whatever is wrong with the canary, the waypoint stays.
 */
function canaryOf(request: Request, primary: string): Pick<Binding, 'canary' | 'canaryError'> {
  const { subject, namespace } = request;
  const own = subject.meta;
  const inherited = own.labels[useWaypoint] === undefined ? namespace?.meta : undefined;
  const labels = own.labels[useCanary] === undefined ? inherited?.labels : own.labels;
  const wanted = labels?.[useCanary] && target(labels, useCanary, own.namespace);
  if (!wanted) return {};
  if (wanted === primary) return { canaryError: refusal('CanarySameAsPrimary', `canary waypoint "${wanted}" is the waypoint itself`) };
  const said = own.annotations[canaryWeight] ?? inherited?.annotations[canaryWeight] ?? '0';
  const weight = weightOf(said);
  if (weight === undefined) {
    const message = `${canaryWeight} must be a whole number from 0 to 100, not ${JSON.stringify(said.slice(0, 40))}`;
    return { canaryError: refusal('CanaryInvalidWeight', message) };
  }
  const waypoint = attach(request, wanted);
  return 'reason' in waypoint ? { canaryError: waypoint } : { canary: { waypoint, weight } };
}

/** Per cent; undefined unless the text is a whole number from 0 to 100. */
export function weightOf(text: string): number | undefined {
  return /^\+?\d+$/.test(text) && Number(text) <= 100 ? Number(text) : undefined;
}

/** `namespace/name`; undefined when nothing is asked for, or explicitly `none`. */
function target(labels: Labels, label: string, ownNamespace: string): string | undefined {
  const name = labels[label];
  if (name === undefined || name === 'none') return undefined;
  return `${labels[`${label}-namespace`] || ownNamespace}/${name}`;
}

function attach({ subject, namespace, traffic, find }: Request, wanted: string): Waypoint | BindingError {
  const waypoint = find(wanted);
  const own = subject.meta.namespace;
  if (!waypoint) return refusal('WaypointIsNotReady', `waypoint "${wanted}" is not ready`);
  if (!allows(waypoint, namespace, own)) {
    const message = `waypoint "${wanted}" does not admit namespace "${own}": allowedRoutes of its listener may permit that`;
    return refusal('AttachmentDenied', message);
  }
  if (waypoint.trafficType !== traffic && waypoint.trafficType !== 'all') {
    const message = `waypoint "${wanted}" does not take ${traffic} traffic: its istio.io/waypoint-for means "${waypoint.trafficType}"`;
    return refusal('UnsupportedTrafficType', message);
  }
  if (subject.visibility === 'Namespace' && waypoint.namespace !== own) {
    const message = `waypoint "${wanted}" is in another namespace, and this ${subject.kind} is visible only in its own`;
    return refusal('CrossNamespaceWaypointForbidden', message);
  }
  return waypoint;
}

const refusal = (reason: BindingReason, message: string): BindingError => ({ reason, message });
