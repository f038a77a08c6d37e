// The lab as explain.test.ts works it: the base is applied once, each round's objects on top; what is there is read back as anybody may read it.

import { fileURLToPath } from 'node:url';
import { type KnownMesh, meshOf, tables } from '@ambient-mesh/translate/explain/mesh-of';
import { allKinds } from '@ambient-mesh/translate/kinds/all';
import type { RequestOrder, RequestResult } from '../../lab/cluster/apps/request-protocol.ts';
import { eventually } from '../../lab/eventually.ts';
import { MeshLab } from '../../lab/mesh-lab.ts';
import { base, type Manifest, namespaceOf, namespaces, pods, serviceOf, services, waypoints } from './base.ts';

const program = fileURLToPath(new URL('../../lab/cluster/apps/requests.ts', import.meta.url));
const node = [process.execPath, '--disable-warning=ExperimentalWarning'];
const documents = (items: readonly Manifest[]): string => items.map((item) => JSON.stringify(item)).join('\n');
const keyOf = ({ kind, metadata: { namespace = '', name } }: Manifest): string => `${kind}/${namespace}/${name}`;
const kinds = tables.map((table) => `${allKinds[table].plural}${allKinds[table].group === '' ? '' : `.${allKinds[table].group}`}`);

export class ExplainStage implements AsyncDisposable {
  readonly lab: MeshLab;
  /** Of the last round, those that go with it. */
  #applied: readonly Manifest[] = [];

  private constructor(lab: MeshLab) {
    this.lab = lab;
  }

  static async start(): Promise<ExplainStage> {
    const stage = new ExplainStage(await MeshLab.start());
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
    await kubectl.ok('apply -f -', documents([...base, ...services.map((plan) => serviceOf(plan))]));
    for (const name of waypoints) await kubectl.ok(`-n alpha wait gateway/${name} --for=condition=Programmed --timeout=60s`);
    for (const { namespace, name, isSick } of pods)
      if (!isSick) await kubectl.ok(`-n ${namespace} wait pod/${name} --for=condition=Ready --timeout=60s`);
    const inMesh = pods.filter(({ namespace, isOut }) => namespace !== 'gamma' && !isOut).length;
    const enrolled = async (): Promise<true | undefined> => {
      const { mesh } = await this.known();
      const all = [...mesh.workloads()].filter(
        ({ namespace, nativeTunnel }) => (namespace === 'alpha' || namespace === 'beta') && !nativeTunnel,
      );
      return all.filter(({ protocol }) => protocol === 'HBONE').length === inMesh ? true : undefined;
    };
    await eventually(enrolled, { timeoutMs: 30_000, everyMs: 200, what: 'the pods in the mesh' });
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
    const { items } = JSON.parse(await this.lab.kubectl.ok(`get ${kinds.join(',')} -A -o json`)) as {
      readonly items: readonly { readonly apiVersion: string; readonly kind: string }[];
    };
    const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '');
    const of = (table: (typeof tables)[number]) =>
      items.filter(({ apiVersion, kind }) => kind === allKinds[table].kind && groupOf(apiVersion) === allKinds[table].group);
    return meshOf(Object.fromEntries(tables.map((table) => [table, of(table)])));
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
    await this.lab[Symbol.asyncDispose]();
  }
}
