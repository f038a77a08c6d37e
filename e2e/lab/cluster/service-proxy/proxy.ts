// Keeps a node's rules for Services equal to what the API says. One for each node, made by lab-cluster.ts; what the rules are is rules.ts.
import type { Netns } from '@ambient-mesh/host/netns';
import { runIn } from '@ambient-mesh/host/run-in';
import type { Store } from '@ambient-mesh/kube/store';
import { describeError } from '@ambient-mesh/runtime/errors';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import type { EndpointSlice, Service } from '../objects.ts';
import { frontendsOf, serviceRules } from './rules.ts';

export interface ServiceProxyOptions {
  readonly services: Store<Service>;
  readonly slices: Store<EndpointSlice>;
  readonly complain: (text: string) => void;
  /** Ends with the proxy. */
  readonly owned: AsyncDisposable;
}

/** In which changes that come together are gathered. */
const gather = ms(20);
const tryAgain = ms(500);

export class ServiceProxy implements AsyncDisposable {
  readonly #options: ServiceProxyOptions;
  readonly #nodes: Netns[] = [];
  readonly #written = new Map<Netns, string>();
  readonly #stop = new AbortController();
  readonly #listening = new DisposableStack();
  #changed = Promise.withResolvers<void>();
  readonly #working: Promise<void>;

  constructor(options: ServiceProxyOptions) {
    this.#options = options;
    const touch = (): void => this.#changed.resolve();
    this.#listening.use(options.services.onChange(touch));
    this.#listening.use(options.slices.onChange(touch));
    this.#stop.signal.addEventListener('abort', touch);
    this.#working = this.#work(this.#stop.signal);
  }

  /** A node that joins has the rules soon. */
  add(node: Netns): void {
    this.#nodes.push(node);
    this.#changed.resolve();
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#changed.promise;
      await systemClock.sleep(gather, signal).catch(() => {});
      if (signal.aborted) return;
      this.#changed = Promise.withResolvers();
      const { services, slices, complain } = this.#options;
      const rules = serviceRules(frontendsOf(services.values(), slices.values()));
      try {
        await Promise.all(this.#nodes.filter((node) => this.#written.get(node) !== rules).map((node) => this.#write(node, rules, signal)));
      } catch (e) {
        if (signal.aborted) return;
        complain(`rules for Services: ${describeError(e)}`);
        this.#changed.resolve();
        await systemClock.sleep(tryAgain, signal).catch(() => {});
      }
    }
  }

  /** Most changes of Services and slices mean nothing to the rules. */
  async #write(node: Netns, rules: string, signal: AbortSignal): Promise<void> {
    await runIn(node, ['nft', '-f', '-'], signal, { stdin: rules });
    this.#written.set(node, rules);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening.dispose();
    this.#stop.abort();
    await this.#working;
    await this.#options.owned[Symbol.asyncDispose]();
  }
}
