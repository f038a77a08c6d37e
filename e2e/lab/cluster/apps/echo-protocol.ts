// What the image `ambient-mesh/echo` listens on and says, and what its callers are ordered to do and report.
// Shared by echo.ts, calls.ts and load.ts, which run in pods, and by the scenarios, which order and read.

/** Container ports. HTTP/1.1 where nothing else is said. */
export const echoPorts = {
  http: 8080,
  /** On 127.0.0.1 only: whoever comes from outside of the pod must fail. */
  'http-localhost': 8081,
  /** On the pod's own addresses only, not on any of the loopback's. */
  'http-instance-ip': 8082,
  /** HTTP/2 in clear, without an upgrade. */
  http2: 8085,
  /** Unary: a framed message there and back, the status in trailers. */
  grpc: 7070,
  https: 8443,
  /** Each line is answered by one. */
  tcp: 9090,
  /** The same, but the server speaks first. */
  'tcp-server-first': 9091,
} as const;

export type EchoProtocol = 'http' | 'https' | 'http2' | 'grpc' | 'tcp' | 'tcp-server-first';

/** What the server saw of a request; one line of JSON. */
export interface EchoAnswer {
  readonly pod: string;
  /** `VERSION` of its environment. */
  readonly version: string;
  readonly protocol: EchoProtocol;
  /** The client's address as the server sees it. */
  readonly peer: string;
  /** Where the connection arrived. */
  readonly local: string;
  /** Empty for TCP. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface CallOrder {
  /** `lookup`: asks for the addresses of `host` as any program does. */
  readonly protocol: EchoProtocol | 'lookup';
  /** Name or address, without brackets. */
  readonly host: string;
  /** Default 0, for `lookup`. */
  readonly port?: number;
  /** One after the other. Default 1. */
  readonly count?: number;
  /** Whether all share one connection. Default false: each has its own. */
  readonly sameConnection?: boolean;
  /** Sent as it is. Default `hello`. */
  readonly body?: string;
  /** For each. Default 5000. */
  readonly timeoutMs?: number;
}

export interface CallResult {
  readonly answer?: EchoAnswer;
  /** Of a `lookup`. */
  readonly addresses?: readonly string[];
  /** Why there is neither: a code of the system's where there is one. */
  readonly error?: string;
}

export interface LoadOrder extends Omit<CallOrder, 'count' | 'sameConnection'> {
  readonly protocol: EchoProtocol;
  /** Requests start at this pace, whether earlier ones have ended or not. */
  readonly everyMs: number;
}

/** One request of a load; one line of JSON. */
export interface LoadLine {
  /** When it was started; milliseconds since the epoch. */
  readonly at: number;
  readonly ms: number;
  readonly pod?: string;
  readonly version?: string;
  readonly error?: string;
}
