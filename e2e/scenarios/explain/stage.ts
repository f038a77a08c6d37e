// The lab as explain.test.ts works it: the base is applied once, each round's objects on top; what is there is read back as anybody may read it.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadAccess } from '@ambient-mesh/kube/access';
import { KubeClient } from '@ambient-mesh/kube/client';
import { systemClock } from '@ambient-mesh/runtime/time';
import { type KnownMesh, meshOf, tables } from '@ambient-mesh/translate/explain/mesh-of';
import { allKinds } from '@ambient-mesh/translate/kinds/all';
import type { RequestOrder, RequestResult } from '../../lab/cluster/apps/request-protocol.ts';
import { eventually } from '../../lab/eventually.ts';
import { MeshLab } from '../../lab/mesh-lab.ts';
import { base, entry, entryOf, type Manifest, namespaceOf, namespaces, pods, serviceOf, services, waypoints } from './base.ts';

const program = fileURLToPath(new URL('../../lab/cluster/apps/requests.ts', import.meta.url));
const node = [process.execPath, '--disable-warning=ExperimentalWarning'];
const documents = (items: readonly Manifest[]): string => items.map((item) => JSON.stringify(item)).join('\n');
const keyOf = ({ kind, metadata: { namespace = '', name } }: Manifest): string => `${kind}/${namespace}/${name}`;

export class ExplainStage implements AsyncDisposable {
  readonly lab: MeshLab;
  /** A file. */
  readonly kubeconfig: string;
  /** Of the last round, those that go with it. */
  #applied: readonly Manifest[] = [];

  readonly #client: KubeClient;
  readonly #owned: AsyncDisposableStack;

  private constructor(parts: {
    readonly lab: MeshLab;
    readonly kubeconfig: string;
    readonly client: KubeClient;
    readonly owned: AsyncDisposableStack;
  }) {
    this.lab = parts.lab;
    this.kubeconfig = parts.kubeconfig;
    this.#client = parts.client;
    this.#owned = parts.owned;
  }

  static async start(): Promise<ExplainStage> {
    await using parts = new AsyncDisposableStack();
    const lab = parts.use(await MeshLab.start());
    const folder = parts.adopt(mkdtempSync(join(tmpdir(), 'explain-')), (path) => rmSync(path, { recursive: true, force: true }));
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, lab.cluster.api.kubeconfig(), { mode: 0o600 });
    const client = parts.use(new KubeClient(await loadAccess({ kubeconfig }), { clock: systemClock }));
    const stage = new ExplainStage({ lab, kubeconfig, client, owned: parts.move() });
    try {
      await stage.#install();
    } catch (e) {
      await stage[Symbol.asyncDispose]();
      throw e;
    }
    return stage;
  }

  async #install(): Promise<void> {
    const { kubectl } = this.lab;
    await kubectl.ok('apply -f -', documents(namespaces.map((name) => namespaceOf(name))));
    await kubectl.ok('apply -f -', documents([...base, ...services.map((plan) => serviceOf(plan)), entryOf({})]));
    for (const name of waypoints) await kubectl.ok(`-n alpha wait gateway/${name} --for=condition=Programmed --timeout=60s`);
    for (const { namespace, name, isSick } of pods)
      if (!isSick) await kubectl.ok(`-n ${namespace} wait pod/${name} --for=condition=Ready --timeout=60s`);
    const inMesh = pods.filter(({ namespace, isOut }) => namespace !== 'gamma' && !isOut).length;
    const isWhole = async (): Promise<true | undefined> => {
      const { mesh } = await this.known();
      const all = [...mesh.workloads()].filter(
        ({ namespace, nativeTunnel }) => (namespace === 'alpha' || namespace === 'beta') && !nativeTunnel,
      );
      const hasAddresses = [...mesh.services()].some(({ hostname, vips }) => hostname === entry.host && vips.length === 2);
      return hasAddresses && all.filter(({ protocol }) => protocol === 'HBONE').length === inMesh ? true : undefined;
    };
    await eventually(isWhole, { timeoutMs: 30_000, everyMs: 200, what: 'the pods in the mesh, and addresses for its host' });
  }

  /** In place of those of the last round. */
  async apply(objects: readonly Manifest[]): Promise<void> {
    const { kubectl } = this.lab;
    const now = new Set(objects.map(keyOf));
    const gone = this.#applied.filter((each) => !now.has(keyOf(each)));
    this.#applied = objects;
    await kubectl.ok('apply -f -', documents(objects));
    if (gone.length > 0) await kubectl.ok('delete --ignore-not-found --wait=false -f -', documents(gone));
  }

  /** What anybody would make of the objects that are in the cluster now. */
  async known(): Promise<KnownMesh> {
    const listed = tables.map(async (table) => {
      const { items } = await this.#client.list({ ...allKinds[table], narrow: (raw: unknown) => raw });
      return [table, items] as const;
    });
    return meshOf(Object.fromEntries(await Promise.all(listed)));
  }

  /** Made by one pod, one after the other. @param from `namespace/name` */
  async requests(from: string, orders: readonly RequestOrder[]): Promise<readonly (readonly RequestResult[])[]> {
    const [namespace = '', name = ''] = from.split('/');
    const { code, stdout, stderr } = await this.lab.kubectl.run(
      ['-n', namespace, 'exec', '-i', name, '--', ...node, program],
      JSON.stringify(orders),
    );
    if (code !== 0) throw new Error(`requests from ${from} could not be made: ${stderr}`);
    return JSON.parse(stdout) as readonly (readonly RequestResult[])[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}
