// Measures what the index costs: the first settling of a cluster (CPU and heap), and single changes of it afterwards.
// Run with `node mesh-index.bench.ts [--json]`; with --json one line per figure, as e2e/bench reads it.
// Budgets (2 cores of a virtual machine): 10,000 pods and 1,000 services in 0.6 s of CPU; 350 MB for 50,000 pods beyond the objects themselves;
// one pod in 50 us; a label of a namespace in one pass over what is in it.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Inputs } from './kinds/all.ts';
import type { Labels } from './kinds/meta.ts';
import { type IndexSink, MeshIndex } from './mesh-index.ts';
import { gatewayOf, kubeServiceOf, metaOf, namespaceOf, plainSettings } from './testing/services.ts';
import { authorizationPolicyOf, nodeOf, peerAuthenticationOf, podOf } from './testing/workloads.ts';

interface Figure {
  readonly case: string;
  readonly metric: string;
  readonly unit: string;
  readonly ours: number;
}

const podsPerService = 10;
const podsPerNode = 50;
const addressOf = (net: number, at: number): string => `${net}.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`;

interface Shape {
  readonly pods: number;
  readonly namespaces: number;
  /** Of each kind, in every namespace. */
  readonly policies: number;
}

interface Cluster {
  readonly index: MeshIndex;
  readonly shape: Shape;
  readonly pod: (at: number, given?: Partial<Inputs['pods']>) => Inputs['pods'];
}

const keyOf = ({ meta }: Inputs['pods']): string => `${meta.namespace}/${meta.name}`;

/** As they come off the wire: no two objects share a string or an object. */
function fill(shape: Shape): {
  readonly objects: readonly (readonly [keyof Inputs, string, Inputs[keyof Inputs]])[];
  readonly pod: Cluster['pod'];
} {
  const namespaceAt = (service: number): string => `team-${service % shape.namespaces}`;
  const pod: Cluster['pod'] = (at, given) => {
    const service = Math.floor(at / podsPerService);
    const hash = `5d8f7c${service.toString(36)}`;
    const labels: Labels = { app: `app-${service}`, 'pod-template-hash': hash, version: 'v1', 'app.kubernetes.io/part-of': 'shop' };
    const meta = metaOf({ namespace: namespaceAt(service), name: `app-${service}-${hash}-${at.toString(36)}`, uid: `uid-${at}`, labels });
    const controller = { kind: 'ReplicaSet', name: `app-${service}-${hash}` };
    const node = `node-${Math.floor(at / podsPerNode)}`;
    return structuredClone(
      podOf({ meta, node, ips: [addressOf(10, at)], generated: true, controller, namedPorts: { http: 8080 }, ...given }),
    );
  };
  const objects: (readonly [keyof Inputs, string, Inputs[keyof Inputs]])[] = [];
  const add = (table: keyof Inputs, object: Inputs[keyof Inputs]) => {
    const { namespace, name } = object.meta;
    objects.push([table, namespace === '' ? name : `${namespace}/${name}`, object]);
  };
  for (let at = 0; at < shape.namespaces; at++) {
    const namespace = `team-${at}`;
    add('namespaces', namespaceOf(namespace));
    add('gateways', gatewayOf({ meta: { namespace, labels: { 'istio.io/waypoint-for': 'all' } } }));
    for (let policy = 0; policy < shape.policies; policy++) {
      const selector = { app: `app-${at + policy * shape.namespaces}` };
      add('authorizationPolicies', authorizationPolicyOf({ meta: { namespace, name: `policy-${policy}` }, selector }));
      add('peerAuthentications', peerAuthenticationOf({ meta: { namespace, name: `mtls-${policy}` }, selector, mode: 'STRICT' }));
    }
  }
  for (let at = 0; at < shape.pods / podsPerNode; at++) add('nodes', nodeOf(`node-${at}`));
  for (let at = 0; at < shape.pods / podsPerService; at++)
    add(
      'services',
      structuredClone(
        kubeServiceOf({
          meta: { namespace: namespaceAt(at), name: `app-${at}` },
          clusterIps: [addressOf(11, at)],
          selector: { app: `app-${at}` },
        }),
      ),
    );
  for (let at = 0; at < shape.pods; at++) add('pods', pod(at));
  return { objects, pod };
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function usedHeap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Counts, and keeps nothing: outputs are somebody else's memory. */
class Counting implements IndexSink {
  workloads = 0;

  workload(): void {
    this.workloads++;
  }

  service(): void {}
  policy(): void {}
  l7(): void {}
  routeStatus(): void {}
  problems(): void {}
  status(): void {}
  unenforced(): void {}
}

function load(shape: Shape): { readonly cluster: Cluster; readonly figures: readonly Figure[] } {
  const { objects, pod } = fill(shape);
  const before = usedHeap();
  const index = new MeshIndex(plainSettings);
  const start = process.cpuUsage();
  for (const [table, key, object] of objects) index.set(table, key, object);
  const sink = new Counting();
  index.settle(sink);
  const { user, system } = process.cpuUsage(start);
  if (sink.workloads !== shape.pods) throw new Error(`${sink.workloads} workloads of ${shape.pods} pods`);
  const heap = (usedHeap() - before) / 1e6;
  const name = `first settling of ${shape.pods} pods, ${shape.pods / podsPerService} services`;
  return {
    cluster: { index, shape, pod },
    figures: [
      { case: name, metric: 'CPU', unit: 's', ours: round((user + system) / 1e6) },
      { case: name, metric: 'heap', unit: 'MB', ours: round(heap) },
    ],
  };
}

/** Microseconds per call, of the best of three rounds. */
function cost(calls: number, call: (at: number) => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 3; turn++) {
    const start = performance.now();
    for (let at = 0; at < calls; at++) call(turn * calls + at);
    best = Math.min(best, ((performance.now() - start) * 1000) / calls);
  }
  return best;
}

function changes({ index, shape, pod }: Cluster): readonly Figure[] {
  const sink = new Counting();
  const settle = () => index.settle(sink);
  const onePod = cost(2000, (at) => {
    const changed = pod((at * 7919) % shape.pods, { ready: at % 2 === 0 });
    index.set('pods', keyOf(changed), changed);
    settle();
  });
  const making = cost(2000, (at) => void pod((at * 7919) % shape.pods, { ready: at % 2 === 0 }));
  const churn = cost(1000, (at) => {
    const born = pod(shape.pods + at);
    index.set('pods', keyOf(born), born);
    settle();
    index.set('pods', keyOf(born), undefined);
    settle();
  });
  sink.workloads = 0;
  const start = performance.now();
  index.set('namespaces', 'team-0', namespaceOf('team-0', { 'istio.io/use-waypoint': 'waypoint' }));
  settle();
  const namespace = performance.now() - start;
  const name = `${shape.pods} pods in ${shape.namespaces} namespaces`;
  return [
    { case: name, metric: 'change of one pod', unit: 'us', ours: round(onePod - making) },
    { case: name, metric: 'a pod comes and goes', unit: 'us', ours: round(churn - making) },
    { case: name, metric: `label of a namespace of ${sink.workloads} pods`, unit: 'ms', ours: round(namespace) },
  ];
}

const round = (value: number): number => Math.round(value * 100) / 100;

const figures = [
  { pods: 10_000, namespaces: 100, policies: 2 },
  { pods: 10_000, namespaces: 1, policies: 2 },
  { pods: 50_000, namespaces: 100, policies: 2 },
].flatMap((shape) => {
  const { cluster, figures } = load(shape);
  return [...figures, ...changes(cluster)];
});
const asJson = process.argv.includes('--json');
for (const figure of figures) {
  const line = { bench: 'index', ...figure };
  console.log(
    asJson ? JSON.stringify(line) : `${line.case.padEnd(52)} ${line.metric.padEnd(42)} ${String(line.ours).padStart(10)} ${line.unit}`,
  );
}
