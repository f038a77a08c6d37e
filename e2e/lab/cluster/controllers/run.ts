// Runs controllers: watches what they look at, queues the keys that a change concerns, decides and acts, one key at a time for each controller.
// Started by lab-cluster.ts. Knows no particular controller. Stopping and starting anew loses nothing: all state is the cluster's.
import type { KubeClient } from '@ambient-mesh/kube/client';
import type { Kind } from '@ambient-mesh/kube/kind';
import { type Store, watchStore } from '@ambient-mesh/kube/store';
import { Backoff } from '@ambient-mesh/runtime/backoff';
import { describeError } from '@ambient-mesh/runtime/errors';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import * as kinds from '../kinds.ts';
import type { KubeObject } from '../objects.ts';
import { quiet } from '../quiet.ts';
import { act } from './act.ts';
import type { Controller, Seen, SeenKind } from './controller.ts';

type Stores = { readonly [K in SeenKind]: Store<Seen[K]> };

function watchAll(client: KubeClient, signal: AbortSignal): Stores {
  const watch = <T>(kind: Kind<T>): Store<T> => watchStore(client, kind, { report: quiet, clock: systemClock }, signal);
  return {
    pods: watch(kinds.pods),
    services: watch(kinds.services),
    serviceAccounts: watch(kinds.serviceAccounts),
    configMaps: watch(kinds.configMaps),
    namespaces: watch(kinds.namespaces),
    nodes: watch(kinds.nodes),
    replicaSets: watch(kinds.replicaSets),
    deployments: watch(kinds.deployments),
    daemonSets: watch(kinds.daemonSets),
    endpointSlices: watch(kinds.endpointSlices),
  };
}

export interface ControllersOptions {
  readonly client: KubeClient;
  readonly controllers: readonly Controller[];
  /** What went wrong; the controller tries again. */
  readonly complain: (text: string) => void;
}

/** Runs until disposed of, which waits for the step that is under way. */
export class Controllers implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor({ client, controllers, complain }: ControllersOptions) {
    const { signal } = this.#stop;
    const stores = watchAll(client, signal);
    this.#running = Promise.all(controllers.map((controller) => new Running(controller, { client, stores, complain, signal }).run()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

interface RunningPorts {
  readonly client: KubeClient;
  readonly stores: Stores;
  readonly complain: (text: string) => void;
  readonly signal: AbortSignal;
}

class Running {
  readonly #controller: Controller;
  readonly #ports: RunningPorts;
  readonly #queue = new Set<string>();
  readonly #backoffs = new Map<string, Backoff>();
  #wake: () => void = () => {};

  constructor(controller: Controller, ports: RunningPorts) {
    this.#controller = controller;
    this.#ports = ports;
  }

  async run(): Promise<void> {
    const { stores, signal } = this.#ports;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    const names = Object.keys(stores) as SeenKind[];
    for (const name of names) this.#listen(name);
    await Promise.race([aborted(signal), Promise.all(names.map((name) => stores[name].synced))]);
    for (const name of names) this.#concernAll(name);
    while (!signal.aborted) {
      const [key] = this.#queue;
      if (key === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      else await this.#look(key);
    }
  }

  #listen<K extends SeenKind>(name: K): void {
    const store: Store<Seen[K]> = this.#ports.stores[name];
    store.onChange((_key, after, before) => {
      if (before !== undefined) this.#concern(name, before);
      if (after !== undefined) this.#concern(name, after);
    });
  }

  #concernAll<K extends SeenKind>(name: K): void {
    const store: Store<Seen[K]> = this.#ports.stores[name];
    for (const object of store.values()) this.#concern(name, object);
  }

  #concern<K extends SeenKind>(name: K, object: Seen[K]): void {
    for (const key of this.#controller.concerns[name]?.(object, this.#ports.stores) ?? []) this.#add(key);
  }

  #add(key: string): void {
    this.#queue.add(key);
    this.#wake();
  }

  async #look(key: string): Promise<void> {
    this.#queue.delete(key);
    const { client, stores, complain, signal } = this.#ports;
    const caches: readonly Store<KubeObject>[] = Object.values(stores);
    const cacheOf = (kind: Kind<unknown>) => caches.find((store) => store.kind.plural === kind.plural);
    try {
      const steps = this.#controller.decide(stores, key, timestamp());
      const done = await Promise.all(steps.map((step) => act({ client, cacheOf }, step, signal)));
      if (done.every(Boolean)) this.#backoffs.delete(key);
      else this.#again(key);
    } catch (e) {
      if (signal.aborted) return;
      complain(`${this.#controller.name} ${key}: ${describeError(e)}`);
      this.#again(key);
    }
  }

  #again(key: string): void {
    const backoff = this.#backoffs.get(key) ?? new Backoff({ first: ms(50), max: ms(5_000), factor: 2, jitter: 0.2, random: Math.random });
    this.#backoffs.set(key, backoff);
    systemClock.after(backoff.next(), () => this.#add(key));
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** In whole seconds, as Kubernetes writes times. */
const timestamp = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');
