// Plugins with everything around them played: modules that are fetched, requests that come, services that answer.
// For tests of filters/wasm. Threads and time are real.
import type { WasmFilter } from '@ambient-mesh/model/l7/policy';
import { ConnectionFacts } from '@ambient-mesh/model/l7/request-facts';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { ip, workload } from '@ambient-mesh/model/testing';
import { Metrics } from '@ambient-mesh/runtime/metrics';
import { systemClock } from '@ambient-mesh/runtime/time';
import type { HeaderList } from '@ambient-mesh/wire/http/message';
import { pino } from 'pino';
import type { PluginTimes } from '../filters/wasm/plugin.ts';
import { Plugins, type PluginsPorts } from '../filters/wasm/plugins.ts';
import { pluginProperties } from '../filters/wasm/request-properties.ts';
import type { Inlet } from '../inlet.ts';
import { answer } from '../route/answer.ts';
import { Draft } from '../route/draft.ts';
import type { Rules } from '../world.ts';
import { TestClient } from './exchange.ts';

const client = spiffeId('cluster.local', 'ns', 'client');
const from = { ip: ip('10.0.0.1'), port: 40_000 };
const to = workload({ name: 'server', ips: ['10.0.0.2'] });
const destination = { ip: ip('10.0.0.2'), port: 8080 };
const inlet: Inlet = {
  to: { workload: to },
  port: 8080,
  client,
  from,
  authority: destination,
  source: { workload: undefined, identity: client },
  facts: new ConnectionFacts(from.ip, destination, client),
};

export const filter = (given: Partial<WasmFilter> = {}): WasmFilter => ({
  namespace: 'ns',
  name: 'p',
  createdAt: 0,
  targets: [{ waypoint: 'ns/waypoint' }],
  phase: 'AUTHN',
  priority: 0,
  url: 'http://modules/p',
  pluginConfig: '',
  pluginName: 'root',
  failOpen: false,
  ports: [],
  env: [],
  ...given,
});

export interface Asked {
  readonly client: TestClient;
  readonly draft: Draft;
  /** What goes to the service; undefined: it was answered before. */
  readonly served: Draft['head'] | undefined;
}

export class PluginScene implements Disposable {
  readonly metrics = new Metrics();
  readonly modules = new Map<string, Buffer>();
  readonly fetched: string[] = [];
  /** `info text`. */
  readonly said: string[] = [];
  readonly failures: string[] = [];
  readonly plugins: Plugins;
  call: PluginsPorts['call'] = () => Promise.reject(new Error('nobody answers'));
  #filters: readonly WasmFilter[] = [];

  constructor(times: Partial<PluginTimes> = {}) {
    this.plugins = new Plugins({
      clock: systemClock,
      random: () => 0.5,
      log: pino({ base: null, level: 'debug' }, { write: (line) => this.#log(JSON.parse(line)) }),
      metrics: this.metrics,
      fetchBytes: async (url) => {
        this.fetched.push(url);
        const bytes = this.modules.get(url);
        if (bytes === undefined) throw new Error(`${url} answered with status 404`);
        return bytes;
      },
      properties: (plugin) => pluginProperties(plugin, to),
      call: (...asked) => this.call(...asked),
      times,
    });
  }

  run(...filters: readonly WasmFilter[]): void {
    this.#filters = filters;
    this.plugins.follow(filters, () => true);
  }

  /** A request through the plugins of all phases, then to a service that answers `hello`. */
  async ask(
    head: Partial<ConstructorParameters<typeof TestClient>[0]> = {},
    send: (client: TestClient) => void = () => {},
  ): Promise<Asked> {
    const asking = new TestClient(head);
    const draft = new Draft(inlet, asking, AbortSignal.timeout(60_000));
    using _scope = draft.scope;
    const rules = { plugins: this.#filters } as Partial<Rules> as Rules;
    const decided = Promise.resolve()
      .then(() => this.plugins.run(draft, rules, 'AUTHN'))
      .then(async (said) => said ?? (await this.plugins.run(draft, rules, 'AUTHZ')))
      .then(async (said) => said ?? (await this.plugins.run(draft, rules, 'UNSPECIFIED')));
    send(asking);
    const said = await decided;
    const done = Promise.withResolvers<void>();
    draft.request.receive({ data: () => {}, end: () => {}, drained: () => {}, closed: () => done.resolve() });
    if (said === undefined) {
      draft.request.respond({ status: 200, headers: [['content-length', '5']] }, false);
      draft.request.write(Buffer.from('hello'));
      draft.request.end();
    } else answer(draft.request, said);
    await done.promise;
    return { client: asking, draft, served: said === undefined ? draft.head : undefined };
  }

  [Symbol.dispose](): void {
    this.plugins[Symbol.dispose]();
  }

  #log({ msg, why, level }: { readonly msg: string; readonly why?: string; readonly level: number }): void {
    if (why !== undefined) this.failures.push(why);
    else this.said.push(`${pino.levels.labels[level]} ${msg}`);
  }
}

export const headerOf = (headers: HeaderList | undefined, name: string): string | undefined =>
  headers?.find(([each]) => each === name)?.[1];
