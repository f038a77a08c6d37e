// What Prometheus knows of the mesh, in place of asking the proxies: the same figures for as long as it remembers, at its own interval.
// Made by programs that are given its address; asked by serve.ts. Its answers are not trusted: what cannot be read is left out.
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import type { Measurement, Target } from './collect.ts';
import { type Family, families, type Measured, type Subject, subjectOf } from './series.ts';

export interface PrometheusPorts {
  /** `http://prometheus.monitoring:9090`, perhaps with a path. */
  readonly url: string;
  readonly fetchText: (url: string, signal: AbortSignal) => Promise<string>;
  /** Which pods are waypoints. */
  readonly targets: (signal: AbortSignal) => Promise<readonly Target[]>;
  readonly clock: Clock;
}

export type PrometheusFault = { readonly code: 'prometheus.answer' };

/** A rate needs two samples, and most scrape every 15 s or 30 s. */
const shortest = ms(60_000);
const timeoutMs = 8_000;
const keptFor = ms(2_000);
const mostSeries = 200_000;

const labels = [
  'reporter',
  'source_workload',
  'source_workload_namespace',
  'source_principal',
  'destination_workload',
  'destination_workload_namespace',
  'destination_principal',
  'destination_service',
  'destination_service_name',
  'destination_service_namespace',
  'request_protocol',
  'response_code',
  'grpc_response_status',
  'response_flags',
  'connection_security_policy',
  'policy',
  'le',
  // The proxy that tells, by the two names that scrape configurations give it.
  'pod',
  'kubernetes_pod_name',
].join();

/** Counters of which the graph shows where they stand, not only how they grow. */
const standing: ReadonlySet<Family> = new Set(['istio_tcp_connections_opened_total', 'istio_tcp_connections_closed_total']);

export class Prometheus {
  readonly #ports: PrometheusPorts;
  /** The last answer by window, so that several viewers cost as much as one. */
  readonly #answers = new Map<number, { readonly at: Ms; readonly answer: Promise<Measurement> }>();

  constructor(ports: PrometheusPorts) {
    this.#ports = ports;
  }

  /** @throws when Prometheus does not answer, or refuses */
  measure(window: Ms): Promise<Measurement> {
    const now = this.#ports.clock.monotonic();
    const seconds = Math.max(window, shortest) / 1_000;
    const known = this.#answers.get(seconds);
    if (known !== undefined && now - known.at < keptFor) return known.answer;
    const answer = this.#ask(seconds);
    answer.catch(() => {});
    this.#answers.set(seconds, { at: now, answer });
    return answer;
  }

  async #ask(seconds: number): Promise<Measurement> {
    const signal = AbortSignal.timeout(timeoutMs);
    const warnings: string[] = [];
    const targets = await this.#ports.targets(signal).catch(() => {
      warnings.push('the proxies cannot be listed, so that waypoints are not told apart');
      return [];
    });
    const waypoints = new Map(targets.flatMap(({ id, waypoint }) => (waypoint ? [[nameIn(id), waypoint] as const] : [])));
    const asked = families.map(async (family) => {
      const [grown, stands] = await Promise.all([
        this.#query(`sum by (${labels}) (increase(${family}[${seconds}s]))`, signal),
        standing.has(family) ? this.#query(`sum by (${labels}) (${family})`, signal) : [],
      ]);
      return [...grown.map((row) => measured(family, row, 'increase')), ...stands.map((row) => measured(family, row, 'latest'))];
    });
    const all = (await Promise.all(asked)).flat();
    return {
      seconds,
      measured: all.map(({ pod, ...each }) => ({ ...each, by: each.subject.reporter === 'source' ? undefined : waypoints.get(pod) })),
      waypoints: new Set([...waypoints.values()].map(({ key }) => key)),
      warnings,
    };
  }

  async #query(query: string, signal: AbortSignal): Promise<readonly Row[]> {
    const { url, fetchText } = this.#ports;
    const text = await fetchText(`${url.replace(/\/$/, '')}/api/v1/query?${new URLSearchParams({ query })}`, signal);
    return rowsOf(text);
  }
}

interface Row {
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

interface FromPod extends Omit<Measured, 'by'> {
  readonly pod: string;
}

function measured(family: Family, { labels, value }: Row, figure: 'increase' | 'latest'): FromPod {
  const subject: Subject = subjectOf(labels);
  const pod = labels.get('pod') || labels.get('kubernetes_pod_name') || '';
  return { family, subject, increase: 0, latest: 0, [figure]: value, pod };
}

const nameIn = (id: string): string => id.slice(id.indexOf('/') + 1);

/** @throws MeshError `prometheus.answer` for what is no answer to a query */
export function rowsOf(text: string): readonly Row[] {
  const result = at(at(parsed(text), 'data'), 'result');
  if (!Array.isArray(result))
    throw new MeshError<PrometheusFault>({ code: 'prometheus.answer' }, 'Prometheus answers something else than a vector');
  return result.slice(0, mostSeries).flatMap((each) => {
    const [metric, value] = [at(each, 'metric'), at(each, 'value')];
    const number = Array.isArray(value) ? Number(value[1]) : Number.NaN;
    if (typeof metric !== 'object' || metric === null || !Number.isFinite(number)) return [];
    return [{ labels: new Map(Object.entries(metric).map(([name, label]) => [name, String(label)])), value: number }];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (e) {
    throw new MeshError<PrometheusFault>({ code: 'prometheus.answer' }, 'Prometheus answers something else than JSON', e);
  }
}

const at = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
