// What a process has cost so far, as the kernel counts it: CPU time and resident memory. Reading files is all the I/O here.
import { readFileSync } from 'node:fs';

export interface Cost {
  /** User and system time of all threads since the process began. Resolution 10 ms. */
  readonly cpuSeconds: number;
  /** Resident set, MB of 10^6 bytes. */
  readonly rssMb: number;
}

/** Of /proc/PID/stat: clock ticks per second, the same on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Throws when the process is gone. */
export const costOf = (pid: number): Cost =>
  readCost(readFileSync(`/proc/${pid}/stat`, 'latin1'), readFileSync(`/proc/${pid}/status`, 'latin1'));

/** @param stat, status the texts of /proc/PID/stat and /proc/PID/status; see proc(5) */
export function readCost(stat: string, status: string): Cost {
  // The name, in parentheses, may hold anything; what follows the last one is field 3 onwards.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[14 - 3]) + Number(fields[15 - 3]);
  const rssKib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  if (!Number.isFinite(ticks + rssKib)) throw new Error('unreadable /proc files of a process');
  return { cpuSeconds: ticks / ticksPerSecond, rssMb: (rssKib * 1024) / 1e6 };
}
