// A pseudo-terminal: one end for a program that wants a terminal, the other for whoever plays the user.
// Used by the lab for `kubectl exec -it`. Descriptors are the caller's to close.
import { closeSync, constants, openSync } from 'node:fs';
import { refused } from './errors.ts';
import * as libc from './libc.ts';

const TIOCSPTLCK = 0x40045431;
const TIOCGPTN = 0x80045430;
const TIOCSWINSZ = 0x5414;

export interface PseudoTerminal {
  /** The user's end: a `tty.ReadStream` over it reads and writes. It fails with EIO once the program's end is closed everywhere. */
  readonly userFd: number;
  /** Standard input, output and error of the program. */
  readonly programFd: number;
}

/** Throws `host.ioctl`, or Node's own error when the machine has no /dev/ptmx. */
export function openPseudoTerminal(): PseudoTerminal {
  const flags = constants.O_RDWR | constants.O_NOCTTY;
  const userFd = openSync('/dev/ptmx', flags);
  try {
    const number = Buffer.alloc(4);
    if (libc.ioctl(userFd, TIOCSPTLCK, Buffer.alloc(4)) !== 0 || libc.ioctl(userFd, TIOCGPTN, number) !== 0)
      throw refused('ioctl', libc.errno(), 'make a pseudo-terminal');
    return { userFd, programFd: openSync(`/dev/pts/${number.readInt32LE()}`, flags) };
  } catch (e) {
    closeSync(userFd);
    throw e;
  }
}

/** Tells the program, by SIGWINCH. Throws `host.ioctl`. */
export function resizeTerminal(userFd: number, { columns, rows }: { readonly columns: number; readonly rows: number }): void {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(rows, 0);
  size.writeUInt16LE(columns, 2);
  if (libc.ioctl(userFd, TIOCSWINSZ, size) !== 0) throw refused('ioctl', libc.errno(), 'resize a terminal');
}
