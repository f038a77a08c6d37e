// Tells users by an Event at the policy that a part of it is enforced nowhere. Run by the leader; the same news is told once an hour at most.
// What is unenforced is translate's verdict; the condition and the metric say the same.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { postEvent } from '@ambient-mesh/kube/events';
import type { Store } from '@ambient-mesh/kube/store';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { Unenforced } from '@ambient-mesh/translate/authorization-policy';
import type { AuthorizationPolicy } from '@ambient-mesh/translate/kinds/authorization-policy';
import { WorkQueue } from './work-queue.ts';

export interface UnenforcedEventsOptions {
  readonly client: KubeClient;
  readonly policies: Store<AuthorizationPolicy>;
  readonly unenforced: ReadonlyMap<string, Unenforced>;
  /** Name of this replica. */
  readonly instance: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly failed: (policy: string, why: unknown) => void;
}

export class UnenforcedEvents {
  readonly #queue: WorkQueue;
  /** What was told last, by policy. */
  readonly #told: Map<string, string> = new Map();

  /** Tells until the signal aborts. */
  constructor(options: UnenforcedEventsOptions, signal: AbortSignal) {
    const { client, policies, unenforced, instance, clock, random, failed } = options;
    const work = async (key: string): Promise<void> => {
      const verdict = unenforced.get(key);
      const policy = policies.get(key);
      if (verdict === undefined || policy === undefined) {
        this.#told.delete(key);
        return;
      }
      const news = `${policy.meta.uid} ${verdict.reason} ${verdict.message}`;
      if (this.#told.get(key) === news) return;
      const { namespace, name, uid } = policy.meta;
      await postEvent(
        client,
        {
          regarding: { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', namespace, name, uid },
          reason: `Unenforced${verdict.reason}`,
          note: verdict.message,
          type: 'Warning',
          action: 'Translate',
          reporter: 'istio.io/istiod-lite',
          instance,
        },
        { clock, signal },
      );
      this.#told.set(key, news);
    };
    this.#queue = new WorkQueue({ work, clock, random, failed }, signal);
    for (const key of unenforced.keys()) this.#queue.add(key);
  }

  touch(policy: string): void {
    this.#queue.add(policy);
  }
}
