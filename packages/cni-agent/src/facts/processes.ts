// The processes of this machine, each with the pod and the network namespace that it belongs to. Used by discover.ts.
// Any of them may end, and its number be given to another, at any moment: what is told of one is told of one process, or not at all.
import { closeSync, constants, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Netns } from '@ambient-mesh/host/netns';
import { podUidOf, podUidsIn, startTimeOf } from './cgroup.ts';

export interface PodProcess {
  readonly pid: number;
  readonly podUid: string;
  /** Device and inode, as `Netns.id`. */
  readonly netns: string;
  /** In ticks since boot; with the pid it names the process for good. */
  readonly startTime: number;
}

/** Looks at so many before others get a turn. */
const perTurn = 64;

/** Processes of pods; those that end meanwhile are left out. @param skip of these nothing is read */
export async function* podProcesses(proc: string, skip: ReadonlySet<number> = new Set()): AsyncGenerator<PodProcess> {
  const outer = outerPods(proc);
  let looked = 0;
  for (const pid of pidsIn(proc)) {
    if (skip.has(pid)) continue;
    if (++looked % perTurn === 0) await nextTurn();
    const process = podProcess(proc, pid, outer);
    if (process !== undefined) yield process;
  }
}

export const pidsIn = (proc: string): number[] =>
  readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** Pods that the node itself runs in, as its first process tells: none, but for nodes of test clusters. */
export function outerPods(proc: string): ReadonlySet<string> {
  try {
    return podUidsIn(readFileSync(`${proc}/1/cgroup`, 'utf8'));
  } catch {
    return new Set();
  }
}

/** Undefined: it is no pod's, or not clearly one's, or has ended. */
export function podProcess(proc: string, pid: number, outer: ReadonlySet<string>): PodProcess | undefined {
  try {
    return holding(proc, pid, (folder) => read(folder, pid, outer));
  } catch {
    return undefined;
  }
}

/** The same with its namespace held open, which is the caller's then. @throws what the system says of a process that has ended */
export function openPodProcess(proc: string, pid: number, outer: ReadonlySet<string>): readonly [PodProcess | undefined, Netns] {
  return holding(proc, pid, (folder) => {
    using opened = new DisposableStack();
    const netns = opened.use(Netns.open(`${folder}/ns/net`));
    const process = read(folder, pid, outer);
    opened.move();
    return [process, netns];
  });
}

/** Whatever is read below the folder is of one process: once it has ended nothing is, though its number be another's by then. */
function holding<T>(proc: string, pid: number, look: (folder: string) => T): T {
  const fd = openSync(`${proc}/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return look(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

function read(folder: string, pid: number, outer: ReadonlySet<string>): PodProcess | undefined {
  const podUid = podUidOf(readFileSync(`${folder}/cgroup`, 'utf8'), outer);
  if (podUid === undefined || podUid === 'ambiguous') return undefined;
  const startTime = startTimeOf(readFileSync(`${folder}/stat`, 'utf8'));
  if (startTime === undefined) return undefined;
  const { dev, ino } = statSync(`${folder}/ns/net`, { bigint: true });
  return { pid, podUid, netns: `${dev}:${ino}`, startTime };
}
