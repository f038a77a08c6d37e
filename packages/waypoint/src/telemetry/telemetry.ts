// Everything that the waypoint tells of its traffic, in one place: metrics, lines of access logs and spans made from the same facts.
// Called at the beginning of each request and at the end of each request and raw connection. What is told for which chain is chain-telemetry.ts.
import type { Writable } from 'node:stream';
import { type Ms, ms } from '@ambient-mesh/runtime/time';
import type { HeaderList, RequestHead } from '@ambient-mesh/wire/http/message';
import { type Inlet, serviceKeyOf, serviceOf } from '../inlet.ts';
import type { Rules } from '../world.ts';
import { AccessLog } from './access-log.ts';
import { type ChainTelemetry, compileTelemetry } from './chain-telemetry.ts';
import { DenialMetrics } from './denial-metrics.ts';
import { detailsOf, type Entry } from './entry.ts';
import { partyLabels } from './labels.ts';
import { type Trace, Tracing, type TracingParts } from './tracing.ts';
import { TrafficMetrics } from './traffic-metrics.ts';

/** `details`: what a step of the chain said; empty: none did. */
export type RequestReport = Omit<Entry, 'inlet' | 'head' | 'traceId'> & { readonly head: RequestHead; readonly trace: Trace | undefined };

export interface RawReport {
  readonly startTime: number;
  readonly milliseconds: number;
  readonly flags: readonly string[];
  readonly details: string;
  /** `sent`: to the client. */
  readonly bytes: { readonly sent: number; readonly received: number };
  readonly endpoint: Entry['endpoint'];
}

export interface TelemetryParts extends TracingParts {
  readonly streams: { readonly stdout: Writable; readonly stderr: Writable };
  /** Shown in istio_build. */
  readonly istioVersion: string;
}

const sweepEvery = ms(60_000);
/** Problems that were told once are not told again, as long as there are so few. */
const mostTold = 1_000;

export class Telemetry implements Disposable {
  readonly #parts: TelemetryParts;
  readonly #metrics: TrafficMetrics;
  readonly #denials: DenialMetrics;
  readonly #tracing: Tracing;
  readonly #logs: Readonly<Record<'stdout' | 'stderr', AccessLog>>;
  readonly #chains = new WeakMap<Rules, ChainTelemetry>();
  readonly #told = new Set<string>();
  #sweptAt: Ms;

  constructor(parts: TelemetryParts) {
    const { metrics, clock, streams, istioVersion } = parts;
    this.#parts = parts;
    this.#metrics = new TrafficMetrics(metrics);
    this.#denials = new DenialMetrics(metrics);
    this.#tracing = new Tracing(parts);
    const lost = metrics.counter('ambient_waypoint_access_log_lines_dropped_total', 'Lines of access logs that nobody read in time', []);
    const dropped = (): void => {
      lost.series([]).value += 1;
    };
    this.#logs = { stdout: new AccessLog(streams.stdout, dropped), stderr: new AccessLog(streams.stderr, dropped) };
    this.#sweptAt = clock.monotonic();
    metrics.collected({
      name: 'istio_build',
      help: 'Istio component build info',
      kind: 'gauge',
      labels: ['component', 'tag'],
      read: () => [[{ component: 'proxy', tag: istioVersion }, 1]],
    });
  }

  /** Undefined: the request is not traced, and its headers are nobody's business. */
  begin(inlet: Inlet, headers: HeaderList): Trace | undefined {
    const { tracing } = this.#chain(inlet);
    return tracing && this.#tracing.begin(tracing, headers);
  }

  request(inlet: Inlet, { trace, ...report }: RequestReport): void {
    const { endpoint, status, grpcStatus, grpc, flags } = report;
    const details = report.details || detailsOf(flags, endpoint === undefined ? 'ourselves' : 'endpoint');
    const entry: Entry = { ...report, inlet, details, traceId: trace?.place.traceId };
    const labels = [
      ...partyLabels(inlet.source, endpoint?.workload, serviceOf(inlet), grpc ? 'grpc' : 'http'),
      String(status),
      grpcStatus === undefined ? '' : String(grpcStatus),
      flags.length === 0 ? '-' : flags.join(','),
      'mutual_tls',
    ];
    const chain = this.#chain(inlet);
    this.#metrics.count(chain.request, labels, entry, this.#now());
    this.#denials.count(inlet, endpoint, details);
    this.#log(chain, entry);
    if (trace !== undefined) this.#tracing.end(trace, entry);
  }

  /** Something that is no request, or more than one at once: refused by the codec. */
  malformed(inlet: Inlet, status: number, reason: string): void {
    const head: RequestHead = { method: '', scheme: 'http', authority: '', path: '', headers: [] };
    const told = { status, flags: ['DPE'], details: `http1_refused[${reason}]`, reason, version: 'HTTP/1.1' };
    this.request(inlet, { ...nothing, ...told, startTime: this.#parts.clock.now(), head, trace: undefined });
  }

  rawOpened(inlet: Inlet, endpoint: Entry['endpoint']): void {
    this.#countRaw({ ...nothing, inlet, head: undefined, endpoint, version: 'TCP' }, true);
  }

  rawClosed(inlet: Inlet, { bytes, details, ...report }: RawReport): void {
    const entry: Entry = {
      ...nothing,
      ...report,
      inlet,
      head: undefined,
      version: 'TCP',
      details: detailsOf(report.flags, 'endpoint') === 'via_upstream' ? '' : detailsOf(report.flags, 'endpoint'),
      reason: details,
      requestBytes: bytes.received,
      responseBytes: bytes.sent,
      attempts: 1,
    };
    this.#countRaw(entry, false);
    this.#denials.count(inlet, report.endpoint, details);
    this.#log(this.#chain(inlet), entry);
  }

  /** What is waiting goes out; spans, if a collector takes them in time. */
  async flush(within: Ms): Promise<void> {
    for (const log of Object.values(this.#logs)) log.flush();
    await this.#tracing.flush(within);
  }

  [Symbol.dispose](): void {
    this.#tracing[Symbol.dispose]();
  }

  #countRaw(entry: Entry, opened: boolean): void {
    const { inlet, endpoint, flags } = entry;
    const labels = [
      ...partyLabels(inlet.source, endpoint?.workload, serviceOf(inlet), 'tcp'),
      flags.length === 0 ? '-' : flags.join(','),
      'mutual_tls',
    ];
    this.#metrics.count(this.#chain(inlet).tcp, labels, entry, this.#now(), (id) => (id === 'TCP_OPENED_CONNECTIONS') === opened);
  }

  #log({ access, accessFilter }: ChainTelemetry, entry: Entry): void {
    if (access.length === 0 || (accessFilter !== undefined && accessFilter(entry) !== true)) return;
    for (const { to, line } of access) this.#logs[to].write(line(entry));
  }

  /** As the mesh says now; made anew when its rules are. */
  #chain(inlet: Inlet): ChainTelemetry {
    const { world } = this.#parts;
    const rules = world.rulesFor(serviceKeyOf(inlet));
    const known = this.#chains.get(rules);
    if (known !== undefined) return known;
    const made = compileTelemetry(rules.telemetry, world.settings);
    this.#chains.set(rules, made);
    for (const problem of made.problems) this.#tell(problem);
    return made;
  }

  #tell(problem: string): void {
    if (this.#told.has(problem) || this.#told.size >= mostTold) return;
    this.#told.add(problem);
    this.#parts.log.warn({ problem }, 'telemetry is not as it was written');
  }

  #now(): Ms {
    const now = this.#parts.clock.monotonic();
    if (now - this.#sweptAt >= sweepEvery) {
      this.#sweptAt = now;
      this.#metrics.sweep(now);
      this.#denials.sweep(now);
    }
    return now;
  }
}

const nothing = {
  originalPath: '',
  grpc: false,
  startTime: 0,
  milliseconds: 0,
  status: 0,
  grpcStatus: undefined,
  answerHeaders: [],
  flags: [] as readonly string[],
  details: '',
  reason: '',
  requestBytes: 0,
  responseBytes: 0,
  messages: undefined,
  attempts: 0,
  endpoint: undefined,
  route: '',
  audited: false,
  traceId: undefined,
} as const;
