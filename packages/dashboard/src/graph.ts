// The graph of who talks to whom, as the page gets it, the windows that may be asked for, and the other answers of the API.
// Made by edges.ts, answered by serve.ts, drawn by ../page. How figures are gathered is collect.ts and prometheus.ts.

/** Seconds that a graph may be asked for. */
export const windows = [15, 60, 300, 900] as const;
export const defaultWindow = 60;

/** What `GET /api/graph?window=SECONDS` answers. Rates are means over the window. */
export interface Graph {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** What the figures really cover: shorter than asked for just after the start. */
  readonly windowSeconds: number;
  readonly source: 'prometheus' | 'proxies';
  /** Namespaces that the viewer may see, sorted. */
  readonly namespaces: readonly string[];
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** What could not be asked, a sentence each: `ztunnel-abcde (node-1) does not answer: …`. */
  readonly warnings: readonly string[];
}

export type NodeKind = 'workload' | 'service' | 'waypoint' | 'unknown';

export interface GraphNode {
  /** `workload:ns/name`, `service:ns/name`, `waypoint:ns/name` or `unknown`. */
  readonly id: string;
  readonly kind: NodeKind;
  /** Empty for `unknown`, which is everything outside the mesh or out of the viewer's sight. */
  readonly namespace: string;
  readonly name: string;
  /** Pods of the workload, if known. */
  readonly pods?: number;
  /** True: enrolled; false: known and not in the mesh; absent: not known. */
  readonly inMesh?: boolean;
}

export type Protocol = 'tcp' | 'http' | 'grpc';

/** `none`: in clear. `local`: never left the node's tunnel. `mixed`: some of both. `unknown`: not told by what reports it. */
export type Security = 'mutual_tls' | 'local' | 'none' | 'mixed' | 'unknown';

export interface GraphEdge {
  /** `${from}>${to}>${protocol}` */
  readonly id: string;
  /** Ids of nodes. */
  readonly from: string;
  readonly to: string;
  readonly protocol: Protocol;
  readonly security: Security;
  /** `sent`: from the client to the server; `received`: back. */
  readonly bytesPerSecond: { readonly sent: number; readonly received: number };
  readonly connectionsPerSecond: number;
  readonly openConnections: number;
  /** Flags other than DENY, and 5xx. */
  readonly failuresPerSecond: number;
  readonly denialsPerSecond: number;
  /** Total in the window, so that one denial is seen. */
  readonly denials: number;
  /** `namespace/name` of policies, most frequent first; empty when nothing was denied. */
  readonly deniedBy: readonly string[];
  /** SPIFFE IDs; '' when not known. */
  readonly principals: { readonly source: string; readonly destination: string };
  /** Where a waypoint reports. */
  readonly http?: HttpFigures;
}

export interface HttpFigures {
  readonly requestsPerSecond: number;
  /** Share of requests answered with 5xx, or a gRPC status other than OK. 0 to 1. */
  readonly errorRate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** `GET /api/session` */
export interface Session {
  /** Name of the viewer as the API server knows it. */
  readonly viewer: string;
  readonly source: Graph['source'];
  readonly version: string;
  readonly features: { readonly logs: boolean; readonly explain: boolean };
}

/** `GET /api/log?from=ID&to=ID&limit=50` */
export interface LogAnswer {
  readonly lines: readonly LogLine[];
}

export interface LogLine {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
  readonly pod: string;
}

/** `GET /api/explain?from=NS/NAME&to=HOST[:PORT][&method&path]` */
export interface ExplainAnswer {
  readonly steps: readonly { readonly at: string; readonly says: string }[];
  readonly outcome: string;
  readonly by: string;
}

/** Of every answer that is not 200: a sentence. */
export interface Refusal {
  readonly error: string;
}
