// What waypoints are told of the mesh and of themselves. Plain data, made by translate/, sent over xDS as JSON.

import type { Target } from './policy.ts';
import type { Retry } from './route.ts';

/** One for the whole mesh. */
export interface MeshSettings {
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  readonly rootNamespace: string;
  readonly pathNormalization: 'NONE' | 'BASE' | 'MERGE_SLASHES' | 'DECODE_AND_MERGE_SLASHES';
  readonly defaultRetry?: Retry;
  readonly providers: readonly Provider[];
  /** Names of providers; mesh-wide defaults of the Telemetry API. */
  readonly defaultProviders: {
    readonly accessLogging: readonly string[];
    readonly tracing: readonly string[];
    readonly metrics: readonly string[];
  };
  /** `TEXT` or `JSON` to standard output; absent: none. */
  readonly accessLog?: { readonly encoding: 'TEXT' | 'JSON'; readonly format?: string };
}

export type Provider = { readonly name: string } & (
  | ({ readonly kind: 'ext-authz-http' } & ExternalAuthorization)
  | ({ readonly kind: 'ext-authz-grpc' } & ExternalAuthorization)
  | { readonly kind: 'rate-limit'; readonly service: string; readonly port: number; readonly timeout: number; readonly domain: string }
  | {
      readonly kind: 'otlp';
      readonly service: string;
      readonly port: number;
      readonly http?: { readonly path: string };
      readonly sampling: number;
    }
  | { readonly kind: 'access-log'; readonly path: string; readonly encoding: 'TEXT' | 'JSON'; readonly format?: string }
  | { readonly kind: 'prometheus' }
  | { readonly kind: 'unsupported'; readonly what: string }
);

export interface ExternalAuthorization {
  /** Host of the service: `namespace/hostname`, resolved. */
  readonly service: string;
  readonly port: number;
  /** Milliseconds. Default 600,000. */
  readonly timeout: number;
  readonly failOpen: boolean;
  /** Default 403. */
  readonly statusOnError: number;
  readonly pathPrefix: string;
  /** Lower case, may begin or end with `*`. */
  readonly includeRequestHeaders: readonly string[];
  readonly includeAdditionalHeaders: readonly (readonly [string, string])[];
  /** Octets of the body sent along; 0: none. */
  readonly includeBodyBytes: number;
  readonly allowPartialBody: boolean;
  readonly headersToUpstreamOnAllow: readonly string[];
  readonly headersToDownstreamOnDeny: readonly string[];
  readonly headersToDownstreamOnAllow: readonly string[];
}

/** One per Gateway that is a waypoint. */
export interface WaypointSettings {
  readonly namespace: string;
  readonly name: string;
  readonly class: string;
  /** `ambient.istio.io/xfcc-include-client-identity`. */
  readonly includeClientIdentity: boolean;
}

/** A Telemetry object (facts: control-plane §6.8). */
export interface TelemetrySettings {
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: number;
  /** Empty: the namespace (or, in the root namespace, the mesh). */
  readonly targets: readonly Target[];
  readonly metrics: readonly MetricOverride[];
  /** Per cent; absent: not said. */
  readonly tracing?: {
    readonly providers: readonly string[];
    readonly disabled: boolean;
    readonly sampling?: number;
    readonly tags: readonly (readonly [string, string])[];
  };
  readonly accessLogging?: { readonly providers: readonly string[]; readonly disabled: boolean; readonly filter?: string };
}

export interface MetricOverride {
  /** `REQUEST_COUNT`, …, `ALL_METRICS`. */
  readonly metric: string;
  readonly disabled: boolean;
  /** `null`: the label is left out. */
  readonly tags: readonly (readonly [name: string, value: string | null])[];
}
