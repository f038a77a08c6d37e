// Puts the plugin, its kubeconfig and its place in the CNI chain onto the node, looks again and again whether they are still there, and takes
// them away when asked to (facts: control-plane §2.3). What the configuration should be is plan.ts, its files are conf-folder.ts.
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { besideName, removeLeftovers, writeWhole } from './atomic-file.ts';
import { ConfFolder } from './conf-folder.ts';
import { pluginName } from './conflist.ts';
import { kubeconfigFor, kubeconfigName, type PluginAccess } from './kubeconfig.ts';
import { type ConfFiles, type ConfWishes, planConf, planRemoval } from './plan.ts';
import { ProgramCopy } from './program-copy.ts';
import { Change } from './watch.ts';

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
    /** What is missing, or went wrong. Said once, however long it lasts. */
    readonly failed: (why: string) => void;
    /** Something else keeps changing back what we put right: so many times within a minute. */
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
/** Nobody writes a file for longer. Runtimes that pass over a broken one start pods with the next, and so past us. */
const mostWriting = ms(30_000);
/** A folder that still needs changing after so many has somebody else at work in it. */
const mostSteps = 50;

export class Installer {
  readonly #wishes: InstallWishes;
  readonly #ports: InstallPorts;
  readonly #program: ProgramCopy;
  readonly #folder: ConfFolder;
  /** When each repair of the last minute was made. */
  #repairs: number[] = [];
  /** The primary configuration, when all was right, and when that was. */
  #primary: { readonly name: string | undefined; readonly at: number } | undefined;
  #saidMissing = '';

  constructor(wishes: InstallWishes, ports: InstallPorts) {
    this.#wishes = wishes;
    this.#ports = ports;
    this.#program = new ProgramCopy(wishes.plugin, join(wishes.binDir, pluginName));
    this.#folder = new ConfFolder(wishes);
  }

  /** Until the signal aborts. Never rejects: what goes wrong is said, and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#ports;
    const { binDir, netDir, runDir } = this.#wishes;
    while (!signal.aborted) {
      using change = new Change([binDir, netDir, runDir]);
      const done: string[] = [];
      const missing = await this.#install(done).catch((e: unknown) => describeError(e).replaceAll(besideName, ''));
      this.#tell(done, missing ?? '');
      const until = AbortSignal.any([signal, change.signal]);
      await clock.sleep(lookAgainAfter, until).catch(() => {});
      await clock.sleep(this.#repairs.length > mostRepairs ? fightPause : settleFor, signal).catch(() => {});
    }
  }

  /** What is missing; undefined when all is right. Adds to `done` what was put in place. */
  async #install(done: string[]): Promise<string | undefined> {
    const { runDir, kubeconfigMode } = this.#wishes;
    if (await this.#program.restore()) done.push('plugin');
    const text = kubeconfigFor(await this.#ports.access());
    if (await writeUnless(join(runDir, kubeconfigName), text, kubeconfigMode)) done.push('kubeconfig');
    for (let steps = 0; steps < mostSteps; steps++) {
      const files = await this.#folder.files();
      const plan = planConf(files, this.#wishes, this.#awaited());
      if (plan.do === 'wait') return plan.why;
      if (plan.do === 'nothing') {
        this.#primary = { name: plan.primary, at: this.#ports.clock.monotonic() };
        return undefined;
      }
      if (await this.#folder.carryOut(plan, files)) done.push(plan.name);
    }
    return keepsChanging;
  }

  /** Which file is waited for while it is broken; for ever with a chain of our own, which pods are started with meanwhile. */
  #awaited(): string | undefined {
    const { ownedConfig } = this.#wishes;
    if (this.#primary === undefined) return undefined;
    const isTooLong = this.#ports.clock.monotonic() - this.#primary.at > mostWriting;
    return isTooLong && !ownedConfig ? undefined : this.#primary.name;
  }

  #tell(done: readonly string[], missing: string): void {
    const { clock, report } = this.#ports;
    if (done.length > 0) report.installed(done);
    if (missing !== '' && missing !== this.#saidMissing) report.failed(missing);
    this.#saidMissing = missing;
    report.ready(missing === '');

    const now = clock.monotonic();
    this.#repairs = this.#repairs.filter((at) => at > now - 60_000);
    // Renewed tokens are nobody's fight.
    if (done.every((each) => each === 'kubeconfig')) return;
    this.#repairs.push(now);
    if (this.#repairs.length > mostRepairs) report.fighting(this.#repairs.length);
  }

  /** Takes everything away; nothing is left that needs what is gone. @throws while our entry cannot be taken out: then the plugin stays. */
  async cleanUp(): Promise<void> {
    const { binDir, runDir } = this.#wishes;
    for (let steps = 0; ; steps++) {
      const files = await this.#folder.files().catch(noneIfMissing);
      const plan = planRemoval(files, this.#wishes);
      if (plan.do === 'nothing') break;
      if (steps === mostSteps) throw new Error(keepsChanging);
      await this.#folder.carryOut(plan, files);
    }
    for (const path of [join(runDir, kubeconfigName), join(binDir, pluginName)]) {
      await rm(path, { force: true });
      await removeLeftovers(path);
    }
  }
}

const keepsChanging = "something else keeps changing the node's CNI configuration while we do";

/** A folder that is not there holds nothing of ours. */
function noneIfMissing(e: NodeJS.ErrnoException): ConfFiles {
  if (e.code === 'ENOENT') return new Map();
  throw e;
}

/** True if it was written. */
async function writeUnless(path: string, text: string, mode: number): Promise<boolean> {
  const [is, facts] = await Promise.all([readFile(path, 'utf8').catch(() => undefined), stat(path).catch(() => undefined)]);
  if (is === text && facts !== undefined && (facts.mode & 0o777) === mode) return false;
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  await removeLeftovers(path);
  await writeWhole(path, text, mode);
  return true;
}
