// The spans of requests: one for each that is traced, from its first octet to the end of its answer; its endpoint becomes its child.
// Asked by telemetry.ts at a request's beginning and end. Headers are trace-context.ts, collectors span-exporter.ts.
import { randomBytes } from 'node:crypto';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import type { HeaderList } from '@ambient-mesh/wire/http/message';
import type { Call } from '../filters/call.ts';
import { serviceOf } from '../inlet.ts';
import type { Logger } from '../log.ts';
import type { World } from '../world.ts';
import type { TracingRules } from './chain-telemetry.ts';
import { type Entry, headerIn, upstreamCluster, upstreamHost } from './entry.ts';
import type { Attributes } from './otlp.ts';
import { SpanExporter } from './span-exporter.ts';
import { type OutgoingTrace, readTrace, writeTrace } from './trace-context.ts';

/** A request's place in its trace, while it runs. */
export interface Trace {
  readonly place: OutgoingTrace;
  readonly rules: TracingRules;
  readonly state: string;
  /** The headers of a request as its endpoint gets them. */
  readonly inject: (headers: HeaderList) => HeaderList;
}

export interface TracingParts {
  readonly world: World;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly call: Call;
  readonly log: Logger;
  /** 0 <= x < 1. */
  readonly random: () => number;
  /** Random hexadecimal digits; for tests. */
  readonly digits?: (octets: number) => string;
}

const randomDigits = (octets: number): string => randomBytes(octets).toString('hex');
const saysAgainAfter = ms(60_000);

export class Tracing implements Disposable {
  readonly #parts: TracingParts;
  readonly #exporters = new Map<string, SpanExporter>();
  readonly #exported;
  readonly #dropped;
  #toldAt: Ms | undefined;

  constructor(parts: TracingParts) {
    this.#parts = parts;
    const { metrics } = parts;
    this.#exported = metrics.counter('ambient_waypoint_spans_exported_total', 'Spans that a collector took', []);
    this.#dropped = metrics.counter('ambient_waypoint_spans_dropped_total', 'Spans that no collector took', ['reason']);
  }

  /** What the request came with decides; otherwise chance, as often as the rules say. */
  begin(rules: TracingRules, headers: HeaderList): Trace {
    const { random, digits = randomDigits } = this.#parts;
    const incoming = readTrace(headers);
    const place: OutgoingTrace = {
      traceId: incoming.traceId ?? digits(16),
      spanId: digits(8),
      parentId: incoming.parentId,
      sampled: incoming.sampled ?? random() * 100 < rules.sampling,
      formats: incoming.formats,
    };
    const state = incoming.formats.has('w3c') ? (headerIn(headers, 'tracestate') ?? '') : '';
    return { place, rules, state, inject: (list) => writeTrace(list, place) };
  }

  end({ place, rules, state }: Trace, entry: Entry): void {
    if (!place.sampled) return;
    const { startTime, milliseconds, inlet } = entry;
    this.#exporter(rules).add({
      traceId: place.traceId,
      spanId: place.spanId,
      parentId: place.parentId,
      traceState: state,
      name: `${serviceOf(inlet)?.hostname ?? inlet.port}:${inlet.port}/*`,
      start: startTime,
      end: startTime + milliseconds,
      attributes: this.#attributesOf(entry, rules),
      failed: entry.status >= 500 || entry.status === 0,
    });
  }

  /** What waits goes out, if a collector takes it in time. */
  async flush(within: Ms): Promise<void> {
    await Promise.all(Array.from(this.#exporters.values(), (each) => each.flush(within)));
  }

  [Symbol.dispose](): void {
    for (const each of this.#exporters.values()) each[Symbol.dispose]();
  }

  #attributesOf(entry: Entry, { tags }: TracingRules): Attributes {
    const { self } = this.#parts.world;
    const { head, inlet } = entry;
    const optional: readonly (readonly [string, string | number | undefined])[] = [
      ['user_agent', headerIn(head?.headers, 'user-agent')],
      ['guid:x-request-id', headerIn(head?.headers, 'x-request-id')],
      ['upstream_cluster', upstreamCluster(entry)],
      ['upstream_address', upstreamHost(entry)],
      ['grpc.status_code', entry.grpcStatus],
      ['istio.source_workload', inlet.source.workload?.workloadName],
      ['istio.destination_workload', entry.endpoint?.workload.workloadName],
    ];
    return [
      ['component', 'proxy'],
      ['http.method', head?.method ?? ''],
      ['http.url', `${head?.scheme}://${head?.authority}${head?.path}`],
      ['http.protocol', entry.version],
      ['http.status_code', entry.status],
      ['request_size', entry.requestBytes],
      ['response_size', entry.responseBytes],
      ['response_flags', entry.flags.join(',') || '-'],
      ['peer.address', inlet.from.ip],
      ...optional.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])),
      ['istio.canonical_service', self.canonicalName],
      ['istio.canonical_revision', self.canonicalRevision],
      ['istio.namespace', self.namespace],
      ['istio.cluster_id', self.clusterId],
      ['istio.source_principal', inlet.client.uri],
      ...tags,
    ];
  }

  #exporter({ collector, key }: TracingRules): SpanExporter {
    const known = this.#exporters.get(key);
    if (known !== undefined) return known;
    const { world, call, clock } = this.#parts;
    const made = new SpanExporter(collector, {
      call,
      clock,
      resource: () => {
        const { name, namespace } = world.waypoint;
        return [
          ['service.name', `${name}.${namespace}`],
          ['k8s.pod.name', world.self.name],
        ];
      },
      exported: (spans) => {
        this.#exported.series([]).value += spans;
      },
      dropped: (spans, why, what) => this.#lost(spans, why, what),
    });
    this.#exporters.set(key, made);
    return made;
  }

  #lost(spans: number, reason: string, why: string): void {
    this.#dropped.series([reason]).value += spans;
    const now = this.#parts.clock.monotonic();
    if (this.#toldAt !== undefined && now - this.#toldAt < saysAgainAfter) return;
    this.#toldAt = now;
    this.#parts.log.warn({ reason, why }, 'spans were dropped');
  }
}
