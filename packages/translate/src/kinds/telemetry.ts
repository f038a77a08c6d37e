// Telemetry as the mesh sees it: which metrics, traces and lines of logs are made.
import { type WaypointPolicy, waypointPolicyOf } from './policy-target.ts';
import { flag, isRaw, items, metaOf, type Raw, raw, text } from './read.ts';

interface WrittenPart {
  /** `CLIENT`, `SERVER` or both, which may be written or not. */
  readonly mode: string;
  readonly providers: readonly string[];
  /** Undefined: not said. */
  readonly disabled: boolean | undefined;
}

export interface WrittenTracing extends WrittenPart {
  /** Per cent. */
  readonly sampling: number | undefined;
  /** What else than a literal a value comes from is told by `source`. */
  readonly tags: readonly { readonly name: string; readonly source: string; readonly literal: string }[];
}

export interface WrittenAccessLogging extends WrittenPart {
  readonly filter: string;
}

export interface WrittenMetric {
  readonly mode: string;
  readonly metric: string;
  readonly customMetric: string;
  readonly disabled: boolean;
  readonly tags: readonly { readonly name: string; readonly operation: string; readonly value: string }[];
}

export interface Telemetry extends WaypointPolicy {
  readonly metrics: readonly WrittenMetric[];
  readonly tracing: readonly WrittenTracing[];
  readonly accessLogging: readonly WrittenAccessLogging[];
}

export const telemetryKind = {
  group: 'telemetry.istio.io',
  version: 'v1',
  plural: 'telemetries',
  kind: 'Telemetry',
  namespaced: true,
  narrow(object: unknown): Telemetry | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const [spec, status] = [raw(raw(object).spec), raw(object).status];
    return {
      ...waypointPolicyOf(meta, spec, status),
      metrics: items(spec.metrics).flatMap((each) => items(raw(each).overrides).map(metricOf)),
      tracing: items(spec.tracing).map(raw).map(tracingOf),
      accessLogging: items(spec.accessLogging).map(raw).map(accessLoggingOf),
    };
  },
} as const;

const partOf = ({ match, providers }: Raw, disabled: unknown): WrittenPart => ({
  mode: text(raw(match).mode),
  providers: items(providers).flatMap((each) => text(raw(each).name) || []),
  disabled: typeof disabled === 'boolean' ? disabled : undefined,
});

const tracingOf = (part: Raw): WrittenTracing => ({
  ...partOf(part, part.disableSpanReporting),
  sampling: typeof part.randomSamplingPercentage === 'number' ? part.randomSamplingPercentage : undefined,
  tags: Object.entries(raw(part.customTags)).map(([name, tag]) => {
    const [[source, value] = ['', undefined]] = Object.entries(raw(tag)).filter((entry) => isRaw(entry[1]));
    return { name, source, literal: source === 'literal' ? text(raw(value).value) : '' };
  }),
});

const accessLoggingOf = (part: Raw): WrittenAccessLogging => ({
  ...partOf(part, part.disabled),
  filter: text(raw(part.filter).expression),
});

function metricOf(value: unknown): WrittenMetric {
  const { match, disabled, tagOverrides } = raw(value);
  const { mode, metric, customMetric } = raw(match);
  return {
    mode: text(mode),
    metric: text(metric) || 'ALL_METRICS',
    customMetric: text(customMetric),
    disabled: flag(disabled),
    tags: Object.entries(raw(tagOverrides)).map(([name, override]) => {
      const { operation, value: written } = raw(override);
      return { name, operation: text(operation) || 'UPSERT', value: text(written) };
    }),
  };
}
