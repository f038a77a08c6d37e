// Ends the deletion of namespaces: deletes all that is in them, waits until it is gone, then takes away the finalizer that held the namespace.
// Started by lab-cluster.ts. Contents may have finalizers and grace periods of their own, so it asks until nothing is left.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { type Kind, pathOf, pathOfAll } from '@ambient-mesh/kube/kind';
import { watchStore } from '@ambient-mesh/kube/store';
import { describeError } from '@ambient-mesh/runtime/errors';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import { namespaces } from '../kinds.ts';
import type { Namespace } from '../objects.ts';
import { quiet } from '../quiet.ts';
import { discover, type Thing } from './discovery.ts';

const askEvery = ms(300);
const finalizer = 'kubernetes';

export interface NamespaceDeletionOptions {
  readonly client: KubeClient;
  readonly complain: (text: string) => void;
}

export class NamespaceDeletion implements AsyncDisposable {
  readonly #client: KubeClient;
  readonly #complain: (text: string) => void;
  readonly #stop = new AbortController();
  /** By uid: one at work for each. */
  readonly #ending = new Map<string, Promise<void>>();

  constructor({ client, complain }: NamespaceDeletionOptions) {
    this.#client = client;
    this.#complain = complain;
    const store = watchStore(client, namespaces, { report: quiet, clock: systemClock }, this.#stop.signal);
    store.onChange((_key, namespace) => {
      if (namespace?.metadata.deletionTimestamp === undefined || this.#ending.has(namespace.metadata.uid)) return;
      const { uid } = namespace.metadata;
      this.#ending.set(
        uid,
        this.#end(namespace).finally(() => this.#ending.delete(uid)),
      );
    });
  }

  async #end(namespace: Namespace): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        if ((await this.#empty(namespace.metadata.name, signal)) && (await this.#finalize(namespace, signal))) return;
      } catch (e) {
        if (!signal.aborted) this.#complain(`deletion of namespace ${namespace.metadata.name}: ${describeError(e)}`);
      }
      await systemClock.sleep(askEvery, signal).catch(() => {});
    }
  }

  /** Whether nothing was left before it began to delete. */
  async #empty(namespace: string, signal: AbortSignal): Promise<boolean> {
    const kinds = (await discover(this.#client, signal)).filter(({ namespaced }) => namespaced);
    const left = await Promise.all(kinds.map((kind) => this.#deleteAll(kind, namespace, signal)));
    return left.every((count) => count === 0);
  }

  async #deleteAll(kind: Kind<Thing>, namespace: string, signal: AbortSignal): Promise<number> {
    const { items } = await this.#client.list(kind, { namespace }, { signal });
    if (items.some(({ deleting }) => !deleting)) {
      const about = `${kind.plural} of ${namespace}`;
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' };
      const path = pathOfAll(kind, namespace);
      await this.#client.request({ verb: 'delete all', about, method: 'DELETE', path, body }, { signal });
    }
    return items.length;
  }

  async #finalize({ metadata: { name, uid }, spec = {} }: Namespace, signal: AbortSignal): Promise<boolean> {
    const path = pathOf(namespaces, { namespace: '', name }, 'finalize');
    const finalizers = (spec.finalizers ?? []).filter((each) => each !== finalizer);
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, uid }, spec: { finalizers } };
    try {
      await this.#client.request({ verb: 'finalize', about: `namespace ${name}`, method: 'PUT', path, body }, { signal });
    } catch (e) {
      if (statusOf(e) !== 404 && statusOf(e) !== 409) throw e;
    }
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#ending.values());
  }
}
