// Finds out at start whether this process may do what capture needs, by doing it harmlessly.
// A node tunnel that serves pods refuses to start when anything is missing; better there than at the first pod.
// Tries instead of reading capability masks: a seccomp filter or a missing kernel option shows too.
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type HostFault, refused } from './errors.ts';
import * as libc from './libc.ts';
import { Netns } from './netns.ts';
import { closeFd, dialSocket, setMark } from './sockets.ts';

/** What is missing, a sentence each; empty when all is well. `mark`: the packet mark that sockets will carry. */
export function missingCapabilities(mark: number): string[] {
  return [enterOwnNetns, () => markSocket(mark)].flatMap((attempt) => {
    try {
      attempt();
      return [];
    } catch (why) {
      if (why instanceof MeshError) return [(why as MeshError<HostFault>).message];
      throw why;
    }
  });
}

function enterOwnNetns(): void {
  using own = Netns.current();
  if (libc.setns(own.fd, libc.CLONE_NEWNET) !== 0) throw refused('setns', libc.errno(), 'enter our own network namespace');
}

function markSocket(mark: number): void {
  const fd = dialSocket({ family: 4 });
  try {
    setMark(fd, mark);
  } finally {
    closeFd(fd);
  }
}
