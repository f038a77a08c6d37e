// Debian's Prometheus in the lab, scraping the mesh and evaluating its alerts as it would in a cluster; asked over its HTTP API.
// Debian builds it without discovery by Kubernetes: its targets are a file here, written from the pods with the very labels that discovery gives.
// Used by scenarios. It is not installed everywhere: ask hasPrometheus first.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';
import { eventually } from './eventually.ts';
import { httpIn } from './http.ts';
import type { MeshLab } from './mesh-lab.ts';

export const hasPrometheus = (): boolean => ['prometheus', 'promtool'].every((program) => spawnSync(program, ['--version']).status === 0);

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface PodList {
  readonly items: readonly {
    readonly metadata: {
      readonly name: string;
      readonly namespace: string;
      readonly labels?: Readonly<Record<string, string>>;
      readonly annotations?: Readonly<Record<string, string>>;
    };
    readonly spec: { readonly nodeName?: string };
    readonly status?: { readonly phase?: string; readonly podIP?: string };
  }[];
}

const text = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
const port = 9_090;
const discovery = 'kubernetes_sd_configs: [{ role: pod }]';

export class Prometheus implements AsyncDisposable {
  readonly #mesh: MeshLab;
  readonly #folder: string;
  readonly #child: Child;

  private constructor(mesh: MeshLab, folder: string) {
    this.#mesh = mesh;
    this.#folder = folder;
    const argv = ['prometheus', '--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=127.0.0.1:${port}`];
    this.#child = new Child({ netns: mesh.lab.underlay, cwd: folder, argv });
  }

  /** Scrapes and evaluates every second, and alerts fire at once, so that nobody waits. */
  static async start(mesh: MeshLab): Promise<Prometheus> {
    const folder = `${mesh.lab.folder}/prometheus`;
    mkdirSync(`${folder}/rules`, { recursive: true });
    const asked = text('e2e/lab/demo/prometheus.yml');
    const here = asked
      .replaceAll('_interval: 15s', '_interval: 1s')
      .replace(discovery, 'file_sd_configs: [{ files: [targets.json], refresh_interval: 1s }]');
    writeFileSync(`${folder}/prometheus.yml`, here);
    const rules = text('charts/istiod-lite/files/alerts/ambient-mesh.yaml');
    writeFileSync(`${folder}/rules/ambient-mesh.yaml`, rules.replaceAll(/^( +for:) \w+$/gm, '$1 0s'));
    const made = new Prometheus(mesh, folder);
    try {
      await made.discover();
      await eventually(async () => ((await made.#get('/-/ready')).status === 200 ? true : undefined), {
        timeoutMs: 20_000,
        what: () => `a ready Prometheus; it said:\n${made.#child.output}`,
      });
    } catch (e) {
      await made[Symbol.asyncDispose]();
      throw e;
    }
    return made;
  }

  /** Looks at the cluster's pods anew. */
  async discover(): Promise<void> {
    const { items } = JSON.parse(await this.#mesh.kubectl.ok('get pods -A -o json')) as PodList;
    const groups = items.flatMap(({ metadata, spec, status }) => {
      const { podIP, phase = '' } = status ?? {};
      if (podIP === undefined) return [];
      const at = (what: string, of: Readonly<Record<string, string>> = {}) =>
        Object.entries(of).map(([name, value]) => [`__meta_kubernetes_pod_${what}_${name.replace(/\W/g, '_')}`, value]);
      const labels = Object.fromEntries([
        ['__meta_kubernetes_namespace', metadata.namespace],
        ['__meta_kubernetes_pod_name', metadata.name],
        ['__meta_kubernetes_pod_node_name', spec.nodeName ?? ''],
        ['__meta_kubernetes_pod_ip', podIP],
        ['__meta_kubernetes_pod_phase', phase],
        ...at('label', metadata.labels),
        ...at('annotation', metadata.annotations),
      ]);
      return [{ targets: [podIP], labels }];
    });
    writeFileSync(`${this.#folder}/next.json`, JSON.stringify(groups));
    renameSync(`${this.#folder}/next.json`, `${this.#folder}/targets.json`);
  }

  /** Its value now. @throws with what Prometheus says of an expression that it does not understand */
  async query(expression: string): Promise<readonly Series[]> {
    const { result } = await this.#ask<{
      readonly result: readonly { readonly metric: Series['metric']; readonly value: readonly [number, string] }[];
    }>(`query?query=${encodeURIComponent(expression)}`);
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  async metricNames(): Promise<readonly string[]> {
    return this.#ask('label/__name__/values');
  }

  async firing(): Promise<readonly Alert[]> {
    const { alerts } = await this.#ask<{ readonly alerts: readonly (Alert & { readonly state: string })[] }>('alerts');
    return alerts.filter(({ state }) => state === 'firing');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }

  #get(path: string) {
    return httpIn(this.#mesh.lab.underlay, { port, path });
  }

  async #ask<T>(path: string): Promise<T> {
    const { body } = await this.#get(`/api/v1/${path}`);
    const answer = JSON.parse(body.toString()) as { readonly data: T; readonly error?: string };
    if (answer.error !== undefined) throw new Error(`${decodeURIComponent(path)}: ${answer.error}`);
    return answer.data;
  }
}
