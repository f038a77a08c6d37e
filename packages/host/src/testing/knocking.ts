// A thread that opens connections as fast as it can until it is told to stop, and counts how they went: for tests that something holds at every instant.
// Started by the tests of rules that are written anew; blocking sockets, since nothing else runs in the thread.
import { closeSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { SocketAddress } from '@ambient-mesh/model/address';
import * as libc from '../libc.ts';
import { Netns } from '../netns.ts';
import { encodeSockaddr } from '../socket-address.ts';

export interface Knocks {
  readonly accepted: number;
  readonly refused: number;
  readonly other: number;
}

export interface Knocking {
  /** How many connections have been tried so far. */
  readonly count: () => number;
  readonly stop: () => Promise<Knocks>;
}

interface Task {
  readonly fd: number;
  readonly to: SocketAddress;
  /** Whether to stop, and how many were tried. */
  readonly shared: SharedArrayBuffer;
}

export function knock(netns: Netns, to: SocketAddress): Knocking {
  const shared = new SharedArrayBuffer(8);
  const state = new Int32Array(shared);
  const task: Task = { fd: netns.fd, to, shared };
  const worker = new Worker(new URL(import.meta.url), { workerData: task, trackUnmanagedFds: false });
  const ended = new Promise<Knocks>((resolve, reject) => worker.once('message', resolve).once('error', reject));
  ended.catch(() => {});
  return {
    count: () => Atomics.load(state, 1),
    stop: () => {
      Atomics.store(state, 0, 1);
      return ended;
    },
  };
}

const ECONNREFUSED = 111;

function work({ fd, to, shared }: Task): Knocks {
  using netns = Netns.borrow(fd);
  const state = new Int32Array(shared);
  const address = encodeSockaddr(to.ip, to.port);
  const lingerNot = Int32Array.of(1, 0);
  const knocks = { accepted: 0, refused: 0, other: 0 };
  netns.run(() => {
    while (Atomics.load(state, 0) === 0) {
      const socket = libc.socket(to.ip.includes(':') ? libc.AF_INET6 : libc.AF_INET, libc.SOCK_STREAM, 0);
      libc.setsockopt(socket, libc.SOL_SOCKET, 13, lingerNot, 8);
      const isOpen = libc.connect(socket, address, address.length) === 0;
      knocks[isOpen ? 'accepted' : libc.errno() === ECONNREFUSED ? 'refused' : 'other']++;
      closeSync(socket);
      Atomics.add(state, 1, 1);
    }
  });
  return knocks;
}

if (!isMainThread && typeof (workerData as Partial<Task> | null)?.fd === 'number') parentPort?.postMessage(work(workerData as Task));
