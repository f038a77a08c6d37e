// A Telemetry object as waypoints carry it out (facts: control-plane §6.8). Pure.
// Without targets it is for all waypoints of its namespace, in the root namespace for those of the mesh.
import type { MetricOverride, TelemetrySettings } from '@ambient-mesh/model/l7/settings';
import type { Telemetry, WrittenMetric, WrittenTracing } from '../kinds/telemetry.ts';
import { inRevision } from '../revision.ts';
import type { TranslateSettings } from '../settings.ts';
import { attach, headingOf, type PolicyLookUp, type TranslatedPolicy } from './policy-attachment.ts';

/** What is for clients alone is not for waypoints. */
const serves = ({ mode }: { readonly mode: string }): boolean => mode !== 'CLIENT';

export function telemetry(object: Telemetry, look: PolicyLookUp, settings: TranslateSettings): TranslatedPolicy<TelemetrySettings> {
  if (object.targets.length > 0 || object.selects)
    return attach(object, look, settings, (heading, problems) => ({ ...heading, ...partsOf(object, problems) }));
  if (!inRevision(object.meta, settings.revision)) return { problems: [] };
  const problems: string[] = [];
  return { policy: { ...headingOf(object, look, settings), ...partsOf(object, problems) }, problems };
}

type Parts = Pick<TelemetrySettings, 'metrics' | 'tracing' | 'accessLogging'>;

/** Of several parts of one kind, what a later one says counts. */
function partsOf({ metrics, tracing, accessLogging }: Telemetry, problems: string[]): Parts {
  const traced = tracing.filter(serves);
  const logged = accessLogging.filter(serves);
  const sampling = traced.findLast((part) => part.sampling !== undefined)?.sampling;
  const filter = logged.findLast((part) => part.filter !== '')?.filter;
  return {
    metrics: metrics.filter(serves).flatMap((metric) => overrideOf(metric, problems)),
    ...(traced.length > 0 && {
      tracing: {
        providers: lastOf(traced, ({ providers }) => providers),
        disabled: traced.findLast((part) => part.disabled !== undefined)?.disabled ?? false,
        ...(sampling !== undefined && { sampling: Math.min(100, Math.max(0, sampling)) }),
        tags: traced.flatMap((part) => tagsOf(part, problems)),
      },
    }),
    ...(logged.length > 0 && {
      accessLogging: {
        providers: lastOf(logged, ({ providers }) => providers),
        disabled: logged.findLast((part) => part.disabled !== undefined)?.disabled ?? false,
        ...(filter !== undefined && { filter }),
      },
    }),
  };
}

const lastOf = <P>(parts: readonly P[], of: (part: P) => readonly string[]): readonly string[] =>
  parts.map(of).findLast((list) => list.length > 0) ?? [];

function tagsOf({ tags }: WrittenTracing, problems: string[]): readonly (readonly [string, string])[] {
  return tags.flatMap(({ name, source, literal }) => {
    if (source === 'literal') return [[name, literal] as const];
    problems.push(`tag ${name} is left out: only literals are put into spans`);
    return [];
  });
}

function overrideOf({ metric, customMetric, disabled, tags }: WrittenMetric, problems: string[]): readonly MetricOverride[] {
  if (customMetric !== '') {
    problems.push(`metric ${customMetric} is not one of the mesh's`);
    return [];
  }
  const written = tags.map(({ name, operation, value }) => [name, operation === 'REMOVE' ? null : value] as const);
  return [{ metric, disabled, tags: written }];
}
