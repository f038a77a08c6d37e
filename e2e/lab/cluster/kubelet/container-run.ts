// One container of a pod over its life: started, probed, restarted after a pause when it ends, stopped.
// Used by pod-run.ts, which prepares its files and its environment.
import { randomBytes } from 'node:crypto';
import { Backoff } from '@ambient-mesh/runtime/backoff';
import { describeError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { Container } from '../objects.ts';
import type { ContainerProcess } from './container-process.ts';
import { execIn } from './exec.ts';
import { LogBuffer } from './log-buffer.ts';
import type { ContainerFacts, ContainerState, Ended } from './pod-status.ts';
import { keepProbing, type ProbePorts } from './probes.ts';
import { rfc3339 } from './rfc3339.ts';

export interface ContainerPorts {
  /** Rejects when the container cannot be started now; it is tried again. `id` is new for each start: 64 hexadecimal digits. */
  readonly start: (id: string, log: LogBuffer) => Promise<ContainerProcess>;
  readonly probes: () => Omit<ProbePorts, 'exec' | 'container'>;
  /** Whether a container that ended with this code is started again. */
  readonly restarts: (exitCode: number) => boolean;
  readonly onChange: () => void;
  readonly clock: Clock;
}

/** Short, so that a lab recovers while somebody watches. */
const pause = { first: ms(500), max: ms(10_000), factor: 2, jitter: 0, random: Math.random };
/** After which a container counts as working: the next pause is the shortest again. */
const worksAfter = ms(20_000);
const tryStartEvery = ms(1_000);

export class ContainerRun {
  readonly spec: Container;
  readonly #ports: ContainerPorts;
  readonly #stop = new AbortController();
  #state: ContainerState = { at: 'waiting', reason: 'PodInitializing' };
  #last: Ended | undefined;
  #restarts = 0;
  #ready = false;
  #id = '';
  #process: ContainerProcess | undefined;
  #log: LogBuffer | undefined;
  #previousLog: LogBuffer | undefined;

  constructor(spec: Container, ports: ContainerPorts) {
    this.spec = spec;
    this.#ports = ports;
  }

  get facts(): ContainerFacts {
    return { spec: this.spec, id: this.#id, state: this.#state, last: this.#last, restarts: this.#restarts, ready: this.#ready };
  }

  /** The one that runs. */
  get process(): ContainerProcess | undefined {
    return this.#process?.ending === undefined ? this.#process : undefined;
  }

  log(previous: boolean): LogBuffer | undefined {
    return previous ? this.#previousLog : this.#log;
  }

  /** Until it has ended for good: of itself, or after `stop`. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    const backoff = new Backoff(pause);
    while (!signal.aborted) {
      const process = await this.#start();
      if (process === undefined) continue;
      await this.#watch(process);
      if (signal.aborted || this.#state.at !== 'ended' || !this.#ports.restarts(this.#state.exitCode)) return;
      this.#last = this.#state;
      if (Date.now() - process.startedAt.getTime() > worksAfter) backoff.reset();
      const wait = backoff.next();
      const message = `back-off ${wait / 1_000}s restarting failed container=${this.spec.name}`;
      this.#become({ at: 'waiting', reason: 'CrashLoopBackOff', message });
      await this.#ports.clock.sleep(wait, signal).catch(() => {});
      this.#restarts++;
    }
  }

  async #start(): Promise<ContainerProcess | undefined> {
    const { signal } = this.#stop;
    const log = new LogBuffer();
    try {
      const id = randomBytes(32).toString('hex');
      const process = await this.#ports.start(id, log);
      if (signal.aborted) process.signal('SIGKILL');
      this.#process = process;
      this.#id = id;
      this.#previousLog = this.#log;
      this.#log = log;
      return process;
    } catch (e) {
      const reason = e instanceof StartFailure ? e.reason : 'CreateContainerConfigError';
      this.#become({ at: 'waiting', reason, message: describeError(e) });
      await this.#ports.clock.sleep(tryStartEvery, signal).catch(() => {});
      return undefined;
    }
  }

  async #watch(process: ContainerProcess): Promise<void> {
    const over = new AbortController();
    const startedAt = rfc3339(process.startedAt);
    this.#ready = this.spec.readinessProbe === undefined;
    this.#become({ at: 'running', startedAt });
    this.#probe(process, over.signal);
    const { exitCode } = await process.ended;
    over.abort();
    this.#ready = false;
    this.#become({ at: 'ended', exitCode, startedAt, finishedAt: rfc3339(new Date()) });
  }

  #probe(process: ContainerProcess, signal: AbortSignal): void {
    const { probes, clock, onChange } = this.#ports;
    const { readinessProbe, livenessProbe } = this.spec;
    const exec: ProbePorts['exec'] = (argv, limit) =>
      new Promise((resolve) => {
        const child = execIn(process, { argv, stdio: ['ignore', 'ignore', 'ignore'], tty: false });
        if (child === undefined) return resolve(false);
        limit.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
        child.on('error', () => resolve(false)).on('exit', (code) => resolve(code === 0));
      });
    const ports = { ...probes(), container: this.spec, exec };
    const becomeReady = (ok: boolean): void => {
      this.#ready = ok;
      onChange();
    };
    const restartUnless = (ok: boolean): void => {
      if (!ok) process.signal('SIGKILL');
    };
    if (readinessProbe !== undefined) void keepProbing(readinessProbe, ports, { onResult: becomeReady, clock }, signal);
    // A program that has just been started may not listen yet.
    if (livenessProbe !== undefined) void keepProbing(livenessProbe, ports, { onResult: restartUnless, clock, patient: true }, signal);
  }

  #become(state: ContainerState): void {
    this.#state = state;
    this.#ports.onChange();
  }

  /** Asks the process to end, makes it end after the grace period, and starts it no more. */
  async stop(graceMs: number): Promise<void> {
    this.#stop.abort();
    const { process } = this;
    if (process === undefined) return;
    process.signal(graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
    using _limit = this.#ports.clock.after(ms(graceMs), () => process.signal('SIGKILL'));
    await process.ended;
  }
}

/** Why a container is not started, in the words of container states. */
export class StartFailure extends Error {
  /** `ErrImagePull`, `CreateContainerError`, … */
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}
