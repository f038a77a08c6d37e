// What the image `ambient-mesh/echo-http` says of each request, and what its callers are ordered to do and report.
// Shared by echo-http.ts and requests.ts, which run in pods, and by the scenarios of waypoints, which order and read.

/** Container ports of echo-http: those of the Gateway API's echo image. */
export const echoHttpPorts = {
  /** HTTP/1.1, WebSocket, and HTTP/2 in clear with prior knowledge. */
  http: 8080,
  /** The same; gRPC: each message of a stream is answered by one, the status is in trailers. */
  grpc: 7070,
  /** Answers the first bytes with a line that says which pod it is, and echoes. */
  tcp: 9090,
  /** The same, but the server speaks first. */
  greeting: 9091,
  https: 8443,
} as const;

/** As the server saw it. Header names in lower case, each line on its own. */
export interface SeenRequest {
  readonly pod: string;
  readonly version: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly host: string;
  readonly proto: 'HTTP/1.1' | 'HTTP/2';
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly bodyBytes: number;
  /** The client's address as the server sees it. */
  readonly peer: string;
}

export interface RequestOrder {
  /** `http://host[:port]/path?query`, `grpc://host:port/Service/Method`, `ws://…`, `tcp://host:port`, `tls://host:port`, `h2c://…`. The server heeds `delay=500ms`, `code=503`, `fail=2` (that many times for this `id=`), `reset=2`, `headers=a:b`. */
  readonly url: string;
  readonly method?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
  /** One after the other, on connections of their own unless `keepAlive`. Default 1. */
  readonly count?: number;
  readonly keepAlive?: boolean;
  /** Requests at a time. Default 1. */
  readonly parallel?: number;
  /** Default 5000. */
  readonly timeoutMs?: number;
  /** Server name, for `tls`. */
  readonly sni?: string;
}

export interface RequestResult {
  readonly status?: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly seen?: SeenRequest;
  readonly body?: string;
  readonly grpcStatus?: number;
  /** Why there is no answer. */
  readonly error?: string;
}
