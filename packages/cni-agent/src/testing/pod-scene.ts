// Pods as the kernel sees them: control groups named as a container runtime names them, namespaces with addresses, processes in both. For kernel tests.
// Processes end with the test, however it ends; groups that a killed run left behind are removed by the next one.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Netns } from '@ambient-mesh/host/netns';
import { runIn } from '@ambient-mesh/host/run-in';
import { expect } from 'vitest';

const prefix = 'kubepods-ambient-test-';

/** Where groups can be made on this machine: version 2, or one hierarchy of version 1. */
const hierarchy = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/pids', '/sys/fs/cgroup'].find((path) =>
  existsSync(join(path, 'cgroup.procs')),
);

export class PodScene implements AsyncDisposable {
  readonly #root: string;
  readonly #children: ChildProcess[] = [];
  readonly #namespaces: Netns[] = [];

  constructor() {
    if (hierarchy === undefined) throw new Error('this machine has no control groups');
    for (const name of readdirSync(hierarchy)) {
      const pid = name.startsWith(prefix) ? name.slice(prefix.length) : '';
      if (pid !== '' && !existsSync(`/proc/${pid}`)) removeGroup(join(hierarchy, name));
    }
    this.#root = join(hierarchy, `${prefix}${process.pid}`);
  }

  /** A namespace with an interface that has these. */
  async namespace(...ips: readonly string[]): Promise<Netns> {
    const made = Netns.create();
    this.#namespaces.push(made);
    const batch = [
      'link add eth0 type veth peer name far0',
      ...ips.map((ip) => `addr add ${ip} dev eth0${ip.includes(':') ? ' nodad' : ''}`),
      'link set far0 up',
      'link set eth0 up',
    ];
    await runIn(made, ['ip', '-batch', '-'], AbortSignal.timeout(20_000), { stdin: `${batch.join('\n')}\n` });
    return made;
  }

  /** A process of this pod in this namespace. Ends when its input does, and so with the test. */
  process(pod: string, netns: Netns): Promise<number> {
    return this.command(pod, netns, ['cat']);
  }

  async command(pod: string, netns: Netns, [program = '', ...rest]: readonly string[]): Promise<number> {
    const child = netns.run(() => spawn(program, rest, { stdio: ['pipe', 'ignore', 'ignore'] }));
    this.#children.push(child);
    await once(child, 'spawn');
    const { pid = 0 } = child;
    const group = join(this.#root, `pod${pod}`, 'c'.repeat(64));
    mkdirSync(group, { recursive: true });
    writeFileSync(join(group, 'cgroup.procs'), String(pid));
    return pid;
  }

  /** Writes to the process's input. */
  tell(pid: number, text: string): void {
    this.#children.find((each) => each.pid === pid)?.stdin?.write(text);
  }

  /** The process is gone for good when this resolves. */
  async end(pid: number): Promise<void> {
    const child = this.#children.find((each) => each.pid === pid);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map(({ pid = 0 }) => this.end(pid)));
    for (const netns of this.#namespaces) netns[Symbol.dispose]();
    // A group stays busy for a moment after its last process.
    await expect.poll(() => removeGroup(this.#root), { timeout: 5_000 }).toBe(true);
  }
}

/** Identity of the namespace that a process is in now. */
export function netnsOf(pid: number): string {
  const { dev, ino } = statSync(`/proc/${pid}/ns/net`, { bigint: true });
  return `${dev}:${ino}`;
}

function removeGroup(path: string): boolean {
  if (!existsSync(path)) return true;
  for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) removeGroup(join(path, entry.name));
  try {
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}
