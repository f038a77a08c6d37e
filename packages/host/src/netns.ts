// A network namespace, held open by a descriptor, and the way to make things inside it.
// Sockets keep the namespace that they were made in, so `run` is needed for creation only; everything later happens outside.
// Namespaces switch per thread: works in worker threads, each of which starts at home. Which namespace belongs to a pod is the caller's knowledge.
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { refused } from './errors.ts';
import * as libc from './libc.ts';

const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;

/** Where this thread is now; never disposed. Undefined until the thread first asks. */
let here: Netns | undefined;

export class Netns implements Disposable {
  readonly fd: number;
  /** Device and inode of the namespace: equal ids are the same namespace, whatever the descriptors. */
  readonly id: string;
  #open = true;

  private constructor(fd: number) {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    this.fd = fd;
    this.id = `${dev}:${ino}`;
  }

  /** The namespace that this thread is in. */
  static current(): Netns {
    return Netns.open('/proc/thread-self/ns/net');
  }

  /** Throws `host.open` when the file is not there; that the file is a network namespace shows only when `run` enters it. */
  static open(path: string): Netns {
    return typed('open', `open the network namespace ${path}`, () => new Netns(openSync(path, 'r')));
  }

  /** Takes over a descriptor received from elsewhere; `dispose` closes it. Throws `host.fstat`, and takes nothing over, when it is not open. */
  static adopt(fd: number): Netns {
    return typed('fstat', `take over descriptor ${fd} as a network namespace`, () => new Netns(fd));
  }

  /**
   * The namespace behind a descriptor that stays its owner's, as worker threads need it. Holds a descriptor of its own, so that the owner
   * may close the first at any time (the number could then mean another pod): dispose this one too, or the namespace lives on.
   */
  static borrow(fd: number): Netns {
    return Netns.open(`/proc/self/fd/${fd}`);
  }

  /** A fresh namespace with its loopback up. It lives as long as a descriptor, a process or a socket holds it. */
  static create(): Netns {
    const home = whereabouts();
    if (libc.unshare(libc.CLONE_NEWNET) !== 0) throw refused('unshare', libc.errno(), 'make a network namespace');
    let made: Netns;
    try {
      made = Netns.current();
    } finally {
      comeBack(home);
    }
    made.run(raiseLoopback);
    return made;
  }

  /**
   * Runs `f` with this thread inside the namespace. `f` must be synchronous, since what it awaits would run outside, and must start no
   * thread, since that would stay inside: no workers, no asynchronous files. Child processes may be started; they stay inside too.
   * Throws `host.setns` when the namespace can't be entered. After `dispose` it can't be: the descriptor's number may mean another one by
   * then. If the way back fails the process aborts, since every later socket of this thread would be made in a stranger's network.
   */
  run<T>(f: () => T): T {
    if (!this.#open) throw refused('setns', constants.errno.EBADF, `enter netns ${this.id}, which was let go`);
    const home = whereabouts();
    if (home.id === this.id) return f();
    if (libc.setns(this.fd, libc.CLONE_NEWNET) !== 0) throw refused('setns', libc.errno(), `enter netns ${this.id}`);
    here = this;
    try {
      return f();
    } finally {
      comeBack(home);
    }
  }

  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.fd);
    this.#open = false;
  }
}

/** Node's own errors as ours. */
function typed<T>(call: string, attempted: string, f: () => T): T {
  try {
    return f();
  } catch (cause) {
    const { errno } = cause as NodeJS.ErrnoException;
    throw errno === undefined ? cause : refused(call, Math.abs(errno), attempted);
  }
}

function whereabouts(): Netns {
  here ??= Netns.current();
  return here;
}

function comeBack(home: Netns): void {
  if (libc.setns(home.fd, libc.CLONE_NEWNET) !== 0) {
    writeSync(2, `cannot leave a network namespace for ${home.id}: errno ${libc.errno()}; aborting\n`);
    libc.abort();
  }
  here = home;
}

function raiseLoopback(): void {
  const attempted = 'bring up the loopback of a new network namespace';
  const fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM | libc.SOCK_OURS, 0);
  if (fd < 0) throw refused('socket', libc.errno(), attempted);
  try {
    const request = Buffer.alloc(40);
    request.write('lo');
    request.writeUInt16LE(IFF_UP, 16);
    if (libc.ioctl(fd, SIOCSIFFLAGS, request) !== 0) throw refused('ioctl', libc.errno(), attempted);
  } finally {
    closeSync(fd);
  }
}
