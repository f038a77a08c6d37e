// All plugins of the user's own, and the place of each in the chain of a request: by phase, then priority, then age (facts: control-plane §6.2).
// One per waypoint, owned by filters.ts. A plugin that cannot be run costs its own requests only: they pass, or get a 500, as `failOpen` says.
import type { WasmFilter } from '@ambient-mesh/model/l7/policy';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { unlessAborted } from '@ambient-mesh/runtime/unless-aborted';
import type { FetchBytes } from '../../dispatch/fetch-text.ts';
import type { Logger } from '../../log.ts';
import type { Answer } from '../../route/answer.ts';
import type { Draft } from '../../route/draft.ts';
import type { Rules } from '../../world.ts';
import type { CallAnswer, HttpCall, Properties } from './messages.ts';
import { Plugin, type PluginParts, type PluginTimes, type Running } from './plugin.ts';
import { PluginMetrics } from './plugin-metrics.ts';
import { refuse } from './plugin-stream.ts';
import { RequestPlugins } from './request-plugins.ts';
import { ModuleSource } from './source.ts';

export interface PluginsPorts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly fetchBytes: FetchBytes;
  /** Of the plugin and its node. */
  readonly properties: (plugin: WasmFilter) => Properties;
  /** A request that a plugin makes. Rejects when there is no answer. */
  readonly call: (plugin: WasmFilter, call: HttpCall, signal: AbortSignal) => Promise<CallAnswer>;
  readonly times?: Partial<PluginTimes>;
}

/** How long a request waits for a plugin that is being started for the first time. */
const firstStart = 5_000;
/** Threads; plugins beyond are not run, as if they had failed. */
const mostPlugins = 64;
const levels = ['debug', 'debug', 'info', 'warn', 'error', 'error'] as const;

type Phase = WasmFilter['phase'];

export class Plugins implements Disposable {
  readonly #ports: PluginsPorts;
  readonly #parts: PluginParts;
  readonly #counts: PluginMetrics;
  readonly #plugins = new Map<string, Plugin>();
  /** Those that were too many and have been complained about; at most one complaint per change of the world. */
  readonly #turnedAway = new Set<string>();
  readonly #order = new WeakMap<Rules, ReadonlyMap<Phase, readonly WasmFilter[]>>();
  readonly #requests = new WeakMap<Draft, RequestPlugins>();

  constructor(ports: PluginsPorts) {
    this.#ports = ports;
    const { clock, random, log, metrics, properties, call, times } = ports;
    const source = new ModuleSource(ports.fetchBytes);
    const counts = new PluginMetrics(metrics);
    this.#counts = counts;
    this.#parts = {
      load: (filter, signal) => source.load(filter, signal),
      clock,
      random,
      properties,
      call,
      times: { callback: ms(1_000), start: ms(10_000), wait: ms(60_000), ...times },
      heard: (plugin, event) => {
        if (event.say === 'log') log[levels[event.level] ?? 'info']({ plugin: keyOf(plugin) }, event.text);
        else counts.told(keyOf(plugin), event);
      },
      failed: (plugin, why) => {
        counts.failed(keyOf(plugin));
        log.warn({ plugin: keyOf(plugin), why }, 'a plugin does not run');
      },
    };
  }

  /** All that there are now: what has changed is started anew, what is gone stops. `atOnce`: started before the first request. */
  follow(filters: Iterable<WasmFilter>, atOnce: (filter: WasmFilter) => boolean): void {
    this.#turnedAway.clear();
    const wanted = new Map([...filters].map((filter) => [keyOf(filter), filter]));
    for (const [key, plugin] of this.#plugins) {
      if (wanted.has(key)) continue;
      this.#plugins.delete(key);
      this.#counts.forget(key);
      plugin.retire();
    }
    for (const [key, filter] of wanted) {
      const known = this.#plugins.get(key);
      if (known !== undefined) known.update(filter);
      else if (atOnce(filter)) this.#start(filter);
    }
  }

  /** The answer of the first plugin that has one. */
  async run(draft: Draft, rules: Rules, phase: Phase): Promise<Answer | undefined> {
    if (rules.plugins.length === 0) return undefined;
    for (const filter of this.#ordered(rules).get(phase) ?? []) {
      if (filter.ports.length > 0 && !filter.ports.includes(draft.inlet.port)) continue;
      const said = await this.#ask(draft, filter);
      if (said !== undefined) return said;
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    for (const plugin of this.#plugins.values()) plugin[Symbol.dispose]();
    this.#plugins.clear();
  }

  async #ask(draft: Draft, filter: WasmFilter): Promise<Answer | undefined> {
    const plugin = this.#plugins.get(keyOf(filter)) ?? this.#start(filter);
    // Asked for at once: a plugin that was replaced meanwhile would know nothing of the request.
    const running = plugin?.instance ?? (plugin === undefined || filter.failOpen ? undefined : await firstStartOf(plugin));
    if (running === undefined) return filter.failOpen ? undefined : refuse(draft);
    return this.#seenBy(draft).ask(filter, running);
  }

  #start(filter: WasmFilter): Plugin | undefined {
    const key = keyOf(filter);
    if (this.#plugins.size >= mostPlugins) {
      if (!this.#turnedAway.has(key)) this.#parts.failed(filter, `there are ${mostPlugins} plugins already`);
      this.#turnedAway.add(key);
      return undefined;
    }
    const plugin = new Plugin(this.#parts, filter);
    this.#plugins.set(key, plugin);
    return plugin;
  }

  #seenBy(draft: Draft): RequestPlugins {
    const known = this.#requests.get(draft);
    if (known !== undefined) return known;
    const plugins = draft.scope.use(new RequestPlugins(draft, this.#ports.clock));
    this.#requests.set(draft, plugins);
    return plugins;
  }

  #ordered(rules: Rules): ReadonlyMap<Phase, readonly WasmFilter[]> {
    const known = this.#order.get(rules);
    if (known !== undefined) return known;
    const sorted = rules.plugins.toSorted((a, b) => b.priority - a.priority || a.createdAt - b.createdAt || (keyOf(a) < keyOf(b) ? -1 : 1));
    const order = Map.groupBy(sorted, ({ phase }) => phase);
    this.#order.set(rules, order);
    return order;
  }
}

async function firstStartOf(plugin: Plugin): Promise<Running | undefined> {
  await unlessAborted(plugin.tried, AbortSignal.timeout(firstStart)).catch(() => {});
  return plugin.instance;
}

const keyOf = ({ namespace, name }: WasmFilter): string => `${namespace}/${name}`;
