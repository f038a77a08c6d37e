// Takes the spans of one provider to its collector in batches, over the waypoint's own pools: OTLP over gRPC, or over HTTP where a path is set.
// Made by tracing.ts. Bounded: spans beyond the queue, and those of a batch that fails, are dropped and counted; traffic never waits.
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import { type Call, callUnary } from '../filters/call.ts';
import { type Attributes, encodeExport, encodeSpan, type Span } from './otlp.ts';

export interface Collector {
  /** `namespace/hostname`. */
  readonly service: string;
  readonly port: number;
  /** Absent: gRPC. */
  readonly http?: { readonly path: string };
}

export interface ExporterParts {
  readonly call: Call;
  readonly clock: Clock;
  /** Who speaks. */
  readonly resource: () => Attributes;
  readonly exported: (spans: number) => void;
  readonly dropped: (spans: number, why: 'full' | 'failed', what: string) => void;
}

const batchSpans = 512;
const mostWaiting = 4 * batchSpans;
const batchEvery = ms(5_000);
const timeoutMs = 10_000;
const exportPath = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

export class SpanExporter implements Disposable {
  readonly #collector: Collector;
  readonly #parts: ExporterParts;
  readonly #stop = new AbortController();
  #waiting: Buffer[] = [];
  #timer: Disposable | undefined;
  #sending: Promise<void> | undefined;

  constructor(collector: Collector, parts: ExporterParts) {
    this.#collector = collector;
    this.#parts = parts;
  }

  add(span: Span): void {
    if (this.#waiting.length >= mostWaiting) {
      this.#parts.dropped(1, 'full', 'the collector is too slow');
      return;
    }
    this.#waiting.push(encodeSpan(span));
    this.#next();
  }

  /** Sends what waits; resolves when that was taken or has failed, or at the latest after `within`. */
  async flush(within: Ms): Promise<void> {
    const late = AbortSignal.any([AbortSignal.timeout(within), this.#stop.signal]);
    while (!late.aborted && (this.#waiting.length > 0 || this.#sending !== undefined)) {
      this.#begin();
      await Promise.race([this.#sending, aborted(late)]);
    }
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#stop.abort(new Error('the waypoint is stopping'));
  }

  #begin(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#sending !== undefined || this.#waiting.length === 0 || this.#stop.signal.aborted) return;
    this.#sending = this.#send(this.#waiting.splice(0, batchSpans)).finally(() => {
      this.#sending = undefined;
      this.#next();
    });
  }

  /** A whole batch goes at once, less than that when its time has come. */
  #next(): void {
    if (this.#stop.signal.aborted) return;
    if (this.#waiting.length >= batchSpans) this.#begin();
    else if (this.#waiting.length > 0) this.#timer ??= this.#parts.clock.after(batchEvery, () => this.#begin());
  }

  /** Never rejects. */
  async #send(spans: readonly Buffer[]): Promise<void> {
    const { exported, dropped, resource } = this.#parts;
    try {
      await this.#post(encodeExport(resource(), spans));
      exported(spans.length);
    } catch (e) {
      dropped(spans.length, 'failed', describeError(e));
    }
  }

  async #post(body: Buffer): Promise<void> {
    const { service, port, http } = this.#collector;
    const { signal } = this.#stop;
    const { call } = this.#parts;
    if (http === undefined) {
      await callUnary(call, this.#collector, { path: exportPath, message: body, timeout: timeoutMs }, signal);
      return;
    }
    const { status } = await call(this.#collector, {
      protocol: 'http1',
      method: 'POST',
      authority: `${service.slice(service.indexOf('/') + 1)}:${port}`,
      path: http.path.startsWith('/') ? http.path : `/${http.path}`,
      headers: [['content-type', 'application/x-protobuf']],
      body,
      timeout: timeoutMs,
      signal,
    });
    if (status < 200 || status > 299) throw new MeshError({ code: 'call.failed', status }, `the collector answered ${status}`);
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
