// Tells users by Events, at the objects concerned, what they would otherwise have to guess. One at a time, and bounded: losing some is no harm.
// Used by app.ts for pods that are kept out of the mesh and for NetworkPolicies in its way.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { type News, postEvent } from '@ambient-mesh/kube/events';
import { type Clock, ms } from '@ambient-mesh/runtime/time';

export interface TellPorts {
  readonly client: KubeClient;
  /** Name of this agent's pod. */
  readonly instance: string;
  readonly clock: Clock;
  readonly failed: (why: unknown) => void;
}

export type Told = Pick<News, 'regarding' | 'reason' | 'note' | 'type' | 'action'>;

/** Events that wait while the API server is slow; more are dropped, the oldest first. */
const mostWaiting = 500;
const oneTakesAtMost = ms(10_000);

export class Teller implements AsyncDisposable {
  readonly #ports: TellPorts;
  readonly #stop = new AbortController();
  readonly #waiting: Told[] = [];
  #telling: Promise<void> = Promise.resolve();
  #isTelling = false;

  constructor(ports: TellPorts) {
    this.#ports = ports;
  }

  tell(news: Told): void {
    if (this.#stop.signal.aborted) return;
    this.#waiting.push(news);
    if (this.#waiting.length > mostWaiting) this.#waiting.shift();
    if (!this.#isTelling) this.#telling = this.#tellAll();
  }

  async #tellAll(): Promise<void> {
    const { client, instance, clock, failed } = this.#ports;
    const { signal } = this.#stop;
    this.#isTelling = true;
    for (let news = this.#waiting.shift(); news !== undefined && !signal.aborted; news = this.#waiting.shift()) {
      const event = { ...news, reporter: 'istio.io/cni-agent', instance };
      await postEvent(client, event, { clock, signal, timeout: oneTakesAtMost }).catch((e: unknown) => {
        if (!signal.aborted) failed(e);
      });
    }
    this.#isTelling = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('stopped'));
    await this.#telling;
  }
}
