// Waypoints: which Gateways are one, which waypoint an object's traffic goes through, and what its status says about that. Pure.
// The types come first because services, workloads and status all speak them (facts: control-plane §3.8).
import type { GatewayAddress } from '@ambient-mesh/model/workload';
import type { GatewayListener } from './kinds/gateway.ts';

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
  readonly inboundBinding?: { readonly protocol: 'NONE' | 'PROXY'; readonly port: number };
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
