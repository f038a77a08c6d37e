// The garbage collector: watches the owners of everything that the API serves, and deletes what nobody owns any more.
// Started by lab-cluster.ts. What is to be done is decided in ownership.ts.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { type Kind, keyText } from '@ambient-mesh/kube/kind';
import { type Store, watchStore } from '@ambient-mesh/kube/store';
import { describeError } from '@ambient-mesh/runtime/errors';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import { definitions } from '../kinds.ts';
import type { OwnerReference } from '../objects.ts';
import { quiet } from '../quiet.ts';
import { discover, type Thing } from './discovery.ts';
import { type Collection, collections, type Owned } from './ownership.ts';

/** Changes of one moment are looked at together. */
const pause = ms(50);
/** After a failure, or after a definition has appeared that is not served yet. */
const again = ms(1_000);

interface Watched {
  readonly store: Store<Thing>;
  readonly stop: AbortController;
}

export interface GarbageOptions {
  readonly client: KubeClient;
  readonly complain: (text: string) => void;
}

export class GarbageCollector implements AsyncDisposable {
  readonly #client: KubeClient;
  readonly #complain: (text: string) => void;
  readonly #stop = new AbortController();
  readonly #watched = new Map<string, Watched>();
  readonly #running: Promise<void>;
  #kindsChanged = true;
  #wake: () => void = () => {};

  constructor({ client, complain }: GarbageOptions) {
    this.#client = client;
    this.#complain = complain;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    const custom = watchStore(this.#client, definitions, { report: quiet, clock: systemClock }, signal);
    custom.onChange(() => {
      this.#kindsChanged = true;
      this.#wake();
    });
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      try {
        await this.#look(signal);
        await woken;
        await systemClock.sleep(pause, signal);
      } catch (e) {
        if (signal.aborted) break;
        this.#complain(`garbage collector: ${describeError(e)}`);
        await systemClock.sleep(again, signal).catch(() => {});
      }
    }
    for (const { stop } of this.#watched.values()) stop.abort();
  }

  async #look(signal: AbortSignal): Promise<void> {
    if (this.#kindsChanged) {
      this.#kindsChanged = false;
      await this.#watchKinds(signal).catch((e: unknown) => {
        this.#kindsChanged = true;
        throw e;
      });
    }
    const watched = [...this.#watched.values()];
    // Who has not heard of everything must take nothing for gone.
    if (!watched.every(({ store }) => store.isSynced)) return;
    const all = watched.flatMap(({ store }) => [...store.values()].map((thing): Owned => ({ kind: store.kind, thing })));
    for (const collection of collections(all)) await this.#carryOut(collection, signal);
  }

  async #watchKinds(signal: AbortSignal): Promise<void> {
    const served = new Map((await discover(this.#client, signal)).map((kind) => [`${kind.plural}.${kind.group}`, kind]));
    for (const [id, { stop }] of this.#watched) {
      if (served.has(id)) continue;
      stop.abort();
      this.#watched.delete(id);
    }
    for (const [id, kind] of served) {
      if (this.#watched.has(id)) continue;
      const stop = new AbortController();
      const store = watchStore(this.#client, kind, { report: quiet, clock: systemClock }, stop.signal);
      store.onChange(() => this.#wake());
      void store.synced.then(() => this.#wake());
      this.#watched.set(id, { store, stop });
    }
  }

  async #carryOut(collection: Collection, signal: AbortSignal): Promise<void> {
    const { kind, thing } = collection.of;
    try {
      switch (collection.do) {
        case 'collect': {
          const gone = await Promise.all(collection.absent.map((owner) => this.#isGone(owner, thing, signal)));
          if (gone.every(Boolean)) await this.#client.remove(kind, thing, { signal, uid: thing.uid, propagation: 'Background' });
          return;
        }
        case 'remove':
          await this.#client.remove(kind, thing, { signal, uid: thing.uid, propagation: 'Foreground' });
          return;
        case 'disown':
          await this.#patch(collection.of, { ownerReferences: collection.owners }, signal);
          return;
        case 'release':
          await this.#patch(collection.of, { finalizers: collection.finalizers, resourceVersion: thing.version }, signal);
          return;
        default:
          return collection satisfies never;
      }
    } catch (e) {
      const status = statusOf(e);
      if (status !== 404 && status !== 409) throw new Error(`${collection.do} ${kind.kind} ${keyText(thing)}`, { cause: e });
    }
  }

  #patch({ kind, thing }: Owned, metadata: object, signal: AbortSignal): Promise<unknown> {
    return this.#client.patch(kind, thing, { type: 'merge', body: { metadata: { uid: thing.uid, ...metadata } } }, { signal });
  }

  /** Asks the server: an owner made just now may not have been heard of yet. Of a kind that is not served, nothing can be said. */
  async #isGone({ apiVersion, kind, name, uid }: OwnerReference, { namespace }: Thing, signal: AbortSignal): Promise<boolean> {
    const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
    const owner = this.#watched.values().find(({ store }) => store.kind.kind === kind && store.kind.group === group)?.store.kind;
    if (owner === undefined) return false;
    const place = { namespace: owner.namespaced ? namespace : '', name };
    const found = await this.#client.get(owner as Kind<Thing>, place, { signal });
    return found?.uid !== uid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}
