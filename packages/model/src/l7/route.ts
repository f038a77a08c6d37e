// Routes as waypoints carry them out: one per Kubernetes object (HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, VirtualService), with every name resolved.
// Made by translate/, sent over xDS as JSON, gathered per service by route-table.ts. Plain data.
import type { TextMatch } from './text.ts';

export type RouteKind = 'GRPCRoute' | 'HTTPRoute' | 'TLSRoute' | 'TCPRoute' | 'VirtualService';

export interface Route {
  readonly kind: RouteKind;
  readonly namespace: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly parents: readonly RouteParent[];
  /** For HTTPRoute, GRPCRoute and VirtualService. */
  readonly http: readonly HttpRule[];
  /** For TLSRoute, TCPRoute and VirtualService. */
  readonly tcp: readonly TcpRule[];
}

/** Where a route is attached; only ports that the service has are here. */
export interface RouteParent {
  /** `namespace/hostname`. */
  readonly service: string;
  /** Absent: all ports. */
  readonly port?: number;
}

export interface HttpRule {
  readonly name?: string;
  /** Any of them; never empty. */
  readonly matches: readonly HttpMatch[];
  /** In order; before those of the chosen backend. */
  readonly filters: readonly Filter[];
  readonly backends: readonly Backend[];
  /** Milliseconds; 0 means none. The whole transaction, retries included. */
  readonly requestTimeout?: number;
  /** Milliseconds; 0 means none. One attempt. */
  readonly attemptTimeout?: number;
  readonly retry?: Retry;
  readonly persistence?: Persistence;
}

/** All parts must hold; what is absent always holds. */
export interface HttpMatch {
  readonly path?: PathMatch;
  readonly method?: TextMatch;
  readonly headers?: readonly NamedMatch[];
  /** None of these may hold (VirtualService `withoutHeaders`). */
  readonly withoutHeaders?: readonly NamedMatch[];
  readonly query?: readonly NamedMatch[];
  readonly authority?: TextMatch;
  readonly scheme?: TextMatch;
  /** Service port dialled. */
  readonly port?: number;
}

/** `prefix` compares whole segments (`/abc` is not `/abcd`); `start` compares characters (VirtualService). */
export type PathMatch =
  | { readonly exact: string; readonly ignoreCase?: boolean }
  | { readonly prefix: string }
  | { readonly start: string; readonly ignoreCase?: boolean }
  | { readonly regex: string }
  | { readonly grpc: { readonly service?: TextMatch; readonly method?: TextMatch } };

export interface NamedMatch {
  /** Header names in lower case; query parameters as written. */
  readonly name: string;
  readonly match: TextMatch;
}

export interface Backend {
  readonly weight: number;
  readonly to: Destination;
  /** After the rule's. */
  readonly filters: readonly Filter[];
}

export type Destination =
  | {
      /** `namespace/hostname`. */
      readonly service: string;
      readonly port: number;
      /** Of a DestinationRule. */
      readonly subset?: string;
      /** What the route implies when the service does not say: GRPCRoute means `h2`. */
      readonly protocol?: 'http1' | 'h2';
    }
  /** Why requests that would go there are refused (500; gRPC UNAVAILABLE). */
  | { readonly invalid: string };

export type HeaderEdit = {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
};

export type PathEdit =
  | { readonly full: string }
  /** Replaces the matched prefix, segment-wise (Gateway API) or by characters. */
  | { readonly prefix: string; readonly by: string; readonly whole: 'segments' | 'characters' }
  | { readonly regex: string; readonly by: string };

export type Filter =
  | ({ readonly filter: 'request-headers' } & HeaderEdit)
  | ({ readonly filter: 'response-headers' } & HeaderEdit)
  | {
      readonly filter: 'redirect';
      readonly scheme?: 'http' | 'https';
      readonly hostname?: string;
      readonly port?: number;
      /** Where the port comes from when it is not given; absent: the scheme if that is given, else the service port dialled. `request`: as the client wrote it. */
      readonly portFrom?: 'request' | 'scheme';
      readonly path?: PathEdit;
      readonly status: number;
    }
  | { readonly filter: 'rewrite'; readonly hostname?: string; readonly path?: PathEdit }
  /** `share` of requests, 0 to 1. */
  | { readonly filter: 'mirror'; readonly to: Destination; readonly share: number }
  | ({ readonly filter: 'cors' } & Cors)
  | {
      readonly filter: 'fault';
      readonly delay?: { readonly share: number; readonly ms: number };
      readonly abort?: { readonly share: number; readonly status: number; readonly grpcStatus?: number };
    }
  /** Answers by itself: VirtualService `directResponse`, and extensions that cannot be resolved (500). */
  | { readonly filter: 'respond'; readonly status: number; readonly body?: string; readonly why: string };

export interface Cors {
  /** `*`, or `scheme://host[:port]` in which `*` stands for any characters of the host; or a match of VirtualService. */
  readonly origins: readonly (string | TextMatch)[];
  readonly credentials: boolean;
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly expose: readonly string[];
  /** Seconds. Default 5 for Gateway API. */
  readonly maxAge?: number;
}

export interface Retry {
  /** Retries after the first attempt; 0 switches them off. */
  readonly attempts: number;
  /** Statuses of 400 to 599 that are tried again. */
  readonly codes: readonly number[];
  /** Envoy's words: `connect-failure`, `refused-stream`, `reset`, `reset-before-request`, `gateway-error`, `5xx`, `retriable-4xx`, `unavailable`, `cancelled`, `deadline-exceeded`, `resource-exhausted`, `internal`. */
  readonly on: readonly string[];
  /** Milliseconds before the first retry; doubles, with jitter. Default 25. */
  readonly backoff?: number;
  /** Milliseconds; an attempt's limit when the rule has none of its own. */
  readonly perTryTimeout?: number;
}

export interface Persistence {
  readonly by: 'cookie' | 'header';
  /** Of the cookie or header. */
  readonly name: string;
  /** Cookie path. Default `/`. */
  readonly path?: string;
  /** Milliseconds; the session ends then. */
  readonly absoluteTimeout?: number;
  /** The cookie outlives the browser: it carries Max-Age. */
  readonly permanent: boolean;
}

export interface TcpRule {
  /** Any of these; empty: all. SNI of TLS, exact or `*.suffix`. */
  readonly hostnames: readonly string[];
  /** Service port; absent: all. */
  readonly port?: number;
  readonly backends: readonly Backend[];
}
