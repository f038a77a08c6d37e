// Control groups of the lab's containers, with paths as a kubelet's are: whoever looks at processes can tell which pod they belong to.
// Made by lab-cluster.ts, used by start-container.ts. They limit nothing. Those of labs that were killed go at the next start.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { describeError } from '@ambient-mesh/runtime/errors';
import { eventually } from '../../eventually.ts';

const prefix = 'ambient-lab-';

/** Mount points of hierarchies that may do, the best first. @param text of /proc/self/mounts */
export function hierarchies(text: string): string[] {
  const mounts = text.split('\n').map((line) => line.split(' '));
  const of = (isIt: (type: string, options: readonly string[]) => boolean): string[] =>
    mounts.flatMap(([, path = '', type = '', options = '']) => (isIt(type, options.split(',')) ? [path] : []));
  return [...of((type) => type === 'cgroup2'), ...of((type, options) => type === 'cgroup' && options.includes('pids'))];
}

export class Cgroups implements AsyncDisposable {
  /** Of this process. */
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static open(): Cgroups {
    const found = hierarchies(readFileSync('/proc/self/mounts', 'utf8'));
    let why = 'neither cgroup2 nor the pids hierarchy of cgroup v1 is mounted';
    for (const hierarchy of found) {
      sweep(hierarchy);
      try {
        const folder = `${hierarchy}/${prefix}${process.pid}`;
        mkdirSync(folder, { recursive: true });
        return new Cgroups(folder);
      } catch (e) {
        why = describeError(e);
      }
    }
    throw new Error(`the lab cannot put its pods into control groups: ${why}`);
  }

  /** Made if need be. The container's first process goes there of itself. */
  container(uid: string, id: string): string {
    const folder = `${this.#pod(uid)}/${id}`;
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Of a pod whose processes have ended. Those of others go on. */
  async remove(uid: string): Promise<void> {
    await gone(this.#pod(uid));
  }

  #pod(uid: string): string {
    return `${this.folder}/kubepods/burstable/pod${uid}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await gone(this.folder);
  }
}

function sweep(hierarchy: string): void {
  for (const name of readdirSync(hierarchy)) {
    const pid = new RegExp(`^${prefix}(\\d+)$`).exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) isRemoved(`${hierarchy}/${name}`);
  }
}

/** The kernel takes a moment to see that the last process has left. */
const gone = (folder: string): Promise<unknown> =>
  eventually(() => (isRemoved(folder) ? true : undefined), { what: `an empty control group ${folder}` }).catch(() => {});

/** Not `rm`: the files in it cannot be removed, and need not be. */
function isRemoved(folder: string): boolean {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) isRemoved(`${folder}/${entry.name}`);
    rmdirSync(folder);
  } catch {
    // Busy, or gone already.
  }
  return !existsSync(folder);
}
