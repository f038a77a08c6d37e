// One plugin of the user's own, kept running: loaded, started, started again when it ends, replaced when its object has changed.
// Made by plugins.ts; asked per request for the instance in force. A new version takes over when it has started; until then the old one works.
import { isDeepStrictEqual } from 'node:util';
import type { WasmFilter } from '@ambient-mesh/model/l7/policy';
import { Backoff } from '@ambient-mesh/runtime/backoff';
import { describeError } from '@ambient-mesh/runtime/errors';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import { Instance } from './instance.ts';
import type { CallAnswer, HttpCall, PluginEvent, Properties } from './messages.ts';

export interface PluginTimes {
  /** For one callback. */
  readonly callback: Ms;
  readonly start: Ms;
  /** For a request that a plugin makes wait. */
  readonly wait: Ms;
}

export interface PluginParts {
  readonly load: (filter: WasmFilter, signal: AbortSignal) => Promise<WebAssembly.Module>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly times: PluginTimes;
  readonly properties: (filter: WasmFilter) => Properties;
  readonly call: (plugin: WasmFilter, call: HttpCall, signal: AbortSignal) => Promise<CallAnswer>;
  readonly heard: (plugin: WasmFilter, event: Extract<PluginEvent, { readonly say: 'log' | 'metric' }>) => void;
  /** It could not be started, or ended. */
  readonly failed: (plugin: WasmFilter, why: string) => void;
}

/** Running this long, it is not the start that was the problem. */
const steady = ms(10_000);

export class Plugin implements Disposable {
  readonly #parts: PluginParts;
  #active: Version;
  #next: Version | undefined;

  constructor(parts: PluginParts, filter: WasmFilter) {
    this.#parts = parts;
    this.#active = new Version(parts, filter, () => {});
  }

  /** Undefined: it is not running. */
  get instance(): Running | undefined {
    return this.#active.running;
  }

  /** Resolves when it has been tried to start it once. */
  get tried(): Promise<void> {
    return this.#active.tried;
  }

  update(filter: WasmFilter): void {
    const newest = this.#next ?? this.#active;
    if (sameSetup(newest.filter, filter)) return;
    this.#next?.[Symbol.dispose]();
    this.#next = undefined;
    if (sameSetup(this.#active.filter, filter)) return;
    const next = new Version(this.#parts, filter, () => this.#takeOver(next));
    this.#next = next;
  }

  /** Its object is gone: requests that it knows are finished by it. */
  retire(): void {
    this.#next?.[Symbol.dispose]();
    this.#active.retire();
  }

  [Symbol.dispose](): void {
    this.#next?.[Symbol.dispose]();
    this.#active[Symbol.dispose]();
  }

  #takeOver(next: Version): void {
    if (this.#next !== next) return;
    this.#active.retire();
    this.#active = next;
    this.#next = undefined;
  }
}

export interface Running {
  readonly instance: Instance;
  /** Which callbacks it has. */
  readonly bodies: boolean;
  readonly responses: boolean;
}

class Version implements Disposable {
  readonly filter: WasmFilter;
  readonly tried: Promise<void>;
  running: Running | undefined;
  readonly #parts: PluginParts;
  readonly #stop = new AbortController();
  readonly #tried = Promise.withResolvers<void>();

  constructor(parts: PluginParts, filter: WasmFilter, ready: () => void) {
    this.#parts = parts;
    this.filter = filter;
    this.tried = this.#tried.promise;
    void this.#keep(ready);
  }

  /** Requests that it knows are finished by it. */
  retire(): void {
    const running = this.running;
    this.running = undefined;
    this.#stop.abort(new Error('replaced'));
    running?.instance.retire();
  }

  [Symbol.dispose](): void {
    const running = this.running;
    this.running = undefined;
    this.#stop.abort(new Error('removed'));
    running?.instance[Symbol.dispose]();
  }

  async #keep(ready: () => void): Promise<void> {
    const { clock, random } = this.#parts;
    const { signal } = this.#stop;
    const loading = new Backoff({ first: ms(1_000), max: ms(60_000), factor: 2, jitter: 0.2, random });
    const starting = new Backoff({ first: ms(50), max: ms(5_000), factor: 2, jitter: 0.2, random });
    let module: WebAssembly.Module | undefined;
    while (!signal.aborted) {
      const began = clock.monotonic();
      const loaded = module !== undefined;
      try {
        module ??= await this.#parts.load(this.filter, signal);
        const why = await this.#run(module, ready);
        if (!signal.aborted) this.#parts.failed(this.filter, why);
      } catch (e) {
        if (!signal.aborted) this.#parts.failed(this.filter, describeError(e));
      }
      this.#tried.resolve();
      if (clock.monotonic() - began >= steady) starting.reset();
      await clock.sleep((loaded || module !== undefined ? starting : loading).next(), signal).catch(() => {});
    }
    this.#tried.resolve();
  }

  /** Resolves when it has ended, saying why. */
  async #run(module: WebAssembly.Module, ready: () => void): Promise<string> {
    const { clock, times, properties, heard, call } = this.#parts;
    const { filter } = this;
    const { signal } = this.#stop;
    const over = new AbortController();
    const setup = { module, configuration: filter.pluginConfig, env: filter.env, properties: properties(filter) };
    const instance = new Instance({
      setup,
      clock,
      deadline: times.callback,
      startDeadline: times.start,
      waitDeadline: times.wait,
      heard: (event) => {
        if (event.say !== 'call') return heard(filter, event);
        const failed = { headers: [], trailers: [], body: new Uint8Array() };
        void call(filter, event, over.signal).then(
          (answer) => instance.called({ do: 'called', call: event.call, ...answer }),
          () => instance.called({ do: 'called', call: event.call, ...failed }),
        );
      },
    });
    void instance.ended.then((why) => over.abort(new Error(why)));
    const stop = (): void => instance[Symbol.dispose]();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const started = await instance.started;
      signal.removeEventListener('abort', stop);
      if (signal.aborted) return 'it was stopped';
      this.running = { instance, ...started };
      this.#tried.resolve();
      ready();
      return await instance.ended;
    } finally {
      signal.removeEventListener('abort', stop);
      if (this.running?.instance === instance) this.running = undefined;
    }
  }
}

/** What does not concern the thread can change without a new one. */
function sameSetup(one: WasmFilter, other: WasmFilter): boolean {
  const setup = ({ url, sha256, pluginConfig, pluginName, env, namespace, name }: WasmFilter) => [
    url,
    sha256,
    pluginConfig,
    pluginName,
    env,
    namespace,
    name,
  ];
  return isDeepStrictEqual(setup(one), setup(other));
}
