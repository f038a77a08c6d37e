// A node's folders and an installer at work on them, for tests of install/.
// What the installer says is kept; folders and the installer go with the scene.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '@ambient-mesh/runtime/time';
import { vi } from 'vitest';
import type { PluginEntry } from '../install/conflist.ts';
import { Installer, type InstallWishes } from '../install/installer.ts';
import type { PluginAccess } from '../install/kubeconfig.ts';

export const entry: PluginEntry = { name: 'istio-cni', type: 'istio-cni' };
/** Less than the installer's own look at everything: what happens within it was seen, not stumbled upon. */
export const patience = { timeout: 8_000, interval: 10 };
const primaryName = '10-a.conflist';
const programText = '#!/bin/sh\nsleep 0.3; echo plugin\n';

export class InstallScene implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'installer-'));
  readonly said = { installed: [] as string[][], failed: [] as string[], fighting: 0, ready: [] as boolean[] };
  token = 'first';
  access = async (): Promise<PluginAccess> => ({ server: 'https://10.96.0.1:443', caPem: 'PEM', token: this.token });
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor() {
    for (const name of ['net.d', 'bin', 'run']) mkdirSync(this.at(name));
    writeFileSync(this.at('plugin'), programText, { mode: 0o700 });
    this.putPrimary();
  }

  at(...path: readonly string[]): string {
    return join(this.folder, ...path);
  }

  /** As a network plugin does that knows its trade: in one piece. */
  putPrimary(name: string = primaryName, text: string = primaryText): void {
    writeFileSync(this.at('net.d', `${name}.new`), text);
    renameSync(this.at('net.d', `${name}.new`), this.at('net.d', name));
  }

  types(name: string = primaryName): readonly string[] {
    const { plugins } = JSON.parse(readFileSync(this.at('net.d', name), 'utf8')) as { plugins: { type: string }[] };
    return plugins.map(({ type }) => type);
  }

  names(folder: string): readonly string[] {
    return readdirSync(this.at(folder)).sort();
  }

  mode(...path: readonly string[]): number {
    return statSync(this.at(...path)).mode & 0o777;
  }

  installer(wishes: Partial<InstallWishes> = {}, clock: Clock = systemClock): Installer {
    return new Installer(
      {
        confName: '',
        chained: true,
        ownedConfig: false,
        ownedFilename: '02-istio-cni.conflist',
        entry,
        plugin: this.at('plugin'),
        binDir: this.at('bin'),
        netDir: this.at('net.d'),
        runDir: this.at('run'),
        kubeconfigMode: 0o600,
        confMode: 0o600,
        ...wishes,
      },
      {
        access: () => this.access(),
        clock,
        report: {
          installed: (what) => this.said.installed.push([...what]),
          failed: (why) => this.said.failed.push(why),
          fighting: () => this.said.fighting++,
          ready: (isReady) => this.said.ready.push(isReady),
        },
      },
    );
  }

  /** Lets it run until the scene is over or `stop`. */
  start(wishes: Partial<InstallWishes> = {}, clock?: Clock): Installer {
    const made = this.installer(wishes, clock);
    this.#running = made.run(this.#stop.signal);
    return made;
  }

  /** The same, and waits until it says that it is ready. */
  async installed(wishes: Partial<InstallWishes> = {}, clock?: Clock): Promise<Installer> {
    const made = this.start(wishes, clock);
    await this.ready();
    return made;
  }

  ready(): Promise<boolean> {
    return vi.waitUntil(() => this.said.ready.at(-1) === true, patience);
  }

  notReady(): Promise<boolean> {
    return vi.waitUntil(() => this.said.ready.at(-1) === false, patience);
  }

  /** As for an upgrade: everything stays. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#stop = new AbortController();
    Object.assign(this.said, { installed: [], failed: [], fighting: 0, ready: [] });
  }

  /** Everything as it should be in a chain that is extended, in whatever file comes first. */
  isRight(): boolean {
    const first = this.names('net.d').find((name) => name.endsWith('.conflist'));
    const [bin, run] = [this.at('bin', 'istio-cni'), this.at('run', 'istio-cni-kubeconfig')];
    const [plugin, kubeconfig] = [bin, run].map((path) => statSync(path, { throwIfNoEntry: false }));
    return (
      first !== undefined &&
      this.types(first).join() === 'bridge,istio-cni' &&
      plugin !== undefined &&
      (plugin.mode & 0o777) === 0o755 &&
      readFileSync(bin, 'utf8') === readFileSync(this.at('plugin'), 'utf8') &&
      kubeconfig !== undefined &&
      (kubeconfig.mode & 0o777) === 0o600 &&
      readFileSync(run, 'utf8').includes(this.token)
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const bridge = { type: 'bridge' };
export const primaryText: string = JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins: [bridge] });
