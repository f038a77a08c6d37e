// A process table of a test's own: a folder as `/proc` is one, with the files that the agent reads. For tests of facts/.
// Namespaces in it are whatever the test links to. Removed when disposed of.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FakeProcess {
  /** Undefined: it is no pod's. */
  readonly pod?: string;
  /** Instead of what follows from `pod`. */
  readonly cgroup?: string;
  /** What `ns/net` leads to; by default a file that is no namespace. */
  readonly netns?: string;
  /** In ticks. */
  readonly startTime?: number;
  readonly comm?: string;
  readonly cmdline?: string;
}

export class ProcFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'proc-'));

  constructor() {
    for (const name of ['self', 'sys', '12x']) mkdirSync(join(this.path, name));
    writeFileSync(join(this.path, 'uptime'), '1 1\n');
    this.set(1, { comm: 'init', netns: this.file('host-netns') });
  }

  /** Whatever had the number before is gone. */
  set(pid: number, { pod, cgroup, netns, startTime, comm, cmdline }: FakeProcess): void {
    this.end(pid);
    const folder = join(this.path, String(pid));
    mkdirSync(join(folder, 'ns'), { recursive: true });
    symlinkSync(netns ?? this.file('some-netns'), join(folder, 'ns/net'));
    const group = pod === undefined ? '0::/init.scope\n' : `0::/kubepods/burstable/pod${pod}/${'c'.repeat(64)}\n`;
    writeFileSync(join(folder, 'cgroup'), cgroup ?? group);
    writeFileSync(join(folder, 'stat'), `${pid} (${comm ?? 'app'}) S ${'0 '.repeat(18)}${startTime ?? pid} 0 0\n`);
    writeFileSync(join(folder, 'comm'), `${comm ?? 'app'}\n`);
    writeFileSync(join(folder, 'cmdline'), cmdline ?? '');
  }

  end(pid: number): void {
    rmSync(join(this.path, String(pid)), { recursive: true, force: true });
  }

  /** An empty file beside the processes. */
  file(name: string): string {
    const path = join(this.path, name);
    writeFileSync(path, '');
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
