// The test's handle on the program inside a pod: typed questions over an IPC channel.
// Started by pod.ts; the other end is apps/main.ts.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Netns } from '@ambient-mesh/host/netns';
import type { Answer, Operations } from './apps/protocol.ts';

const program = fileURLToPath(new URL('./apps/main.ts', import.meta.url));

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (why: Error) => void;
}

export class PodApp implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting: Map<number, Waiting> = new Map();
  readonly #exit: Promise<void>;
  #lastId = 0;

  private constructor(child: ChildProcess, onReady: () => void) {
    this.#child = child;
    child.on('message', (answer: Answer) => {
      if ('ready' in answer) return onReady();
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ('error' in answer) waiting?.reject(new Error(`in the pod: ${answer.error}`));
      else waiting?.resolve(answer.value);
    });
    this.#exit = new Promise((resolve) => child.once('exit', () => resolve()));
    void this.#exit.then(() => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the program in the pod ended'));
    });
  }

  static async start(netns: Netns): Promise<PodApp> {
    const child = netns.run(() =>
      fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: ['--disable-warning=ExperimentalWarning'], env: {} }),
    );
    return new Promise((resolve, reject) => {
      const app = new PodApp(child, () => resolve(app));
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the program in the pod did not start (exit ${code})`)));
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  ask<K extends keyof Operations>(op: K, order: Parameters<Operations[K]>[0]): ReturnType<Operations[K]> {
    const id = ++this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#child.send({ id, op, order }, (e) => {
      if (e !== null) this.#waiting.get(id)?.reject(e);
    });
    return answer as ReturnType<Operations[K]>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#exit;
  }
}
