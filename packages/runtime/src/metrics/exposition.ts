// Text of the families, printed by prom-client's OpenMetrics registry from our own numbers.
// Adds what prom-client lacks: UNIT lines, and leaving out families that have no sample.
import { Counter, Gauge, type OpenMetricsContentType, Histogram as PromHistogram, Registry } from 'prom-client';
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

export class Exposition {
  readonly #registry = new Registry<OpenMetricsContentType>();
  readonly #families: { readonly of: Printable; current: readonly Sample[] }[] = [];

  constructor() {
    this.#registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  }

  /** Families are printed in the order of their adding. Throws if the name is taken or not a metric name. */
  add(of: Printable): void {
    const family: { readonly of: Printable; current: readonly Sample[] } = { of, current: [] };
    const options = { name: of.name, help: of.help, registers: [this.#registry] };
    const metric = { counter: () => new Counter(options), gauge: () => new Gauge(options), histogram: () => new PromHistogram(options) }[
      of.kind
    ]();
    const get = async () => ({ name: of.name, help: of.help, type: of.kind, values: family.current });
    Object.assign(metric, { get, getForPromString: get });
    this.#families.push(family);
  }

  /** The whole text, ending in `# EOF`. */
  async text(): Promise<string> {
    let text = '';
    for (const family of this.#families) {
      family.current = family.of.samples();
      if (family.current.length > 0) text += `${withUnit(await this.#registry.getSingleMetricAsString(family.of.name), family.of)}\n`;
      family.current = [];
    }
    return `${text}# EOF\n`;
  }
}

function withUnit(text: string, { name, unit }: Printable): string {
  if (unit === undefined) return text;
  const [help, type, ...samples] = text.split('\n');
  return [help, type, `# UNIT ${name} ${unit}`, ...samples].join('\n');
}
