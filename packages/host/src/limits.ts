// Raises the process's limit of open files as far as it may go.
// Called once at start by programs that hold a socket or two for each connection.
// The hard limit itself is the administrator's and stays.
import { refused } from './errors.ts';
import * as libc from './libc.ts';

const RLIMIT_NOFILE = 7;

export interface OpenFiles {
  /** The soft limit before. */
  readonly from: number;
  /** The soft limit now: the hard one. */
  readonly to: number;
}

/** Throws `host.prlimit`; the process can go on with what it has. */
export function raiseOpenFiles(): OpenFiles {
  const limits = new BigUint64Array(2);
  if (libc.prlimit(0, RLIMIT_NOFILE, null, limits) !== 0) throw refused('prlimit', libc.errno(), 'read the limit of open files');
  const [soft = 0n, hard = 0n] = limits;
  limits[0] = hard;
  if (soft !== hard && libc.prlimit(0, RLIMIT_NOFILE, limits, null) !== 0) {
    throw refused('prlimit', libc.errno(), `raise the limit of open files from ${soft} to ${hard}`);
  }
  return { from: Number(soft), to: Number(hard) };
}
