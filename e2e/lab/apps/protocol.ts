// What the test process may ask of the program in a pod: one typed table of operations, carried as messages over Node's IPC channel.
// Spoken by ../pod-app.ts (asks) and main.ts (answers).

/** `ip:port`, IPv6 in brackets. */
export type Endpoint = string;

export type ServerKind =
  /** Sends back what comes in, and its own FIN after the client's. */
  | { readonly kind: 'echo' }
  /** Sends every byte chunk back twice. */
  | { readonly kind: 'double-echo' }
  | { readonly kind: 'sink' }
  /** Sends `bytes` zeros (endless when absent), whatever comes in. */
  | { readonly kind: 'source'; readonly bytes?: number }
  /** Writes the client's address as it sees it and a newline, then echoes. */
  | { readonly kind: 'peer' }
  /** Answers any request with 200, the text and the client's address as it sees it. */
  | { readonly kind: 'http'; readonly text: string }
  /** The far end of `storm`: see storm.ts. */
  | { readonly kind: 'storm' }
  /** Relays to another address. */
  | { readonly kind: 'forward'; readonly to: Endpoint }
  /** Relays to the destination named in the PROXY v2 header that each connection starts with, and remembers the header. */
  | { readonly kind: 'proxy-protocol' }
  /** An HBONE server that answers each CONNECT itself: the marker and a newline first, then an echo. Stands in for waypoints and gateways. */
  | ({ readonly kind: 'hbone'; readonly marker: string; readonly baggage?: string; readonly forward?: Endpoint } & TlsFiles)
  /** A DNS server over UDP and TCP with fixed A answers; every other name does not exist. */
  | { readonly kind: 'dns'; readonly records: Readonly<Record<string, readonly string[]>> };

export interface TlsFiles {
  readonly certChainPem: string;
  readonly keyPem: string;
  readonly rootsPem: readonly string[];
}

export interface ServeOrder {
  readonly port: number;
  /** Default: every address of both families. */
  readonly ip?: string;
  readonly server: ServerKind;
}

export interface CallOrder {
  readonly to: Endpoint;
  /** Text to send once connected. Default: nothing. */
  readonly send?: string;
  /** Whether FIN follows the text. Default false. */
  readonly end?: boolean;
  /** Stop after so many bytes. Default: read to the end. */
  readonly until?: number;
  /** Default 5,000. */
  readonly timeoutMs?: number;
}

/**
 * `answered`: some bytes, and as many as asked for; `closed`: FIN too early; `reset`: RST after connecting;
 * `silent`: connected, but the time ran out; `not-connected`: refused, unreachable or no answer (`code` says which).
 */
export type Outcome = 'answered' | 'closed' | 'reset' | 'silent' | 'not-connected';

export interface CallReport {
  readonly outcome: Outcome;
  /** The first 64 KiB as text. */
  readonly text: string;
  readonly bytes: number;
  /** errno name. */
  readonly code?: string;
  /** Own address of the connection. */
  readonly local?: Endpoint;
}

export interface StormOrder {
  readonly to: Endpoint;
  readonly connections: number;
  /** Sizes are log-uniform between 1 and this, each way. */
  readonly maxBytes: number;
  /** Connections start evenly over this time. */
  readonly spreadMs: number;
  /** Each connection sends its bytes in pieces over a random part of this time. */
  readonly paceMs: number;
  readonly seed: number;
}

export interface HalfReport {
  readonly bytes: number;
  readonly sha1: string;
}
export interface StormReport {
  readonly id: string;
  readonly sent: HalfReport;
  readonly received: HalfReport;
  /** `ok`, or what went wrong. */
  readonly end: string;
}

export interface DnsOrder {
  readonly server: Endpoint;
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'TXT';
  readonly over: 'udp' | 'tcp';
}
export interface DnsReport {
  /** 0 NOERROR, 3 NXDOMAIN…; -1 when no answer came. */
  readonly code: number;
  readonly authoritative: boolean;
  readonly addresses: readonly string[];
}

/** `open` keeps a connection under a number; the others use it. */
export interface Operations {
  serve(order: ServeOrder): Promise<void>;
  stopServing(order: { readonly port: number }): Promise<void>;
  call(order: CallOrder): Promise<CallReport>;
  open(order: { readonly to: Endpoint }): Promise<{ readonly connection: number; readonly local: Endpoint }>;
  /** Sends, then waits for `until` more bytes. */
  exchange(order: Omit<CallOrder, 'to'> & { readonly connection: number }): Promise<CallReport>;
  /** Waits for the peer's end. */
  ended(order: { readonly connection: number; readonly timeoutMs: number }): Promise<Outcome>;
  close(order: { readonly connection: number }): Promise<void>;
  storm(order: StormOrder): Promise<readonly StormReport[]>;
  /** What the `storm` servers of this pod saw so far, finished connections only; clears it. */
  stormSeen(order: Record<never, never>): Promise<readonly StormReport[]>;
  /** What arrived at `proxy-protocol` servers: source, destination and the identity TLV. */
  proxyHeaders(
    order: Record<never, never>,
  ): Promise<readonly { readonly source: string; readonly destination: string; readonly identity: string }[]>;
  /** `:authority` and headers of the CONNECT requests that `hbone` servers got. */
  hboneRequests(order: Record<never, never>): Promise<readonly Readonly<Record<string, string>>[]>;
  dns(order: DnsOrder): Promise<DnsReport>;
}

export type Ask = {
  [K in keyof Operations]: { readonly id: number; readonly op: K; readonly order: Parameters<Operations[K]>[0] };
}[keyof Operations];
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly ready: true };
