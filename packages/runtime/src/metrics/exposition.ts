// Text of the families, printed by prom-client's OpenMetrics registry from our own numbers.
// Adds what prom-client lacks: UNIT lines, and leaving out families that have no sample.
import type { Metric, OpenMetricsContentType, Registry } from 'prom-client';
import { type Family, firstCell, type Kind } from './family.ts';
import { histogramSamples } from './histogram.ts';

export interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Printed once and then remembered by prom-client for as long as the object lives. */
  readonly sharedLabels?: Readonly<Record<string, string>>;
  /** Only where it differs from the family's name. */
  readonly metricName?: string;
}

export interface Printable {
  /** Without `_total`. */
  readonly name: string;
  readonly help: string;
  readonly kind: Kind;
  readonly unit: string | undefined;
  readonly samples: () => readonly Sample[];
}

const noLabels = {};

export function printable(family: Family<string>): Printable {
  const { name, help, kind, unit } = family.options;
  const samples = (): Sample[] => {
    const found: Sample[] = [];
    for (const entry of family.entries) {
      if (kind === 'histogram') found.push(...histogramSamples(family.options, entry));
      else found.push({ value: firstCell(entry).value, labels: noLabels, sharedLabels: entry.labels.object });
    }
    return found;
  };
  return { name, help, kind, unit, samples };
}

interface Listed {
  readonly of: Printable;
  current: readonly Sample[];
  registered: boolean;
}

interface Loaded {
  readonly prom: typeof import('prom-client');
  readonly registry: Registry<OpenMetricsContentType>;
}

async function load(): Promise<Loaded> {
  const prom = await import('prom-client');
  const registry = new prom.Registry<OpenMetricsContentType>();
  registry.setContentType(prom.Registry.OPENMETRICS_CONTENT_TYPE);
  return { prom, registry };
}

export class Exposition {
  readonly #families: Listed[] = [];
  #loaded: Promise<Loaded> | undefined;

  /** Families are printed in the order of their adding. */
  add(of: Printable): void {
    this.#families.push({ of, current: [], registered: false });
  }

  /** The whole text, ending in `# EOF`. Rejects if a name is taken or no metric name. */
  async text(): Promise<string> {
    // prom-client (5 MB) comes when somebody wants to read: data threads, which only count, never do.
    this.#loaded ??= load();
    const { prom, registry } = await this.#loaded;
    let text = '';
    for (const family of this.#families) {
      if (!family.registered) register({ prom, registry }, family);
      family.current = family.of.samples();
      if (family.current.length > 0) text += `${withUnit(await registry.getSingleMetricAsString(family.of.name), family.of)}\n`;
      family.current = [];
    }
    return `${text}# EOF\n`;
  }
}

function register({ prom, registry }: Loaded, family: Listed): void {
  const { name, help, kind } = family.of;
  const options = { name, help, registers: [registry] };
  const make: Readonly<Record<Kind, () => Metric>> = {
    counter: () => new prom.Counter(options),
    gauge: () => new prom.Gauge(options),
    histogram: () => new prom.Histogram(options),
  };
  const get = async () => ({ name, help, type: kind, values: family.current });
  Object.assign(make[kind](), { get, getForPromString: get });
  family.registered = true;
}

function withUnit(text: string, { name, unit }: Printable): string {
  if (unit === undefined) return text;
  const [help, type, ...samples] = text.split('\n');
  return [help, type, `# UNIT ${name} ${unit}`, ...samples].join('\n');
}
