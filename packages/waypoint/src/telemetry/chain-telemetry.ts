// What the Telemetry objects and the mesh's defaults mean for one chain: which metrics with which labels, which logs, which traces. Pure.
// Made by telemetry.ts once for each set of rules. Objects come weakest first (mesh, namespace, waypoint, service); a later one refines the ones before.
import type { MeshSettings, MetricOverride, Provider, TelemetrySettings } from '@ambient-mesh/model/l7/settings';
import { compileFormat, defaultFormat, type Format } from './access-format.ts';
import { compileExpression, type Expression } from './expression.ts';
import { type Group, groupsOf, type MetricEdits } from './metric-groups.ts';
import type { Attributes } from './otlp.ts';
import type { Collector } from './span-exporter.ts';

export interface TracingRules {
  readonly collector: Collector;
  /** The same for the same collector. */
  readonly key: string;
  /** Per cent. */
  readonly sampling: number;
  readonly tags: Attributes;
}

export interface AccessRules {
  readonly to: 'stdout' | 'stderr';
  readonly line: Format;
}

export interface ChainTelemetry {
  readonly request: readonly Group[];
  readonly tcp: readonly Group[];
  readonly tracing: TracingRules | undefined;
  readonly access: readonly AccessRules[];
  /** What is not false for an entry is logged; absent: everything is. */
  readonly accessFilter: Expression | undefined;
  /** What could not be carried out, for people. */
  readonly problems: readonly string[];
}

export function compileTelemetry(objects: readonly TelemetrySettings[], settings: MeshSettings): ChainTelemetry {
  const problems: string[] = [];
  const edits = objects.reduce((known, { metrics }) => editedBy(known, metrics, problems), new Map() as MetricEdits);
  const logged = objects.flatMap(({ accessLogging }) => accessLogging ?? []);
  return {
    request: groupsOf('request', edits),
    tcp: groupsOf('tcp', edits),
    tracing: tracingOf(objects, settings, problems),
    access: accessOf(logged, settings, problems),
    accessFilter: filterOf(logged.findLast(({ filter }) => filter !== undefined)?.filter, problems),
    problems,
  };
}

/** An override that changes labels says nothing of whether there is the metric. */
function editedBy(known: MetricEdits, overrides: readonly MetricOverride[], problems: string[]): MetricEdits {
  for (const { metric, disabled, tags } of overrides) {
    const written = tags.map(([name, value]) => [name, value === null ? undefined : tagOf(name, value, problems)] as const);
    for (const id of metric === 'ALL_METRICS' ? ['ALL_METRICS', ...known.keys()] : [metric]) {
      const before = known.get(id) ?? known.get('ALL_METRICS');
      known.set(id, {
        disabled: disabled || (tags.length > 0 && before?.disabled === true),
        tags: new Map([...(before?.tags ?? []), ...written]),
      });
    }
  }
  return known;
}

function tagOf(name: string, value: string, problems: string[]): Expression {
  const compiled = compileExpression(value);
  if (compiled === undefined) problems.push(`the value of tag ${name} is not understood: ${value}`);
  return compiled ?? (() => undefined);
}

function filterOf(text: string | undefined, problems: string[]): Expression | undefined {
  if (text === undefined) return undefined;
  const compiled = compileExpression(text);
  if (compiled === undefined) problems.push(`the filter of access logs is not understood, everything is logged: ${text}`);
  return compiled;
}

function tracingOf(objects: readonly TelemetrySettings[], settings: MeshSettings, problems: string[]): TracingRules | undefined {
  const said = objects.flatMap(({ tracing }) => tracing ?? []);
  if (said.at(-1)?.disabled === true) return undefined;
  const names = said.findLast(({ providers }) => providers.length > 0)?.providers ?? settings.defaultProviders.tracing;
  const found = named(names, settings, problems).find((provider) => provider.kind === 'otlp');
  if (found === undefined) return undefined;
  const { service, port, http } = found;
  return {
    collector: { service, port, ...(http && { http }) },
    key: `${service} ${port} ${http?.path ?? ''}`,
    sampling: said.findLast(({ sampling }) => sampling !== undefined)?.sampling ?? found.sampling,
    tags: [...new Map(said.flatMap(({ tags }) => tags))],
  };
}

/** The mesh's own access log counts where no object and no default provider says anything. */
function accessOf(
  said: readonly NonNullable<TelemetrySettings['accessLogging']>[],
  settings: MeshSettings,
  problems: string[],
): readonly AccessRules[] {
  if (said.at(-1)?.disabled === true) return [];
  const written = said.findLast(({ providers }) => providers.length > 0)?.providers;
  const byDefault = settings.defaultProviders.accessLogging;
  const names = written ?? (byDefault.length > 0 ? byDefault : said.length > 0 ? ['envoy'] : undefined);
  const { accessLog } = settings;
  const own = accessLog && { ...accessLog, path: '/dev/stdout' };
  const logs = names === undefined ? (own ? [own] : []) : named(names, settings, problems).filter(({ kind }) => kind === 'access-log');
  return logs.flatMap((log) => {
    if (!('encoding' in log)) return [];
    // The provider that is there by itself looks as the mesh's own log does.
    const { encoding, format } = 'name' in log && log.name === 'envoy' && log.format === undefined && accessLog ? accessLog : log;
    const line = compileFormat(encoding, format);
    if (line === undefined) problems.push(`an access log's format is not understood, the usual one is used: ${format}`);
    return { to: log.path === '/dev/stderr' ? 'stderr' : 'stdout', line: line ?? defaultFormat(encoding) };
  });
}

function named(names: readonly string[], { providers }: MeshSettings, problems: string[]): readonly Provider[] {
  return names.flatMap((name) => {
    const found = providers.find((each) => each.name === name);
    if (found === undefined) problems.push(`there is no provider ${name}`);
    else if (found.kind === 'unsupported') problems.push(`provider ${name} cannot be used: ${found.what}`);
    return found ?? [];
  });
}
