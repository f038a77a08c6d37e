// A plugin at work: the instantiated module, its contexts, and one callback after the other (Proxy-Wasm 0.2.0 and 0.2.1).
// Used by worker.ts on a thread of its own. Callbacks may run for ever or trap: main watches the time, worker.ts reports the trap.
import { GuestContext } from './guest-context.ts';
import { GuestMemory } from './guest-memory.ts';
import { metricCalls, plainCalls, sharedCalls, streamCalls } from './host-calls.ts';
import { bufferCalls, mapCalls } from './host-maps.ts';
import { HostState, rootId } from './host-state.ts';
import type { Command, PluginEvent, Setup, Verdict } from './messages.ts';
import { status } from './status.ts';
import { Exit, guarded, wasiImports } from './wasi.ts';

type Callback = (...values: number[]) => number | undefined;

export class Guest {
  readonly #host: HostState;
  readonly #exports: Readonly<Record<string, unknown>>;
  /** Requests that the plugin makes wait. */
  readonly #waiting = new Set<GuestContext>();

  /** @throws Error saying why the module cannot be used. */
  constructor(setup: Setup) {
    const host = new HostState(setup);
    this.#host = host;
    const { exports } = new WebAssembly.Instance(setup.module, importsFor(host));
    this.#exports = exports;
    const { memory } = exports;
    if (!isMemory(memory)) throw new Error('it exports no memory');
    if (!('proxy_abi_version_0_2_1' in exports || 'proxy_abi_version_0_2_0' in exports))
      throw new Error('it does not say that it is for Proxy-Wasm 0.2.0 or 0.2.1');
    host.memory = new GuestMemory(memory, (octets) => this.#call('proxy_on_memory_allocate', octets) ?? this.#call('malloc', octets) ?? 0);
  }

  /** Runs what a program does first and hands it its configuration. @throws as the constructor */
  start(): { readonly bodies: boolean; readonly responses: boolean } {
    if (this.#has('_initialize')) {
      this.#call('_initialize');
      this.#call('main', 0, 0);
    } else this.#main();
    this.#call('proxy_on_context_create', rootId, 0);
    if (this.#call('proxy_on_vm_start', rootId, 0) === 0) throw new Error('it refused to start');
    const { length } = Buffer.from(this.#host.setup.configuration, 'utf8');
    if (this.#call('proxy_on_configure', rootId, length) === 0) throw new Error('it refused its configuration');
    return { bodies: this.#has('proxy_on_request_body'), responses: this.#has('proxy_on_response_headers') };
  }

  /** @throws whatever the plugin's code ends with; it must not be used any more then. */
  run(command: Command): Verdict | undefined {
    const host = this.#host;
    switch (command.do) {
      case 'request': {
        const context = new GuestContext(command.id, command.properties);
        host.contexts.set(command.id, context);
        host.effective = context;
        this.#call('proxy_on_context_create', command.id, rootId);
        return this.#stage(context, command);
      }
      case 'response': {
        const context = host.contexts.get(command.id);
        if (context === undefined) return { go: true };
        context.properties = command.properties;
        return this.#stage(context, command);
      }
      case 'body': {
        const context = host.contexts.get(command.id);
        if (context === undefined) return { go: true };
        host.effective = context;
        context.stage = 'request';
        context.body = command.bytes;
        const action = this.#call('proxy_on_request_body', command.id, command.bytes.length, command.last ? 1 : 0);
        return this.#decided(context, action);
      }
      case 'done':
        this.#done(command.id);
        return undefined;
      case 'tick':
        host.effective = host.root;
        this.#call('proxy_on_tick', rootId);
        return undefined;
      case 'called':
        this.#called(command);
        return undefined;
      default:
        return command satisfies never;
    }
  }

  /** What came of the last command beside its verdict. */
  events(): readonly PluginEvent[] {
    for (const context of this.#waiting) {
      const verdict = context.decideLater();
      if (verdict !== undefined) this.#host.say({ say: 'resumed', id: context.id, verdict });
      if (!context.waiting) this.#waiting.delete(context);
    }
    return this.#host.takeEvents();
  }

  #stage(
    context: GuestContext,
    { do: stage, id, headers, last }: Extract<Command, { readonly headers: unknown; readonly id: number }>,
  ): Verdict {
    this.#host.effective = context;
    context.begin(stage, headers);
    const callback = stage === 'request' ? 'proxy_on_request_headers' : 'proxy_on_response_headers';
    return this.#decided(context, this.#call(callback, id, headers.length, last ? 1 : 0));
  }

  #decided(context: GuestContext, action: number | undefined): Verdict {
    const verdict = context.decide(action ?? 0);
    if (verdict === 'wait') this.#waiting.add(context);
    else this.#waiting.delete(context);
    return verdict;
  }

  #done(id: number): void {
    const context = this.#host.contexts.get(id);
    if (context === undefined) return;
    this.#host.effective = context;
    context.stage = undefined;
    context.waiting = false;
    // A plugin may ask for more time here; what it would use it for (calls of its own) goes on without the context.
    context.lingering = this.#call('proxy_on_done', id) === 0;
    this.#call('proxy_on_log', id);
    this.#call('proxy_on_delete', id);
    this.#host.contexts.delete(id);
    this.#host.effective = this.#host.root;
  }

  #called(answer: Extract<Command, { readonly do: 'called' }>): void {
    const host = this.#host;
    host.calls.delete(answer.call);
    host.called = answer;
    host.effective = host.root;
    try {
      const { call, headers, body, trailers } = answer;
      this.#call('proxy_on_http_call_response', rootId, call, headers.length, body.length, trailers.length);
    } finally {
      host.called = undefined;
    }
  }

  /** Old programs end themselves when their main function does. */
  #main(): void {
    try {
      this.#call('_start');
    } catch (e) {
      if (!(e instanceof Exit) || e.code !== 0) throw e;
    }
  }

  #has(name: string): boolean {
    return typeof this.#exports[name] === 'function';
  }

  /** Undefined also where the plugin has no such function. */
  #call(name: string, ...values: number[]): number | undefined {
    const callback = this.#exports[name];
    return isCallback(callback) ? callback(...values) : undefined;
  }
}

const isCallback = (value: unknown): value is Callback => typeof value === 'function';
const isMemory = (value: unknown): value is WebAssembly.Memory => value instanceof WebAssembly.Memory;

type Imports = Record<string, Record<string, WebAssembly.ImportFunction>>;

/** What the module asks for; a function that is not known answers that it is not. */
function importsFor(host: HostState): Imports {
  const wasi = wasiImports({ memory: () => host.memory, env: host.setup.env, log: host.log });
  const proxy = guarded(
    {
      ...mapCalls(host),
      ...bufferCalls(host),
      ...plainCalls(host),
      ...sharedCalls(host),
      ...metricCalls(host),
      ...streamCalls(host),
    },
    status.badMemory,
  );
  const imports: Imports = {};
  for (const { module, name } of WebAssembly.Module.imports(host.setup.module)) {
    const known = module === 'env' ? proxy : module === 'wasi_snapshot_preview1' || module === 'wasi_unstable' ? wasi : {};
    const there = imports[module] ?? {};
    there[name] = (Object.hasOwn(known, name) ? known[name] : undefined) ?? (() => status.unimplemented);
    imports[module] = there;
  }
  return imports;
}
