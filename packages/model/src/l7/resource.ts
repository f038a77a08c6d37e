// Everything that a waypoint is told beside workloads and services, as one union: the body of a resource on the wire is this, as JSON.
// Named `<kind>/<namespace>/<name>` (routes: `route/<Kind>/<namespace>/<name>`, the mesh: `mesh`). Plain data.
import type { DestinationSettings } from './destination.ts';
import type { RateLimit, RequestAuthentication, RequestPolicy, WasmFilter } from './policy.ts';
import type { Route } from './route.ts';
import type { MeshSettings, TelemetrySettings, WaypointSettings } from './settings.ts';

export type L7Resource =
  | { readonly is: 'route'; readonly route: Route }
  | { readonly is: 'authorization'; readonly policy: RequestPolicy }
  | { readonly is: 'authentication'; readonly authentication: RequestAuthentication }
  | { readonly is: 'rate-limit'; readonly limit: RateLimit }
  | { readonly is: 'destination'; readonly settings: DestinationSettings }
  | { readonly is: 'wasm'; readonly plugin: WasmFilter }
  | { readonly is: 'telemetry'; readonly telemetry: TelemetrySettings }
  | { readonly is: 'waypoint'; readonly settings: WaypointSettings }
  | { readonly is: 'mesh'; readonly settings: MeshSettings };

export interface L7Change {
  readonly name: string;
  readonly resource: L7Resource;
}

export interface L7Delta {
  readonly changed: readonly L7Change[];
  readonly removed: readonly string[];
}

export const l7Type = 'type.googleapis.com/ambientmesh.dev.L7Resource';
