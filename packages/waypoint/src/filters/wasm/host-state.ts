// What the host functions of one plugin share: its memory, its contexts, and what it has said since the last command.
// Made by guest.ts. Everything that a plugin can make grow has its limit here.
import { GuestContext } from './guest-context.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { Pairs, PluginEvent, Setup } from './messages.ts';
import { BoundedStore } from './store.ts';

/** The context of no request. */
export const rootId = 1;

export const most = {
  /** Per command. */
  logLines: 100,
  logText: 4_096,
  metrics: 200,
  metricName: 200,
  callsAtOnce: 50,
  /** Octets of a body that a plugin makes up. */
  body: 1 << 20,
  sharedBytes: 4 << 20,
} as const;

export interface Metric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  value: number;
  /** Of histograms: how many were recorded. */
  count: number;
}

export class HostState {
  readonly setup: Setup;
  readonly root: GuestContext;
  readonly contexts = new Map<number, GuestContext>();
  readonly shared = new BoundedStore(most.sharedBytes);
  readonly metrics: Metric[] = [];
  /** Those changed since the last command. */
  readonly changedMetrics = new Set<Metric>();
  /** The answer to a call, while the plugin is told of it. */
  called: { readonly headers: Pairs; readonly trailers: Pairs; readonly body: Uint8Array } | undefined;
  readonly calls = new Set<number>();
  /** The one that host functions are about. */
  effective: GuestContext;
  #memory: GuestMemory | undefined;
  #events: PluginEvent[] = [];
  #lines = 0;

  constructor(setup: Setup) {
    this.setup = setup;
    this.root = new GuestContext(rootId, {});
    this.contexts.set(rootId, this.root);
    this.effective = this.root;
  }

  get memory(): GuestMemory {
    if (this.#memory === undefined) throw new Error('it called a host function before it was there');
    return this.#memory;
  }

  set memory(memory: GuestMemory) {
    this.#memory = memory;
  }

  say(event: PluginEvent): void {
    this.#events.push(event);
  }

  readonly log = (level: number, text: string): void => {
    this.#lines += 1;
    if (this.#lines <= most.logLines) this.say({ say: 'log', level, text: text.slice(0, most.logText) });
  };

  /** What it has said; from here on it is asked anew. */
  takeEvents(): readonly PluginEvent[] {
    for (const { name, kind, value, count } of this.changedMetrics) {
      if (kind !== 'histogram') this.say({ say: 'metric', name, kind, value });
      else {
        this.say({ say: 'metric', name: `${name}_sum`, kind: 'counter', value });
        this.say({ say: 'metric', name: `${name}_count`, kind: 'counter', value: count });
      }
    }
    const events = this.#events;
    this.#events = [];
    this.#lines = 0;
    this.changedMetrics.clear();
    return events;
  }
}
