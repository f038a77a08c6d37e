// Everything that the waypoint tells of its traffic, in one place: metrics and access lines made from the same facts.
// Called once at the end of each request and raw connection.
import { formatSocket } from '@ambient-mesh/model/address';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import type { RequestHead } from '@ambient-mesh/wire/http/message';
import { type Inlet, serviceOf } from '../inlet.ts';
import type { World } from '../world.ts';
import { AccessLog } from './access-log.ts';
import { partyLabels } from './labels.ts';
import { TrafficMetrics } from './traffic-metrics.ts';

export interface RequestReport {
  readonly head: RequestHead;
  readonly version: string;
  readonly grpc: boolean;
  /** Milliseconds since 1970. */
  readonly startTime: number;
  readonly milliseconds: number;
  readonly status: number;
  readonly grpcStatus: number | undefined;
  readonly flags: readonly string[];
  readonly details: string;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly attempts: number;
  /** Who answered. */
  readonly endpoint: { readonly workload: Workload; readonly port: number } | undefined;
  /** Name of the route's rule, or of the route. */
  readonly route: string;
}

export interface RawReport {
  readonly startTime: number;
  readonly milliseconds: number;
  readonly flags: readonly string[];
  readonly details: string;
  /** `sent`: to the client. */
  readonly bytes: { readonly sent: number; readonly received: number };
  readonly endpoint: { readonly workload: Workload; readonly port: number } | undefined;
}

export class Telemetry {
  readonly #world: World;
  readonly #metrics: TrafficMetrics;
  #access: { readonly key: string; readonly log: AccessLog } | undefined;

  constructor(world: World, metrics: Metrics) {
    this.#world = world;
    this.#metrics = new TrafficMetrics(metrics);
  }

  request(inlet: Inlet, report: RequestReport): void {
    const { endpoint, status, grpcStatus, grpc, flags } = report;
    const labels = [
      ...partyLabels(inlet.source, endpoint?.workload, serviceOf(inlet), grpc ? 'grpc' : 'http'),
      String(status),
      grpcStatus === undefined ? '' : String(grpcStatus),
      flags.length === 0 ? '-' : flags.join(','),
      'mutual_tls',
    ];
    this.#metrics.request(labels, report);
    this.#log(inlet, report);
  }

  /** Something that is no request, or more than one at once: refused by the codec. */
  malformed(inlet: Inlet, status: number, reason: string): void {
    const none = { requestBytes: 0, responseBytes: 0, attempts: 0, endpoint: undefined, route: '', grpcStatus: undefined, milliseconds: 0 };
    const head: RequestHead = { method: '', scheme: 'http', authority: '', path: '', headers: [] };
    const told = { status, flags: ['DPE'], details: `http1_refused[${reason}]`, version: 'HTTP/1.1', grpc: false, startTime: Date.now() };
    this.request(inlet, { ...none, ...told, head });
  }

  rawOpened(inlet: Inlet, endpoint: { readonly workload: Workload } | undefined): void {
    this.#metrics.opened(this.#rawLabels(inlet, endpoint, []));
  }

  rawClosed(inlet: Inlet, report: RawReport): void {
    this.#metrics.closed(this.#rawLabels(inlet, report.endpoint, report.flags), report.bytes);
    const log = this.#accessLog();
    if (log === undefined) return;
    const { bytes } = report;
    log.write({
      ...report,
      ...this.#ends(inlet, report.endpoint),
      method: '',
      path: '',
      protocol: 'TCP',
      responseCode: 0,
      grpcStatus: undefined,
      flags: report.flags.join(','),
      bytesReceived: bytes.received,
      bytesSent: bytes.sent,
      durationMs: Math.round(report.milliseconds),
      forwardedFor: '',
      userAgent: '',
      requestId: '',
      authority: '',
      route: '',
      attempts: 1,
    });
  }

  /** What is waiting goes out. */
  flush(): void {
    this.#access?.log.flush();
  }

  #rawLabels(inlet: Inlet, endpoint: { readonly workload: Workload } | undefined, flags: readonly string[]): readonly string[] {
    return [
      ...partyLabels(inlet.source, endpoint?.workload, serviceOf(inlet), 'tcp'),
      flags.length === 0 ? '-' : flags.join(','),
      'mutual_tls',
    ];
  }

  #log(inlet: Inlet, report: RequestReport): void {
    const log = this.#accessLog();
    if (log === undefined) return;
    const { head } = report;
    log.write({
      ...report,
      ...this.#ends(inlet, report.endpoint),
      method: head.method,
      path: head.path,
      protocol: report.version,
      responseCode: report.status,
      flags: report.flags.join(','),
      bytesReceived: report.requestBytes,
      bytesSent: report.responseBytes,
      durationMs: Math.round(report.milliseconds),
      forwardedFor: headerIn(head, 'x-forwarded-for'),
      userAgent: headerIn(head, 'user-agent'),
      requestId: headerIn(head, 'x-request-id'),
      authority: head.authority,
    });
  }

  #ends(inlet: Inlet, endpoint: RequestReport['endpoint']) {
    const ip = endpoint?.workload.addresses[0];
    const service = serviceOf(inlet);
    const { authority } = inlet;
    return {
      upstreamHost: endpoint === undefined ? '' : ip === undefined ? endpoint.workload.hostname : formatSocket({ ip, port: endpoint.port }),
      upstreamCluster: service === undefined ? '' : `inbound-vip|${inlet.port}|http|${service.hostname}`,
      downstreamRemote: formatSocket(inlet.from),
      downstreamLocal: 'ip' in authority ? formatSocket(authority) : `${authority.hostname}:${authority.port}`,
      sourcePrincipal: inlet.client.uri,
    };
  }

  /** As the mesh's settings say now. */
  #accessLog(): AccessLog | undefined {
    const wanted = this.#world.settings.accessLog;
    if (wanted === undefined) return undefined;
    const key = wanted.encoding;
    if (this.#access?.key !== key) this.#access = { key, log: new AccessLog(process.stdout, wanted.encoding) };
    return this.#access.log;
  }
}

const headerIn = ({ headers }: RequestHead, wanted: string): string => headers.find(([name]) => name === wanted)?.[1] ?? '';
