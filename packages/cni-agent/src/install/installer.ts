// Puts the plugin, its kubeconfig and its place in the CNI chain onto the node, looks again and again whether they are still there, and takes
// them away when asked to (facts: control-plane §2.3). What the configuration should be is plan.ts; files are written by atomic-file.ts.
import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { copyProgram, removeLeftovers, writeWhole } from './atomic-file.ts';
import { pluginName } from './conflist.ts';
import { kubeconfigFor, kubeconfigName, type PluginAccess } from './kubeconfig.ts';
import { type ConfChange, type ConfFiles, type ConfWishes, planConf, planRemoval } from './plan.ts';

export interface InstallWishes extends ConfWishes {
  /** The plugin as it came with the agent. */
  readonly plugin: string;
  readonly binDir: string;
  readonly netDir: string;
  readonly runDir: string;
  /** Permission bits. */
  readonly kubeconfigMode: number;
  /** Of a configuration of our own that has no primary to take the mode from. */
  readonly confMode: number;
}

export interface InstallPorts {
  readonly access: () => Promise<PluginAccess>;
  readonly clock: Clock;
  readonly report: {
    /** What had to be put in place, in words; at the first time everything. */
    readonly installed: (what: readonly string[]) => void;
    /** The same text again and again is one failure that lasts. */
    readonly failed: (why: string) => void;
    /** Something else keeps changing the configuration back. */
    readonly fighting: (repairs: number) => void;
    readonly ready: (isReady: boolean) => void;
  };
}

/** Watches miss what happens to mounts, and tokens are renewed elsewhere. */
const lookAgainAfter = ms(10_000);
/** Changes come in groups: a file removed and written, a folder filled. */
const settleFor = ms(100);
/** With so many repairs within a minute we are in a fight, which nobody wins by being faster. */
const mostRepairs = 5;
const fightPause = ms(5_000);
const largestConf = 1 << 20;

export class Installer {
  readonly #wishes: InstallWishes;
  readonly #ports: InstallPorts;
  /** When each repair of the last minute was made. */
  #repairs: number[] = [];

  constructor(wishes: InstallWishes, ports: InstallPorts) {
    this.#wishes = wishes;
    this.#ports = ports;
  }

  /** Until the signal aborts. Never rejects: what goes wrong is said, and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, report } = this.#ports;
    const { binDir, netDir, runDir } = this.#wishes;
    while (!signal.aborted) {
      using change = new Change([binDir, netDir, runDir]);
      try {
        const what = await this.#install();
        if (what.length > 0) report.installed(what);
        report.ready(true);
        this.#count(what);
      } catch (e) {
        report.ready(false);
        report.failed(describeError(e));
      }
      const until = AbortSignal.any([signal, change.signal]);
      await clock.sleep(lookAgainAfter, until).catch(() => {});
      await clock.sleep(this.#repairs.length > mostRepairs ? fightPause : settleFor, signal).catch(() => {});
    }
  }

  /** What was put in place. @throws with what is missing. */
  async #install(): Promise<readonly string[]> {
    const { plugin, binDir, runDir, kubeconfigMode } = this.#wishes;
    const done: string[] = [];
    if (await copyProgram(plugin, join(binDir, pluginName))) done.push('plugin');
    const text = kubeconfigFor(await this.#ports.access());
    if (await writeUnless(join(runDir, kubeconfigName), text, kubeconfigMode)) done.push('kubeconfig');
    const plan = planConf(await this.#files(), this.#wishes);
    if (plan.do === 'wait') throw new Error(plan.why);
    if (plan.do === 'nothing') return done;
    await this.#carryOut(plan);
    return [...done, plan.name];
  }

  #count(what: readonly string[]): void {
    const now = this.#ports.clock.monotonic();
    this.#repairs = this.#repairs.filter((at) => at > now - 60_000);
    // Renewed tokens are nobody's fight.
    if (what.some((each) => each !== 'kubeconfig')) this.#repairs.push(now);
    if (this.#repairs.length > mostRepairs) this.#ports.report.fighting(this.#repairs.length);
  }

  /** Takes everything away, in the order in which nothing is left that needs what is gone. */
  async cleanUp(): Promise<void> {
    const { binDir, runDir } = this.#wishes;
    let plan = planRemoval(await this.#files(), this.#wishes);
    while (plan.do !== 'nothing') {
      await this.#carryOut(plan);
      plan = planRemoval(await this.#files(), this.#wishes);
    }
    await rm(join(runDir, kubeconfigName), { force: true });
    await rm(join(binDir, pluginName), { force: true });
    await removeLeftovers(join(binDir, pluginName));
  }

  async #files(): Promise<ConfFiles> {
    const { netDir } = this.#wishes;
    const names = (await readdir(netDir)).filter((name) => /\.conf(list)?$/.test(name));
    const texts = await Promise.all(
      names.map(async (name): Promise<[string, string] | undefined> => {
        const path = join(netDir, name);
        // It may go while we look.
        const size = (await stat(path).catch(() => undefined))?.size ?? Number.POSITIVE_INFINITY;
        if (size > largestConf) return undefined;
        return readFile(path, 'utf8').then(
          (text) => [name, text],
          () => undefined,
        );
      }),
    );
    return new Map(texts.filter((each) => each !== undefined));
  }

  async #carryOut(plan: ConfChange): Promise<void> {
    const { netDir, confMode } = this.#wishes;
    if (plan.do === 'remove') return rm(join(netDir, plan.name), { force: true });
    const like = plan.like === undefined ? undefined : await stat(join(netDir, plan.like)).catch(() => undefined);
    await removeLeftovers(join(netDir, plan.name));
    await writeWhole(join(netDir, plan.name), plan.text, like === undefined ? confMode : like.mode & 0o777);
    if (plan.remove !== undefined) await rm(join(netDir, plan.remove), { force: true });
  }
}

/** True if it was written. */
async function writeUnless(path: string, text: string, mode: number): Promise<boolean> {
  const [is, facts] = await Promise.all([readFile(path, 'utf8').catch(() => undefined), stat(path).catch(() => undefined)]);
  if (is === text && facts !== undefined && (facts.mode & 0o777) === mode) return false;
  await mkdir(join(path, '..'), { recursive: true, mode: 0o750 });
  await writeWhole(path, text, mode);
  return true;
}

/** Aborts its signal at the first change in one of the folders. Folders that cannot be watched are looked at in time. */
class Change implements Disposable {
  readonly #watchers: FSWatcher[] = [];
  readonly #seen = new AbortController();

  constructor(folders: readonly string[]) {
    for (const folder of folders) {
      try {
        const watcher = watch(folder, { persistent: false }, (_event, name) => {
          // Our own half-written files are no news, nor is the plugin's log.
          if (name === null || !/\.tmp\.|\.log|\.sock/.test(name)) this.#seen.abort();
        });
        watcher.on('error', () => this.#seen.abort());
        this.#watchers.push(watcher);
      } catch {
        // It may come later.
      }
    }
  }

  get signal(): AbortSignal {
    return this.#seen.signal;
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) watcher.close();
  }
}
