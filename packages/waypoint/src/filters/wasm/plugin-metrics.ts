// What plugins count, and how often they fail, for Prometheus. Plugins make names up as they like, so a name is a label here.
// Told by plugins.ts. Counts begin anew when a plugin is started again, as with any program.
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import type { PluginEvent } from './messages.ts';

type Told = Extract<PluginEvent, { readonly say: 'metric' }>;
type Row = readonly [labels: { readonly plugin: string; readonly metric: string }, value: number];

export class PluginMetrics {
  readonly #failures;
  readonly #told = new Map<string, Map<string, Told>>();

  constructor(metrics: Metrics) {
    this.#failures = metrics.counter('ambient_waypoint_plugin_failures_total', 'How often a plugin could not be started, or ended', [
      'plugin',
    ]);
    const labels = ['plugin', 'metric'] as const;
    metrics.collected({
      name: 'ambient_waypoint_plugin_counter_total',
      help: 'What plugins count, by the names they give; of histograms the sum and the number',
      kind: 'counter',
      labels,
      read: () => this.#rows('counter'),
    });
    metrics.collected({
      name: 'ambient_waypoint_plugin_gauge',
      help: 'What plugins measure, by the names they give',
      kind: 'gauge',
      labels,
      read: () => this.#rows('gauge'),
    });
  }

  failed(plugin: string): void {
    this.#failures.series([plugin]).value += 1;
  }

  told(plugin: string, metric: Told): void {
    const known = this.#told.get(plugin) ?? new Map<string, Told>();
    this.#told.set(plugin, known);
    known.set(metric.name, metric);
  }

  forget(plugin: string): void {
    this.#told.delete(plugin);
  }

  *#rows(kind: Told['kind']): Iterable<Row> {
    for (const [plugin, told] of this.#told)
      for (const { name, kind: each, value } of told.values()) if (each === kind) yield [{ plugin, metric: name }, value];
  }
}
