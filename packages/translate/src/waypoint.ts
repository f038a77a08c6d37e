// Waypoints: which Gateways are one, what they take, and what an object's traffic gets of them. Pure.
// Services, workloads and status all speak these types; who gets which waypoint is decided in waypoint-binding.ts (facts: control-plane §3.8).
import { parseIp } from '@ambient-mesh/model/address';
import type { GatewayAddress } from '@ambient-mesh/model/workload';
import type { Gateway, GatewayClass, GatewayListener } from './kinds/gateway.ts';
import type { KubeNamespace } from './kinds/place.ts';
import { matchesSelector } from './selector.ts';

export type TrafficType = 'service' | 'workload' | 'all' | 'none';

/** A Gateway that can be attached to: it has an address. */
export interface Waypoint {
  readonly namespace: string;
  readonly name: string;
  readonly address: GatewayAddress;
  readonly trafficType: TrafficType;
  /** Of its pods; sorted. */
  readonly serviceAccounts: readonly string[];
  /** Who may attach. */
  readonly allowed: Pick<GatewayListener, 'from' | 'selector'>;
  /** How its pods want traffic handed over. */
  readonly inboundBinding?: InboundBinding;
}

export interface InboundBinding {
  readonly protocol: 'NONE' | 'PROXY';
  /** 0 when it names none. */
  readonly port: number;
}

export type BindingReason =
  | 'WaypointIsNotReady'
  | 'AttachmentDenied'
  | 'UnsupportedTrafficType'
  | 'CanaryInvalidWeight'
  | 'CanarySameAsPrimary'
  | 'CrossNamespaceWaypointForbidden';

export interface BindingError {
  readonly reason: BindingReason;
  readonly message: string;
}

/** What an object asked for and what it gets. Nothing asked: all absent. */
export interface Binding {
  readonly waypoint?: Waypoint;
  /** Why it has no waypoint although it asked for one. */
  readonly error?: BindingError;
  readonly canary?: { readonly waypoint: Waypoint /** Per cent to the canary. */; readonly weight: number };
  readonly canaryError?: BindingError;
}

const hboneMtlsPort = 15_008;

/**
 * Undefined as long as its status has no address to send to. The class of the Gateway does not matter: whatever has an address can be attached to.
 * `podAccounts`: of the pods labelled as this gateway's, in any order. `network`: where an address without a name is.
 */
export function waypointFrom(
  gateway: Gateway,
  gatewayClass: GatewayClass | undefined,
  podAccounts: readonly string[],
  network: string,
): Waypoint | undefined {
  const destination = destinationOf(gateway, network);
  if (!destination) return undefined;
  const inboundBinding = inboundBindingOf(gateway, gatewayClass);
  return {
    namespace: gateway.meta.namespace,
    name: gateway.meta.name,
    address: { destination, hboneMtlsPort },
    trafficType: trafficTypeOf(gateway, gatewayClass),
    serviceAccounts: [...new Set(podAccounts)].sort(),
    allowed: allowedBy(gateway.listeners, inboundBinding),
    ...(inboundBinding && { inboundBinding }),
  };
}

/** Whether objects of a namespace may attach. A namespace not (or no longer) known can match no selector. */
export function allows({ namespace, allowed }: Waypoint, subject: KubeNamespace | undefined, subjectNamespace: string): boolean {
  switch (allowed.from) {
    case 'All':
      return true;
    case 'Same':
      return namespace === subjectNamespace;
    case 'Selector':
      return subject !== undefined && allowed.selector !== undefined && matchesSelector(allowed.selector, subject.meta.labels);
    case 'None':
      return false;
    default:
      return allowed.from satisfies never;
  }
}

/** Everyone who may stand in for the object: its waypoint, then the canary. */
export function waypointsOf({ waypoint, canary }: Binding): readonly Waypoint[] {
  return [waypoint, canary?.waypoint].filter((each) => each !== undefined);
}

/** A name is preferred: it outlives the addresses behind it. */
function destinationOf({ meta, addresses }: Gateway, network: string): GatewayAddress['destination'] | undefined {
  const named = addresses.find(({ type, value }) => type === 'Hostname' && value !== '');
  if (named) return { hostname: { namespace: meta.namespace, hostname: named.value } };
  for (const { type, value } of addresses) {
    const ip = type === 'IPAddress' ? parseIp(value) : undefined;
    if (ip !== undefined) return { address: { network, ip } };
  }
  return undefined;
}

/** A word that nobody knows is no traffic at all, not the default: it was meant to restrict. */
function trafficTypeOf(gateway: Gateway, gatewayClass: GatewayClass | undefined): TrafficType {
  const label = 'istio.io/waypoint-for';
  const said = gateway.meta.labels[label] ?? gatewayClass?.meta.labels[label] ?? 'service';
  return said === 'service' || said === 'workload' || said === 'all' ? said : 'none';
}

/** `PROXY` or `NONE`, then perhaps `/port`; an unreadable port counts as none, anything else unreadable as no binding. */
function inboundBindingOf(gateway: Gateway, gatewayClass: GatewayClass | undefined): InboundBinding | undefined {
  const annotation = 'ambient.istio.io/waypoint-inbound-binding';
  const said = gateway.meta.annotations[annotation] ?? gatewayClass?.meta.annotations[annotation];
  const [protocol, digits = '', surplus] = said?.split('/', 3) ?? [];
  if ((protocol !== 'NONE' && protocol !== 'PROXY') || surplus !== undefined) return undefined;
  const port = /^\d+$/.test(digits) ? Number(digits) : 0;
  return { protocol, port: port <= 65_535 ? port : 0 };
}

/**
 * The listener that decides who may attach is the one where the mesh delivers: that of the binding, by its port if it names one,
 * else that for HBONE. Without such a listener, only the waypoint's own namespace may.
 */
function allowedBy(listeners: readonly GatewayListener[], binding: InboundBinding | undefined): Waypoint['allowed'] {
  const isBound = ({ port, protocol }: GatewayListener): boolean =>
    binding?.port ? port === binding.port : binding?.protocol === 'PROXY' && protocol === 'istio.io/PROXY';
  const deciding = listeners.find(isBound) ?? listeners.find(({ protocol, port }) => protocol === 'HBONE' && port === hboneMtlsPort);
  if (!deciding) return { from: 'Same' };
  return { from: deciding.from, ...(deciding.selector && { selector: deciding.selector }) };
}
