// What the control plane costs: the first snapshot and memory of a large cluster, changes to many clients, one change from end to end, certificates.
// Real processes on the lab's API server; its store is filled directly, because the load is not what is measured. No peers: nothing else installs here.
import { connect } from 'node:http2';
import { writeCsr } from '@ambient-mesh/identity/csr';
import { newKeyPair } from '@ambient-mesh/identity/keys';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { systemClock } from '@ambient-mesh/runtime/time';
import { callOnce, GrpcCall } from '@ambient-mesh/wire/grpc/call';
import { openConnection } from '@ambient-mesh/wire/grpc/connection';
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from '@ambient-mesh/wire/messages/citadel_pb';
import { DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema } from '@ambient-mesh/wire/messages/discovery_pb';
import { addressType, authorizationType } from '@ambient-mesh/wire/xds/subscription';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { becomes, type Istiod } from '../lab/istiod.ts';
import { KubeApi } from '../lab/kubernetes/kube-api.ts';
import type { KubeObject } from '../lab/kubernetes/patch/json.ts';
import { MeshApi, MeshClient, type PodWish, podObject, systemNamespace } from '../lab/mesh-api.ts';
import { type Figure, figure } from './figures.ts';
import type { Plan } from './options.ts';
import { costOf } from './process-cost.ts';

const never = new AbortController().signal;
const nodes = 100;

interface Bed {
  readonly mesh: MeshApi;
  readonly api: KubeApi;
}

/** A cluster of that many pods, a tenth as many services, in 100 namespaces. */
async function cluster(pods: number): Promise<Bed & AsyncDisposable> {
  let api: KubeApi | undefined;
  const mesh = await MeshApi.start(async () => {
    api = await KubeApi.start({ listen: { ip: '127.0.0.1', port: 0 } });
    return api;
  });
  if (api === undefined) throw new Error('no API server');
  for (let i = 0; i < nodes; i++)
    api.store.put('nodes', objectOf('v1', 'Node', { name: `node-${i}`, labels: { 'topology.kubernetes.io/zone': `z${i % 3}` } }));
  for (let i = 0; i < nodes; i++) api.store.put('namespaces', objectOf('v1', 'Namespace', { name: `ns-${i}` }));
  for (let i = 0; i < pods / 10; i++) {
    const spec = {
      clusterIP: `10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`,
      clusterIPs: [`10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`],
      selector: { app: `svc-${i}` },
      ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }],
      ipFamilies: ['IPv4'],
    };
    api.store.put('services', { ...objectOf('v1', 'Service', { name: `svc-${i}`, namespace: `ns-${i % nodes}` }), spec });
  }
  for (let i = 0; i < pods; i++) api.store.put('pods', podOf(i, true));
  return { mesh, api, [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose]() };
}

const objectOf = (apiVersion: string, kind: string, metadata: Record<string, unknown> & { name: string }): KubeObject =>
  ({
    apiVersion,
    kind,
    metadata: { uid: `${kind}-${metadata.name}`, creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
  }) as KubeObject;

/** As a Deployment's pod looks, managed fields and all left out. */
function podOf(i: number, ready: boolean): KubeObject {
  const app = Math.floor(i / 10);
  const ip = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  const wish = {
    name: `svc-${app}-6d4cf56db6-${i.toString(36).padStart(5, '0')}`,
    namespace: `ns-${app % nodes}`,
    serviceAccount: `svc-${app}`,
    node: `node-${i % nodes}`,
    ip,
    ready,
  };
  const object = podObject({
    ...wish,
    labels: { app: `svc-${app}`, 'pod-template-hash': '6d4cf56db6', version: 'v1' },
  }) as unknown as KubeObject;
  return { ...object, metadata: { ...object.metadata, uid: `pod-${i}`, creationTimestamp: '2026-01-01T00:00:00Z' } } as KubeObject;
}

async function* snapshot(pods: number): AsyncIterable<readonly Figure[]> {
  await using bed = await cluster(pods);
  const istiod = await bed.mesh.istiod();
  const { cpuSeconds, rssMb } = costOf(istiod.child.pid);
  const received = await receiveAll(istiod, pods);
  const about = { bench: 'control', case: `${pods} pods` };
  yield [
    figure(about, { metric: 'CPU until ready, start and list included', unit: 's', value: cpuSeconds }),
    // The index and the encoding run in one turn of the loop: their time is CPU time.
    figure(about, {
      metric: 'snapshot after list',
      unit: 's',
      value: (await istiod.metrics()).sum('ambient_index_settle_seconds_sum', {}),
    }),
    figure(about, { metric: 'memory when ready', unit: 'MB', value: rssMb }),
    figure(about, { metric: 'on the wire per workload', unit: 'B', value: received.bytes / received.resources }),
    figure(about, { metric: 'memory after one client', unit: 'MB', value: costOf(istiod.child.pid).rssMb }),
  ];
}

/** A client that only counts: whole snapshot, from the port in clear. */
class Counter {
  readonly #call: GrpcCall;
  readonly #session;
  resources = 0;
  bytes = 0;
  onResource: (name: string) => void = () => {};
  readonly done: Promise<void>;

  constructor(port: number) {
    this.#session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 4 << 20 } });
    this.#session.on('error', () => {});
    this.#call = new GrpcCall(
      this.#session,
      { path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources', headers: {}, limitBytes: 64 << 20 },
      never,
    );
    const node = { id: 'ztunnel~10.0.0.1~zt.istio-system~istio-system.svc.cluster.local', metadata: {} };
    for (const typeUrl of [authorizationType, addressType]) this.#send({ node, typeUrl });
    this.done = this.#receive();
  }

  #send(request: Parameters<typeof create<typeof DeltaDiscoveryRequestSchema>>[1]): void {
    this.#call.send(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request)));
  }

  async #receive(): Promise<void> {
    try {
      for await (const message of this.#call.messages()) {
        const { typeUrl, nonce, resources } = fromBinary(DeltaDiscoveryResponseSchema, message);
        this.#send({ typeUrl, responseNonce: nonce });
        this.bytes += message.length;
        this.resources += resources.length;
        for (const { name } of resources) this.onResource(name);
      }
    } catch {
      // The end of the process that it measures.
    }
  }

  close(): void {
    this.#session.destroy();
  }
}

async function receiveAll(istiod: Istiod, pods: number): Promise<Counter> {
  const counter = new Counter(istiod.plain.port);
  await becomes('the whole snapshot', () => (counter.resources >= pods ? true : undefined), 60_000);
  counter.close();
  return counter;
}

/** Changes of pods at a steady rate with many clients: what it costs, and when the last client has heard of each. */
async function* manyClients({ seconds, quick }: Plan): AsyncIterable<readonly Figure[]> {
  const [pods, clients, rate] = quick ? [1_000, 20, 20] : [10_000, 100, 20];
  await using bed = await cluster(pods);
  const istiod = await bed.mesh.istiod({ PILOT_DEBOUNCE_AFTER: '100ms' });
  const counters = Array.from({ length: clients }, () => new Counter(istiod.plain.port));
  await becomes('all snapshots', () => (counters.every(({ resources }) => resources >= pods) ? true : undefined), 120_000);
  const waiting = new Map<string, { readonly at: number; left: number }>();
  const took: number[] = [];
  for (const counter of counters) {
    counter.onResource = (name) => {
      const change = waiting.get(name);
      if (change === undefined || --change.left > 0) return;
      waiting.delete(name);
      took.push(performance.now() - change.at);
    };
  }
  const before = costOf(istiod.child.pid).cpuSeconds;
  const began = performance.now();
  const changes = rate * seconds * 2;
  for (let i = 0; i < changes; i++) {
    const pod = podOf((i * 37) % pods, i >= pods);
    waiting.set(`Kubernetes//Pod/${pod.metadata.namespace}/${pod.metadata.name}`, { at: performance.now(), left: clients });
    bed.api.store.put('pods', pod);
    await systemClock.sleep(Math.max(0, began + ((i + 1) * 1_000) / rate - performance.now()) as never, never);
  }
  await becomes('every change at every client', () => (waiting.size === 0 ? true : undefined), 30_000);
  const elapsed = (performance.now() - began) / 1_000;
  const cores = (costOf(istiod.child.pid).cpuSeconds - before) / elapsed;
  for (const counter of counters) counter.close();
  const about = { bench: 'control', case: `${clients} clients, ${rate} changes/s on ${pods} pods` };
  yield [
    figure(about, { metric: 'CPU', unit: 'cores', value: cores }),
    figure(about, { metric: 'change to last client p50', unit: 'ms', value: quantile(took, 0.5) }),
    figure(about, { metric: 'change to last client p99', unit: 'ms', value: quantile(took, 0.99) }),
    figure(about, { metric: 'memory', unit: 'MB', value: costOf(istiod.child.pid).rssMb }),
  ];
}

const ztunnel: PodWish = {
  name: 'ztunnel-a',
  namespace: systemNamespace,
  serviceAccount: 'ztunnel',
  node: 'a',
  ip: '10.0.0.1',
  captured: false,
};

/** One policy applied over the API until a tunnel's model has it, without debounce; and certificates. */
async function* oneClient({ seconds, quick }: Plan): AsyncIterable<readonly Figure[]> {
  await using mesh = await MeshApi.start(() => KubeApi.start({ listen: { ip: '127.0.0.1', port: 0 } }));
  const istiod = await mesh.istiod();
  await mesh.pod(ztunnel);
  await mesh.pod({ name: 'web', ip: '10.0.1.1', labels: { app: 'web' } });
  const target = await mesh.target(istiod, ztunnel);
  await using client = new MeshClient(target);
  const uid = 'Kubernetes//Pod/default/web';
  await becomes('the pod', () => client.mesh.workload(uid));
  const took: number[] = [];
  for (let i = 0; i < (quick ? 50 : 300); i++) {
    const policy = {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: `p${i % 5}`, namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'web' } }, rules: [{ to: [{ operation: { ports: [String(1_000 + i)] } }] }] },
    };
    const applied = Promise.withResolvers<void>();
    client.onApply = (keys) => {
      if (keys.includes(`default/p${i % 5}`)) applied.resolve();
    };
    const began = performance.now();
    await Promise.all([mesh.put(policy), applied.promise]);
    took.push(client.appliedAt - began);
  }
  const about = { bench: 'control', case: 'one policy, no debounce' };
  yield [
    figure(about, { metric: 'API call to model p50', unit: 'ms', value: quantile(took, 0.5) }),
    figure(about, { metric: 'API call to model p99', unit: 'ms', value: quantile(took, 0.99) }),
  ];
  yield await certificates(istiod, target, seconds);
}

async function certificates(istiod: Istiod, target: Parameters<typeof openConnection>[0], seconds: number): Promise<readonly Figure[]> {
  const identity = spiffeId('cluster.local', systemNamespace, 'ztunnel');
  const rootPem = 'literal' in target.root ? target.root.literal : '';
  const token = target.token !== undefined && 'literal' in target.token ? target.token.literal : '';
  const session = await openConnection(target, rootPem, systemClock, never);
  const csr = writeCsr(identity, newKeyPair());
  const message = toBinary(IstioCertificateRequestSchema, create(IstioCertificateRequestSchema, { csr, validityDuration: 86_400n }));
  const options = {
    path: '/istio.v1.auth.IstioCertificateService/CreateCertificate',
    headers: { authorization: `Bearer ${token}` },
    limitBytes: 1 << 20,
  };
  let signed = 0;
  const until = performance.now() + seconds * 1_000;
  const before = costOf(istiod.child.pid).cpuSeconds;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      while (performance.now() < until) {
        const answer = fromBinary(IstioCertificateResponseSchema, await callOnce(session, options, message, never));
        if (answer.certChain.length < 2) throw new Error('no chain');
        signed++;
      }
    }),
  );
  session.destroy();
  const elapsed = (performance.now() - began) / 1_000;
  const cores = (costOf(istiod.child.pid).cpuSeconds - before) / elapsed;
  const about = { bench: 'control', case: 'certificates, RSA 2048 root' };
  return [
    figure(about, { metric: 'signed', unit: '/s', value: signed / elapsed }),
    figure(about, { metric: 'signed per core', unit: '/s', value: signed / elapsed / cores }),
  ];
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export async function* controlPlane({ plan }: { readonly plan: Plan }): AsyncIterable<readonly Figure[]> {
  for (const pods of plan.quick ? [2_000] : [10_000, 50_000]) yield* snapshot(pods);
  yield* manyClients(plan);
  yield* oneClient(plan);
}
