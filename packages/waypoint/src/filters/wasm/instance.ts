// One run of a plugin: a thread of its own, watched from here. Commands are answered in order; whatever takes too long, traps or takes too
// much memory ends the thread, and with it every request that the plugin was deciding on.
// Made by plugin.ts, which starts another; the thread's end is worker.ts.
import { Worker } from 'node:worker_threads';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import type { Command, PluginEvent, Report, Setup, Verdict } from './messages.ts';

export interface InstanceOptions {
  readonly setup: Setup;
  readonly clock: Clock;
  /** For one callback. */
  readonly deadline: Ms;
  /** For instantiation and configuration. */
  readonly startDeadline: Ms;
  /** For a request that the plugin makes wait. */
  readonly waitDeadline: Ms;
  /** What the plugin says that is not about one request. */
  readonly heard: (event: Exclude<PluginEvent, { readonly say: 'resumed' | 'tick' }>) => void;
}

export type InstanceFault = { readonly code: 'plugin.start' };

/** Of JavaScript objects; the plugin's own memory is bounded in the module. */
const resourceLimits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4, stackSizeMb: 4 } as const;
/** Commands that wait for the thread; more than that it will never catch up with. */
const mostWaiting = 2_000;
/** Plugins that want to be woken more often are not. */
const shortestTick = 10;

type Started = Extract<Report, { readonly started: unknown }>['started'];
export type Settled = Exclude<Verdict, 'wait'>;
/** `wait` resolves when the plugin has made up its mind, or with undefined when it fails or takes too long over it. */
export type Answered = Settled | { readonly wait: Promise<Settled | undefined> } | undefined;
type RequestCommand = Extract<Command, { readonly do: 'request' | 'body' | 'response' }>;

export class Instance implements Disposable {
  /** Rejects with `plugin.start`. */
  readonly started: Promise<Started>;
  /** Resolves when it has ended, saying why; never rejects. */
  readonly ended: Promise<string>;
  readonly #options: InstanceOptions;
  readonly #worker: Worker;
  readonly #starting = Promise.withResolvers<Started>();
  readonly #ending = Promise.withResolvers<string>();
  /** In the order of their commands. */
  readonly #asked: { readonly id: number | undefined; readonly resolve: (answered: Answered) => void }[] = [];
  /** Requests that the plugin makes wait. */
  readonly #paused = new Map<number, { readonly timer: Disposable; readonly resolve: (verdict: Settled | undefined) => void }>();
  /** Requests that it knows. */
  readonly #open = new Set<number>();
  #retired = false;
  #watch: Disposable | undefined;
  #tick: Disposable | undefined;
  #over = false;
  #reports = 0;
  #lastId = 1;

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.started = this.#starting.promise;
    this.started.catch(() => {});
    this.ended = this.#ending.promise;
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { setup: options.setup },
      env: {},
      name: 'plugin',
      resourceLimits,
    });
    this.#worker.on('message', (report: Report) => this.#reported(report));
    this.#worker.once('error', (e) => this.#end(describeError(e)));
    this.#worker.once('exit', () => this.#end('its thread ended'));
    this.#worker.unref();
    this.#arm(options.startDeadline);
  }

  /** A name for one more request. */
  open(): number {
    this.#lastId += 1;
    this.#open.add(this.#lastId);
    return this.#lastId;
  }

  /** Undefined: the plugin failed. */
  ask(command: RequestCommand): Promise<Answered> {
    return this.#ask(command, command.id);
  }

  done(id: number): void {
    this.#open.delete(id);
    void this.#ask({ do: 'done', id }, id).then(() => this.#endIfUnused());
  }

  called(answer: Extract<Command, { readonly do: 'called' }>): void {
    void this.#ask(answer);
  }

  /** Takes no new requests; ends when those it knows are done. */
  retire(): void {
    this.#retired = true;
    this.#endIfUnused();
  }

  [Symbol.dispose](): void {
    this.#end('it was stopped');
  }

  #endIfUnused(): void {
    if (this.#retired && this.#open.size === 0) this.#end('it was replaced');
  }

  #ask(command: Command, id?: number): Promise<Answered> {
    const late = command.do === 'request' && this.#asked.length >= mostWaiting;
    if (this.#over || late) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<Answered>();
    this.#asked.push({ id, resolve });
    if (this.#asked.length === 1) this.#arm(this.#options.deadline);
    this.#worker.postMessage(command);
    return promise;
  }

  #reported(report: Report): void {
    if (this.#over) return;
    this.#reports += 1;
    for (const event of report.events) this.#heard(event);
    if ('failed' in report) {
      this.#end(report.failed);
      return;
    }
    this.#watch?.[Symbol.dispose]();
    if ('started' in report) this.#starting.resolve(report.started);
    else this.#answer(report.verdict);
    if (this.#asked.length > 0) this.#arm(this.#options.deadline);
  }

  #answer(verdict: Verdict | undefined): void {
    const asked = this.#asked.shift();
    if (asked === undefined) return;
    const { id, resolve } = asked;
    if (id !== undefined) this.#forget(id);
    resolve(verdict === 'wait' && id !== undefined ? { wait: this.#pause(id) } : verdict === 'wait' ? undefined : verdict);
  }

  #pause(id: number): Promise<Settled | undefined> {
    const { promise, resolve } = Promise.withResolvers<Settled | undefined>();
    const timer = this.#options.clock.after(this.#options.waitDeadline, () => {
      this.#paused.delete(id);
      resolve(undefined);
    });
    this.#paused.set(id, { timer, resolve });
    return promise;
  }

  /** Whoever waited for it is told something else. */
  #forget(id: number): void {
    this.#paused.get(id)?.timer[Symbol.dispose]();
    this.#paused.delete(id);
  }

  #heard(event: PluginEvent): void {
    if (event.say === 'tick') this.#tickEvery(event.every);
    else if (event.say !== 'resumed') this.#options.heard(event);
    else {
      this.#paused.get(event.id)?.resolve(event.verdict);
      this.#forget(event.id);
    }
  }

  #tickEvery(every: number): void {
    this.#tick?.[Symbol.dispose]();
    this.#tick = undefined;
    if (every === 0 || this.#over) return;
    const tick = this.#options.clock.after(ms(Math.max(every, shortestTick)), () => {
      void this.#ask({ do: 'tick' }).then(() => {
        // Unless it has asked for something else meanwhile.
        if (this.#tick === tick) this.#tickEvery(every);
      });
    });
    this.#tick = tick;
  }

  /** The command at the head is running from now on. */
  #arm(limit: Ms): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = this.#options.clock.after(limit, () => {
      // Perhaps it was this thread that was busy, and the report is here already.
      const reports = this.#reports;
      setImmediate(() => {
        if (reports === this.#reports) this.#end(`it took longer than ${limit} ms`);
      });
    });
  }

  #end(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#watch?.[Symbol.dispose]();
    this.#tick?.[Symbol.dispose]();
    this.#starting.reject(new MeshError<InstanceFault>({ code: 'plugin.start' }, why));
    for (const { resolve } of this.#asked.splice(0)) resolve(undefined);
    for (const [id, { resolve }] of [...this.#paused]) {
      this.#forget(id);
      resolve(undefined);
    }
    this.#ending.resolve(why);
    void this.#worker.terminate();
  }
}
