// Where the graph's figures come from when a user serves it: proxies asked over port-forwards, or a Prometheus; and the pods that there are.
// Used by commands/dashboard.ts. Everything is read with the user's own rights.

import type { AnswerPorts } from '@ambient-mesh/dashboard/answers';
import { Collector, type Target } from '@ambient-mesh/dashboard/collect';
import { fetchText } from '@ambient-mesh/dashboard/fetch-text';
import { Prometheus } from '@ambient-mesh/dashboard/prometheus';
import { placeOf } from '@ambient-mesh/dashboard/series';
import type { KubeClient } from '@ambient-mesh/kube/client';
import type { Clock } from '@ambient-mesh/runtime/time';
import { ms } from '@ambient-mesh/runtime/time';
import { type Pod, podKind } from '@ambient-mesh/translate/kinds/pod';
import { type GraphProxy, proxiesOf, workloadsOf } from '@ambient-mesh/translate/pods-in-graph';
import { askAdmin } from '../admin-page.ts';

export interface FigureParts {
  readonly client: KubeClient;
  readonly meshNamespace: string;
  /** Its URL. */
  readonly prometheus: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const metricsPort = 15_020;
const keptFor = ms(5_000);

export class Figures implements AsyncDisposable {
  readonly source: AnswerPorts['source'];
  readonly measure: AnswerPorts['measure'];
  readonly #parts: FigureParts;
  readonly #owned = new AsyncDisposableStack();
  #listed: { readonly at: number; readonly pods: Promise<readonly Pod[]> } | undefined;

  constructor(parts: FigureParts) {
    this.#parts = parts;
    const { prometheus: url, clock, client } = parts;
    const targets = async (): Promise<readonly Target[]> => (await this.proxies()).map(targetOf);
    if (url !== undefined) {
      const prometheus = new Prometheus({ url, fetchText, targets, clock });
      this.source = 'prometheus';
      this.measure = (window) => prometheus.measure(window);
      return;
    }
    const scrape = ({ id }: Target, signal: AbortSignal): Promise<string> => {
      const [namespace = '', name = ''] = id.split('/');
      return askAdmin(client, { namespace, name }, { port: metricsPort, method: 'GET', path: '/metrics' }, signal);
    };
    const collector = this.#owned.use(new Collector({ targets, scrape, clock }));
    this.source = 'proxies';
    this.measure = (window) => collector.measure(window);
  }

  async proxies(): Promise<readonly GraphProxy[]> {
    return proxiesOf(await this.#pods(), this.#parts.meshNamespace);
  }

  /** None for those who may not list pods: the graph is drawn without. */
  async known(): ReturnType<AnswerPorts['known']> {
    return workloadsOf(await this.#pods().catch(() => []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }

  #pods(): Promise<readonly Pod[]> {
    const { client, clock, signal } = this.#parts;
    const now = clock.monotonic();
    if (this.#listed === undefined || now - this.#listed.at >= keptFor) {
      const pods = client.list(podKind, {}, { signal }).then(({ items }) => items);
      pods.catch(() => {});
      this.#listed = { at: now, pods };
    }
    return this.#listed.pods;
  }
}

function targetOf({ namespace, name, node, waypoint }: GraphProxy): Target {
  const title = node === '' ? name : `${name} (${node})`;
  return { id: `${namespace}/${name}`, title, ...(waypoint !== undefined && { waypoint: placeOf(namespace, waypoint) }) };
}
