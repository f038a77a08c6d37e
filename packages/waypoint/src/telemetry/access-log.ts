// One line per request or raw connection, as text in Envoy's default order or as JSON (facts: control-plane §6.8; meshConfig accessLogFormat is not read).
// Written to standard output in batches: a line costs no system call of its own, and a slow reader drops lines rather than requests.
import type { Writable } from 'node:stream';

export interface AccessRecord {
  readonly startTime: number;
  readonly method: string;
  readonly path: string;
  readonly protocol: string;
  readonly responseCode: number;
  readonly grpcStatus: number | undefined;
  readonly flags: string;
  /** What decided, or what went wrong: a rule's id, a fault; `-` for nothing to tell. */
  readonly details: string;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  readonly forwardedFor: string;
  readonly userAgent: string;
  readonly requestId: string;
  readonly authority: string;
  readonly upstreamHost: string;
  readonly upstreamCluster: string;
  readonly downstreamRemote: string;
  readonly downstreamLocal: string;
  readonly sourcePrincipal: string;
  readonly route: string;
  readonly attempts: number;
}

/** Lines waiting for a slow reader; more are dropped and counted. */
const mostWaiting = 10_000;

export class AccessLog {
  readonly #out: Writable;
  readonly #line: (record: AccessRecord) => string;
  #lines: string[] = [];
  #planned = false;
  #blocked = false;
  dropped = 0;

  constructor(out: Writable, encoding: 'TEXT' | 'JSON') {
    this.#out = out;
    this.#line = encoding === 'JSON' ? asJson : asText;
  }

  write(record: AccessRecord): void {
    if (this.#lines.length >= mostWaiting) {
      this.dropped += 1;
      return;
    }
    this.#lines.push(this.#line(record));
    if (this.#planned || this.#blocked) return;
    this.#planned = true;
    setImmediate(() => this.flush());
  }

  flush(): void {
    this.#planned = false;
    if (this.#lines.length === 0 || this.#blocked) return;
    const text = this.#lines.join('');
    this.#lines = [];
    if (this.#out.write(text)) return;
    this.#blocked = true;
    this.#out.once('drain', () => {
      this.#blocked = false;
      this.flush();
    });
  }
}

const orDash = (text: string): string => (text === '' ? '-' : text);
/** What a client sent must not end the line or the quotes around it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unsafe = /["\\\0-\x1f\x7f]/g;
const quoted = (text: string): string => `"${orDash(text).replace(unsafe, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;

const asText = (r: AccessRecord): string =>
  `[${new Date(r.startTime).toISOString()}] ${quoted(`${r.method} ${r.path} ${r.protocol}`)} ${r.responseCode} ${orDash(r.flags)} ${orDash(r.details)} ` +
  `${r.bytesReceived} ${r.bytesSent} ${r.durationMs} ${quoted(r.forwardedFor)} ${quoted(r.userAgent)} ${quoted(r.requestId)} ${quoted(r.authority)} ` +
  `${quoted(r.upstreamHost)} ${orDash(r.upstreamCluster)} ${orDash(r.downstreamLocal)} ${orDash(r.downstreamRemote)} ${orDash(r.sourcePrincipal)} ${orDash(r.route)}\n`;

const asJson = (r: AccessRecord): string =>
  `${JSON.stringify({
    start_time: new Date(r.startTime).toISOString(),
    method: r.method,
    path: r.path,
    protocol: r.protocol,
    response_code: r.responseCode,
    ...(r.grpcStatus !== undefined && { grpc_status: r.grpcStatus }),
    response_flags: orDash(r.flags),
    response_code_details: orDash(r.details),
    bytes_received: r.bytesReceived,
    bytes_sent: r.bytesSent,
    duration: r.durationMs,
    x_forwarded_for: orDash(r.forwardedFor),
    user_agent: orDash(r.userAgent),
    request_id: orDash(r.requestId),
    authority: orDash(r.authority),
    upstream_host: orDash(r.upstreamHost),
    upstream_cluster: orDash(r.upstreamCluster),
    downstream_local_address: orDash(r.downstreamLocal),
    downstream_remote_address: orDash(r.downstreamRemote),
    downstream_peer_principal: orDash(r.sourcePrincipal),
    route_name: orDash(r.route),
    upstream_request_attempt_count: r.attempts,
  })}\n`;
