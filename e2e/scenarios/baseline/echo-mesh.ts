// What every baseline scenario starts from: the mesh on two nodes with the apps of echo-apps.ts, worked by kubectl and nothing else.
// Calls are made by the echo pods themselves. One for each test file; its tests share it.
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { CallOrder, CallResult, LoadLine, LoadOrder } from '../../lab/cluster/apps/echo-protocol.ts';
import { eventually } from '../../lab/eventually.ts';
import { Exposition } from '../../lab/exposition.ts';
import { MeshLab } from '../../lab/mesh-lab.ts';
import { type EchoName, echoApps, echoNames, echoNamespace, type Kind, type KubeManifest, loadPod, namespace } from './echo-apps.ts';

export interface EchoPod {
  readonly name: string;
  readonly v4: string;
  readonly v6: string;
}

export interface LoadFrom {
  readonly kind: Kind;
  readonly node: 'node-a' | 'node-b';
}

/** Long enough for a loaded machine. */
export const patience = { timeoutMs: 30_000, everyMs: 100 };

const callsProgram = fileURLToPath(new URL('../../lab/cluster/apps/calls.ts', import.meta.url));
const nodes = ['node-a', 'node-b'] as const;
const redirection = 'ambient.istio.io/redirection';

interface PodJson {
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly status: {
    readonly podIPs: readonly { readonly ip: string }[];
    readonly conditions: readonly { readonly type: string; readonly status: string; readonly lastTransitionTime: string }[];
  };
}

export class EchoMesh implements AsyncDisposable {
  readonly mesh: MeshLab;
  /** Both addresses of each Service. */
  readonly vips = new Map<Kind, { readonly v4: string; readonly v6: string }>();
  #pods = new Map<EchoName, EchoPod>();
  #loads = 0;

  private constructor(mesh: MeshLab) {
    this.mesh = mesh;
  }

  static async start(): Promise<EchoMesh> {
    const mesh = await MeshLab.start();
    const echo = new EchoMesh(mesh);
    try {
      await echo.#install();
    } catch (e) {
      await mesh[Symbol.asyncDispose]();
      throw e;
    }
    return echo;
  }

  async #install(): Promise<void> {
    await this.mesh.kubectl.ok('apply -f -', documents([echoNamespace]));
    await this.k('apply -f -', documents(echoApps));
    for (const name of echoNames) await this.k(`rollout status deployment/${name} --timeout=30s`);
    await this.findPods();
    for (const kind of ['captured', 'uncaptured'] as const) {
      const [v4 = '', v6 = ''] = (await this.k(`get service ${kind} -o jsonpath={.spec.clusterIPs[*]}`)).split(' ');
      this.vips.set(kind, { v4, v6 });
    }
    const enrolled = async (): Promise<true | undefined> =>
      [...(await this.annotated())].sort().join() === 'captured-v1,captured-v2' ? true : undefined;
    await eventually(enrolled, { ...patience, what: 'captured pods in the mesh' });
  }

  /** kubectl in the namespace of the apps. */
  async k(command: string, input?: string): Promise<string> {
    return (await this.mesh.kubectl.ok(`-n ${namespace} ${command}`, input)).trim();
  }

  pod(name: EchoName): EchoPod {
    const pod = this.#pods.get(name);
    if (pod === undefined) throw new Error(`no pod of ${name} is known`);
    return pod;
  }

  vip(kind: Kind, family: 'v4' | 'v6'): string {
    return this.vips.get(kind)?.[family] ?? '';
  }

  async #podList(): Promise<readonly PodJson[]> {
    const { items } = JSON.parse(await this.k('get pods -o json')) as { items: readonly PodJson[] };
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** Again, after they were replaced. */
  async findPods(): Promise<void> {
    for (const { metadata, status } of await this.#podList()) {
      const name = nameOf(metadata.labels);
      const [v4, v6] = status.podIPs.map(({ ip }) => ip);
      if (name !== undefined) this.#pods.set(name, { name: metadata.name, v4: v4 ?? '', v6: v6 ?? '' });
    }
  }

  /** Echo apps whose pods say that they are in the mesh. */
  async annotated(): Promise<readonly EchoName[]> {
    const pods = (await this.#podList()).filter(({ metadata }) => metadata.annotations?.[redirection] === 'enabled');
    return pods.flatMap(({ metadata: { labels } }) => nameOf(labels) ?? []);
  }

  /** When each pod became ready, by name; without those that are not. */
  async readySince(): Promise<Record<string, string>> {
    const ready = (await this.#podList()).flatMap(({ metadata: { name }, status: { conditions } }) =>
      conditions
        .filter(({ type, status }) => type === 'Ready' && status === 'True')
        .map((each) => [name, each.lastTransitionTime] as const),
    );
    return Object.fromEntries(ready);
  }

  /** All calls from one pod; results in the order of the orders. */
  async calls(from: EchoName, orders: readonly CallOrder[]): Promise<readonly (readonly CallResult[])[]> {
    const argv = ['-n', namespace, 'exec', '-i', this.pod(from).name, '--', process.execPath, callsProgram];
    const { code, stdout, stderr } = await this.mesh.kubectl.run(argv, JSON.stringify(orders));
    if (code !== 0) throw new Error(`calls from ${from} could not be made: ${stderr}`);
    return JSON.parse(stdout) as readonly (readonly CallResult[])[];
  }

  /** One call. */
  async call(from: EchoName, order: CallOrder): Promise<CallResult> {
    return (await this.calls(from, [order]))[0]?.[0] ?? { error: 'no result' };
  }

  /** A shell command in an echo pod. */
  async sh(from: EchoName, script: string): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
    return this.mesh.kubectl.run(['-n', namespace, 'exec', this.pod(from).name, '--', 'sh', '-c', script]);
  }

  /** Deleted when disposed of. @param objects with a namespace of their own, or in that of the apps */
  async applied(...objects: readonly KubeManifest[]): Promise<AsyncDisposable> {
    const all = documents(objects.map((object) => ({ ...object, metadata: { namespace, ...object.metadata } })));
    await using parts = new AsyncDisposableStack();
    parts.defer(async () => void (await this.mesh.kubectl.ok('delete --ignore-not-found -f -', all)));
    await this.mesh.kubectl.ok('apply -f -', all);
    return parts.move();
  }

  /** Metrics of both ztunnels, added up. */
  async metrics(): Promise<Exposition> {
    const texts = nodes.map(async (node) =>
      this.mesh.kubectl.ok(`-n istio-system exec ${await this.mesh.ztunnel(node)} -- curl -s localhost:15020/metrics`),
    );
    return new Exposition((await Promise.all(texts)).join('\n'));
  }

  /** Clients ask as ordered while `meanwhile` goes on, and some time before and after; what each of them saw. */
  async underLoad(
    wishes: readonly (LoadFrom & LoadOrder)[],
    meanwhile: () => Promise<void>,
  ): Promise<readonly { readonly what: string; readonly lines: readonly LoadLine[] }[]> {
    const pods = wishes.map(({ kind, node, ...order }) => ({ name: `load-${++this.#loads}`, kind, node, order }));
    await using _pods = await this.applied(...pods.map(loadPod));
    const lines = async (name: string): Promise<readonly LoadLine[]> =>
      (await this.k(`logs ${name}`))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as LoadLine);
    const moreOfEach = async (since: number): Promise<void> => {
      for (const { name } of pods)
        await eventually(async () => ((await lines(name)).filter(({ at }) => at >= since).length >= 20 ? true : undefined), {
          ...patience,
          what: `requests of ${name}`,
        });
    };
    await this.k(`wait pod ${pods.map(({ name }) => name).join(' ')} --for=condition=Ready --timeout=30s`);
    await moreOfEach(0);
    await meanwhile();
    await moreOfEach(Date.now());
    // Awaited: the pods go when this function returns.
    return await Promise.all(
      pods.map(async ({ name, kind, node, order }) => ({
        what: `${kind} on ${node} to ${order.host}`,
        lines: await lines(name),
      })),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]();
  }
}

const nameOf = ({ app, version }: PodJson['metadata']['labels']): EchoName | undefined =>
  echoNames.find((each) => each === `${app}-${version}`);

/** For `kubectl -f -`. */
const documents = (items: readonly object[]): string => items.map((item) => JSON.stringify(item)).join('\n');

/** Probes until what it says is `want`; shows the difference when it never is. */
export async function settles<T>(want: T, probe: () => Promise<T>): Promise<void> {
  let last: T | undefined;
  const equal = async (): Promise<true | undefined> => {
    last = await probe();
    return JSON.stringify(last) === JSON.stringify(want) ? true : undefined;
  };
  await eventually(equal, { ...patience, what: 'it' }).catch(() => expect(last).toEqual(want));
}
