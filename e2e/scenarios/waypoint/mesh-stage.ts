// What the mesh tests of the Gateway API stand on: its two namespaces with their echo pods and Services (facts: gateway-api-mesh §2.1), a waypoint for the first.
// Worked by kubectl and nothing else; requests are made by the echo pods themselves. One for each test file.
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { RequestOrder, RequestResult } from '../../lab/cluster/apps/request-protocol.ts';
import { eventually } from '../../lab/eventually.ts';
import { MeshLab } from '../../lab/mesh-lab.ts';

export const mesh = 'gateway-conformance-mesh';
export const consumer = 'gateway-conformance-mesh-consumer';
/** Where requests come from: the first and second version, and the pod of the other namespace. */
export type From = 'V1' | 'V2' | 'CC';

export const patience = { timeoutMs: 30_000, everyMs: 100 };
const program = fileURLToPath(new URL('../../lab/cluster/apps/requests.ts', import.meta.url));

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: object; readonly annotations?: object };
  readonly [field: string]: unknown;
}

/** For `kubectl -f -`. */
export const documents = (items: readonly object[]): string => items.map((item) => JSON.stringify(item)).join('\n');

const namespaceOf = (name: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { 'istio.io/dataplane-mode': 'ambient' } },
});

const echo = (namespace: string, version: 'v1' | 'v2', node: string): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: `echo-${version}`, namespace },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'echo', version } },
    template: {
      metadata: { labels: { app: 'echo', version } },
      spec: {
        nodeName: node,
        terminationGracePeriodSeconds: 2,
        containers: [{ name: 'echo', image: 'ambient-mesh/echo-http', env: [{ name: 'VERSION', value: version }] }],
      },
    },
  },
});

const service = (name: string, selector: object): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: mesh },
  spec: {
    selector,
    ports: [
      { name: 'http', port: 80, targetPort: 8080, appProtocol: 'http' },
      { name: 'http-alt', port: 8080, targetPort: 8080, appProtocol: 'http' },
      { name: 'https', port: 443, targetPort: 8443 },
      { name: 'tcp', port: 9090, targetPort: 9090 },
      { name: 'odd', port: 9091, targetPort: 9091 },
      { name: 'grpc', port: 7070, targetPort: 7070, ...(name === 'echo' && { appProtocol: 'kubernetes.io/h2c' }) },
    ],
  },
});

export const waypoint = (name: string, namespace: string, labels: object = {}): Manifest => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name, namespace, labels },
  spec: { gatewayClassName: 'istio-waypoint', listeners: [{ name: 'mesh', port: 15_008, protocol: 'HBONE' }] },
});

export class MeshStage implements AsyncDisposable {
  readonly lab: MeshLab;
  readonly #pods = new Map<From, { readonly namespace: string; readonly name: string; readonly ip: string }>();

  private constructor(lab: MeshLab) {
    this.lab = lab;
  }

  static async start({ withWaypoint = true }: { readonly withWaypoint?: boolean } = {}): Promise<MeshStage> {
    const stage = new MeshStage(await MeshLab.start());
    try {
      await stage.#install(withWaypoint);
    } catch (e) {
      await stage[Symbol.asyncDispose]();
      throw e;
    }
    return stage;
  }

  async #install(withWaypoint: boolean): Promise<void> {
    const { kubectl } = this.lab;
    await kubectl.ok('apply -f -', documents([namespaceOf(mesh), namespaceOf(consumer)]));
    const apps = [echo(mesh, 'v1', 'node-a'), echo(mesh, 'v2', 'node-b'), echo(consumer, 'v1', 'node-b')];
    const services = [
      service('echo', { app: 'echo' }),
      service('echo-v1', { app: 'echo', version: 'v1' }),
      service('echo-v2', { app: 'echo', version: 'v2' }),
    ];
    await kubectl.ok('apply -f -', documents([...apps, ...services]));
    if (withWaypoint) await this.deployWaypoint('namespace', mesh);
    for (const namespace of [mesh, consumer]) await kubectl.ok(`-n ${namespace} wait pod --all --for=condition=Ready --timeout=60s`);
    await this.findPods();
    if (withWaypoint) {
      await kubectl.ok(`label namespace ${mesh} istio.io/use-waypoint=namespace`);
      await kubectl.ok(`-n ${mesh} wait service/echo --for=condition=istio.io/WaypointBound --timeout=20s`);
    }
  }

  /** Applied and ready. */
  async deployWaypoint(name: string, namespace: string, labels: object = {}): Promise<void> {
    const { kubectl } = this.lab;
    await kubectl.ok('apply -f -', documents([waypoint(name, namespace, labels)]));
    await kubectl.ok(`-n ${namespace} wait gateway/${name} --for=condition=Programmed --timeout=60s`);
  }

  async findPods(): Promise<void> {
    const places: readonly (readonly [From, string, string])[] = [
      ['V1', mesh, 'v1'],
      ['V2', mesh, 'v2'],
      ['CC', consumer, 'v1'],
    ];
    for (const [from, namespace, version] of places) {
      const said = await this.lab.kubectl.ok(
        `-n ${namespace} get pod -l app=echo,version=${version} -o jsonpath={.items[0].metadata.name},{.items[0].status.podIP}`,
      );
      const [name = '', ip = ''] = said.trim().split(',');
      this.#pods.set(from, { namespace, name, ip });
    }
  }

  pod(from: From): { readonly namespace: string; readonly name: string; readonly ip: string } {
    const pod = this.#pods.get(from);
    if (pod === undefined) throw new Error(`no pod ${from}`);
    return pod;
  }

  /** Results in the order of the orders. */
  async requests(from: From, orders: readonly RequestOrder[]): Promise<readonly (readonly RequestResult[])[]> {
    const { namespace, name } = this.pod(from);
    const argv = ['-n', namespace, 'exec', '-i', name, '--', process.execPath, '--disable-warning=ExperimentalWarning', program];
    const { code, stdout, stderr } = await this.lab.kubectl.run(argv, JSON.stringify(orders));
    if (code !== 0) throw new Error(`requests from ${from} could not be made: ${stderr}`);
    return JSON.parse(stdout) as readonly (readonly RequestResult[])[];
  }

  async request(from: From, order: RequestOrder): Promise<RequestResult> {
    return (await this.requests(from, [order]))[0]?.[0] ?? { error: 'no result' };
  }

  /** Deleted, and gone, when disposed of. */
  async applied(...objects: readonly Manifest[]): Promise<AsyncDisposable> {
    const all = documents(objects.map((object) => ({ ...object, metadata: { namespace: mesh, ...object.metadata } })));
    await using parts = new AsyncDisposableStack();
    parts.defer(async () => void (await this.lab.kubectl.ok('delete --ignore-not-found -f -', all)));
    await this.lab.kubectl.ok('apply -f -', all);
    return parts.move();
  }

  /** kubectl in the first namespace. */
  async k(command: string, input?: string): Promise<string> {
    return (await this.lab.kubectl.ok(`-n ${mesh} ${command}`, input)).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }
}

/** One expectation: a request and what must come of it. */
export interface Case {
  readonly from?: From;
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly want: Want;
}

export interface Want {
  /** Default 200. */
  readonly status?: number;
  readonly grpcStatus?: number;
  /** Beginning of the name of the pod that answers. */
  readonly backend?: string;
  /** Path at the backend. */
  readonly path?: string;
  readonly host?: string;
  /** Headers at the backend; several lines are joined with a bare comma, undefined: absent. */
  readonly seen?: Readonly<Record<string, string | undefined>>;
  readonly location?: string;
  /** Of the answer; undefined: absent. */
  readonly answer?: Readonly<Record<string, string | undefined>>;
}

const joined = (lines: RequestResult['headers'], wanted: string): string | undefined => {
  const values = (lines ?? []).filter(([name]) => name === wanted.toLowerCase()).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(',');
};

/** What of the result the expectation speaks of, in its shape. */
function observed(want: Want, result: RequestResult): object {
  const { seen } = result;
  return {
    ...(result.error !== undefined && { error: result.error }),
    status: result.status,
    ...(want.grpcStatus !== undefined && { grpcStatus: result.grpcStatus }),
    ...(want.backend !== undefined && { backend: seen?.pod.startsWith(`${want.backend}-`) ? want.backend : seen?.pod }),
    ...(want.path !== undefined && { path: seen?.path }),
    ...(want.host !== undefined && { host: seen?.host }),
    ...(want.seen && { seen: Object.fromEntries(Object.keys(want.seen).map((name) => [name, joined(seen?.headers, name)])) }),
    ...(want.location !== undefined && { location: joined(result.headers, 'location') }),
    ...(want.answer && { answer: Object.fromEntries(Object.keys(want.answer).map((name) => [name, joined(result.headers, name)])) }),
  };
}

const wanted = (want: Want): object => ({ ...want, status: want.status ?? 200 });

/** All cases hold, three times in a row, within the patience. */
export async function holds(stage: MeshStage, cases: readonly Case[]): Promise<void> {
  let last: readonly object[] = [];
  const want = cases.map((each) => wanted(each.want));
  const once = async (): Promise<boolean> => {
    const results = new Map<Case, RequestResult>();
    for (const from of ['V1', 'V2', 'CC'] as const) {
      const ofThis = cases.filter((each) => (each.from ?? 'V1') === from);
      if (ofThis.length === 0) continue;
      const orders = ofThis.map(({ url, method, headers = {}, body }) => ({
        url,
        ...(method !== undefined && { method }),
        ...(body !== undefined && { body }),
        headers: Object.entries(headers),
      }));
      const answers = await stage.requests(from, orders);
      for (const [at, each] of ofThis.entries()) results.set(each, answers[at]?.[0] ?? { error: 'no result' });
    }
    last = cases.map((each) => observed(each.want, results.get(each) ?? { error: 'no result' }));
    return same(last, want);
  };
  let inARow = 0;
  const settled = async (): Promise<true | undefined> => {
    inARow = (await once()) ? inARow + 1 : 0;
    return inARow === 3 ? true : undefined;
  };
  await eventually(settled, { ...patience, what: 'the expectations' }).catch(() => {
    const named = (all: readonly object[]) =>
      all.map((each, at) => ({ request: `${cases[at]?.method ?? 'GET'} ${cases[at]?.url}`, ...each }));
    expect(named(last)).toEqual(named(want));
  });
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([, v]) => v !== undefined)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([k, v]) => [k, sorted(v)]),
        )
      : value;
