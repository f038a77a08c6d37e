// How a waypoint treats a destination: DestinationRule with its hosts and subsets resolved, in milliseconds and plain numbers. Plain data.
// Made by translate/, sent over xDS as JSON; looked up by destination-table.ts (facts: control-plane §6.6).

export interface DestinationSettings {
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: number;
  /** Fully qualified hostname, or `*.suffix`. */
  readonly host: string;
  /** Namespaces that may use it; empty: all. */
  readonly exportTo: readonly string[];
  readonly policy: TrafficPolicy;
  readonly subsets: readonly Subset[];
}

export interface Subset {
  readonly name: string;
  /** Uids of the workloads that have the subset's labels now. */
  readonly workloads: readonly string[];
  /** Already merged over the rule's own. */
  readonly policy: TrafficPolicy;
}

export interface TrafficPolicy {
  readonly balance?: Balance;
  readonly pool?: ConnectionLimits;
  readonly outliers?: OutlierDetection;
  readonly tls?: TlsOrigination;
  readonly retryBudget?: { /** 0 to 100. */ readonly percent: number; readonly minRetries: number };
  /** By service port: replaces the parts that it names. */
  readonly ports: readonly (Omit<TrafficPolicy, 'ports'> & { readonly port: number })[];
}

export interface Balance {
  /** Default `least-request`. `passthrough`: to where the client was going. */
  readonly by: 'least-request' | 'round-robin' | 'random' | 'passthrough' | 'hash';
  readonly hash?:
    | { readonly header: string }
    | {
        readonly cookie: string /** Milliseconds; absent: a cookie is only read, never set. */;
        readonly ttl?: number;
        readonly path?: string;
      }
    | { readonly sourceIp: true }
    | { readonly query: string };
  /** Milliseconds over which a new endpoint's share grows. */
  readonly warmup?: number;
  readonly locality?: {
    readonly enabled: boolean;
    readonly failover: readonly { readonly from: string; readonly to: string }[];
    readonly distribute: readonly { readonly from: string; readonly to: readonly (readonly [where: string, weight: number])[] }[];
  };
}

/** Limits of one waypoint towards one destination; absent: none. */
export interface ConnectionLimits {
  readonly maxConnections?: number;
  /** Milliseconds. Default 10,000. */
  readonly connectTimeout?: number;
  readonly maxPendingRequests?: number;
  /** HTTP/2: requests at a time; HTTP/1.1: connections. */
  readonly maxRequests?: number;
  readonly maxRequestsPerConnection?: number;
  readonly maxRetries?: number;
  /** Milliseconds. */
  readonly idleTimeout?: number;
  readonly h2Upgrade?: boolean;
  readonly useClientProtocol?: boolean;
}

export interface OutlierDetection {
  /** 0: off. Default 5. */
  readonly consecutive5xx: number;
  /** 502, 503, 504 and failures to connect. 0: off. */
  readonly consecutiveGatewayErrors: number;
  readonly consecutiveLocalFailures?: number;
  /** Milliseconds. Default 10,000. */
  readonly interval: number;
  /** Milliseconds; grows with each ejection. Default 30,000. */
  readonly baseEjection: number;
  /** Per cent of endpoints. Default 10. */
  readonly maxEjected: number;
  /** Per cent of healthy endpoints below which all are used. Default 0: off. */
  readonly minHealthy: number;
}

export interface TlsOrigination {
  /** `disable`: clear inside the tunnel. */
  readonly mode: 'disable' | 'simple' | 'mutual';
  readonly sni?: string;
  readonly subjectAltNames: readonly string[];
  /** PEM; absent: what Node trusts. */
  readonly caPem?: string;
  readonly insecureSkipVerify: boolean;
  /** PEM; `mutual` only. */
  readonly certificatePem?: string;
  readonly keyPem?: string;
}
