// The xDS client against a gRPC server that shares no code with it (connect-node over TLS).
// The rules of what is sent are tabled in subscription.test.ts; here is what only a stream shows.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testAuthority } from '@ambient-mesh/identity/testing';
import type { MeshDelta } from '@ambient-mesh/model/delta';
import { Mesh } from '@ambient-mesh/model/mesh';
import { policy, service, workload } from '@ambient-mesh/model/testing';
import { systemClock } from '@ambient-mesh/runtime/time';
import { Code } from '@connectrpc/connect';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { GrpcTarget } from '../grpc/target.ts';
import {
  Mailbox,
  policyResource,
  serviceResource,
  TestControlPlane,
  type TestControlPlaneOptions,
  workloadResource,
} from '../testing/index.ts';
import { XdsClient, type XdsConfig } from './client.ts';
import { addressType, authorizationType } from './subscription.ts';

const authority = testAuthority();
const server = authority.custom({ subject: { commonName: 'localhost' }, uris: [] });
const rootPem = server.rootsPem.join('');
const node = { id: 'ztunnel~1.1.1.1~p.ns~ns.svc.cluster.local', metadata: { NAME: 'p' } };

let scene = new AsyncDisposableStack();
afterEach(async () => {
  await scene.disposeAsync();
  scene = new AsyncDisposableStack();
});

interface Client {
  readonly mesh: Mesh;
  readonly client: XdsClient;
  readonly deltas: Mailbox<MeshDelta>;
  readonly ends: Mailbox<{ readonly reason: string; readonly wait: number; readonly why: unknown }>;
  readonly received: (readonly unknown[])[];
  readonly synced: () => boolean;
  readonly stop: () => Promise<void>;
}

async function controlPlane(options: Partial<TestControlPlaneOptions> = {}): Promise<TestControlPlane> {
  return scene.use(await TestControlPlane.listen({ ...server, ...options }));
}

const targetOf = (port: number, changes: Partial<GrpcTarget> = {}): GrpcTarget => ({
  host: 'localhost',
  port,
  root: { literal: rootPem },
  headers: [],
  ...changes,
});

function start(target: GrpcTarget, config: Partial<XdsConfig> = {}): Client {
  const mesh = new Mesh();
  const deltas = new Mailbox<MeshDelta>();
  const ends: Client['ends'] = new Mailbox();
  const received: Client['received'] = [];
  let synced = false;
  const client = new XdsClient(
    { target, node, onDemand: false, ...config },
    {
      apply: (delta) => {
        mesh.apply(delta);
        deltas.put(delta);
        return undefined;
      },
      clock: systemClock,
      synced: () => {
        synced = true;
      },
      report: {
        connected: () => {},
        rejected: () => {},
        received: (...what) => void received.push(what),
        ended: (reason, why, wait) => ends.put({ reason, why, wait }),
      },
    },
  );
  const stopper = new AbortController();
  const running = client.run(stopper.signal);
  const stop = async (): Promise<void> => {
    stopper.abort();
    await running;
  };
  scene.defer(stop);
  return { mesh, client, deltas, ends, received, synced: () => synced, stop };
}

const a = workload({ name: 'a', ips: ['10.0.0.1'] });
const b = workload({ name: 'b', ips: ['10.0.0.2'] });

describe('a stream', () => {
  test('opens with one wildcard request of each type, node and metadata in both', async () => {
    const plane = await controlPlane();
    start(
      targetOf(plane.port, {
        token: { literal: 'secret' },
        headers: [
          ['clusterid', 'Kubernetes'],
          ['X-Extra', 'yes'],
        ],
      }),
    );
    const stream = await plane.stream();
    for (const typeUrl of [addressType, authorizationType]) {
      const request = await stream.requests.take();
      expect(request).toMatchObject({ typeUrl, resourceNamesSubscribe: [], resourceNamesUnsubscribe: [], initialResourceVersions: {} });
      expect(request.node).toMatchObject({ id: node.id, metadata: { NAME: 'p' } });
    }
    expect(stream.headers.get('authorization')).toBe('Bearer secret');
    expect(stream.headers.get('clusterid')).toBe('Kubernetes');
    expect(stream.headers.get('x-extra')).toBe('yes');
  });

  test('is synced only after both types have arrived and been applied', async () => {
    const plane = await controlPlane();
    const { synced, mesh, deltas } = start(targetOf(plane.port));
    const stream = await plane.stream();
    stream.push({ resources: [workloadResource(a)] });
    await deltas.take();
    await vi.waitFor(() => expect(stream.requests.seen).toHaveLength(3));
    expect(synced()).toBe(false);
    stream.pushPolicies();
    await vi.waitFor(() => expect(synced()).toBe(true));
    expect(mesh.workload(a.uid)).toMatchObject({ name: 'a' });
  });

  test('a refused push keeps it unsynced', async () => {
    const plane = await controlPlane();
    const { synced } = start(targetOf(plane.port));
    const stream = await plane.stream();
    stream.pushPolicies();
    stream.push({ resources: [{ name: 'bad', body: Buffer.from('not protobuf') }] });
    await vi.waitFor(() => expect(stream.requests.seen).toHaveLength(4));
    expect(stream.requests.seen.at(-1)?.errorDetail?.message).toMatch(/^bad: /);
    expect(synced()).toBe(false);
    stream.push({ resources: [workloadResource(a)] });
    await vi.waitFor(() => expect(synced()).toBe(true));
  });

  test('acknowledges a good push and refuses the bad resources of a mixed one, which applies for the rest', async () => {
    const plane = await controlPlane();
    const { mesh, received } = start(targetOf(plane.port));
    const stream = await plane.stream();
    const good = stream.push({ resources: [workloadResource(a), serviceResource(service({ hostname: 'x.ns' }))] });
    const mixed = stream.push({ resources: [workloadResource(b), { name: 'c', body: undefined }] });
    await vi.waitFor(() => expect(stream.requests.seen).toHaveLength(4));
    const [, , first, second] = stream.requests.seen;
    expect(first).toMatchObject({ typeUrl: addressType, responseNonce: good, initialResourceVersions: {} });
    expect(first?.node).toBeUndefined();
    expect(first?.errorDetail).toBeUndefined();
    expect(second).toMatchObject({ typeUrl: addressType, responseNonce: mixed, errorDetail: { code: 0, message: 'c: no resource body' } });
    expect(mesh.workload(b.uid)).toBeDefined();
    expect(received.map(([typeUrl, resources]) => [typeUrl, resources])).toEqual([
      [addressType, 2],
      [addressType, 2],
    ]);
  });

  test('a type that nobody asked for is acknowledged and changes nothing', async () => {
    const plane = await controlPlane();
    const { received } = start(targetOf(plane.port));
    const stream = await plane.stream();
    stream.push({ typeUrl: 'type.googleapis.com/other', resources: [workloadResource(a)], removed: ['x'] });
    await vi.waitFor(() => expect(stream.requests.seen).toHaveLength(3));
    expect(stream.requests.seen[2]).toMatchObject({ typeUrl: 'type.googleapis.com/other', responseNonce: 'nonce-1' });
    expect(received[0]?.[0]).toBe('other');
  });

  test('a push of many thousand resources arrives whole', async () => {
    const plane = await controlPlane();
    const { mesh, deltas } = start(targetOf(plane.port));
    const stream = await plane.stream();
    const many = Array.from({ length: 20_000 }, (_, n) => workload({ name: `w${n}`, ips: [`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`] }));
    stream.push({ resources: many.map((w) => workloadResource(w)) });
    expect((await deltas.take()).workloads).toHaveLength(20_000);
    expect(mesh.workload(many.at(-1)?.uid ?? '')).toBeDefined();
  });
});

describe('a stream that ends', () => {
  test('is followed by one that tells what is held; a rejected resource is not claimed', async () => {
    const plane = await controlPlane();
    const { ends } = start(targetOf(plane.port));
    const first = await plane.stream();
    first.push({ resources: [workloadResource(a, 'v1'), workloadResource(b, 'v7'), { name: 'bad', version: 'v9', body: undefined }] });
    first.push({ resources: [workloadResource(a, 'v2')], removed: [b.uid] });
    first.push({ typeUrl: authorizationType, resources: [policyResource(policy({ name: 'p' }), 'p1')] });
    await vi.waitFor(() => expect(first.requests.seen).toHaveLength(5));
    first.fail(Code.Unavailable, 'transport is closing');
    const second = await plane.stream();
    expect(await second.requests.take()).toMatchObject({ typeUrl: addressType, initialResourceVersions: { [a.uid]: 'v2' }, node });
    expect(await second.requests.take()).toMatchObject({ initialResourceVersions: { [policy({ name: 'p' }).key]: 'p1' } });
    expect(await ends.take()).toMatchObject({ reason: 'Reconnect', wait: 10 });
  });

  test('add, abort, remove: the mesh is kept while there is no connection', async () => {
    const plane = await controlPlane();
    const { mesh, deltas } = start(targetOf(plane.port));
    (await plane.stream()).push({ resources: [workloadResource(a)] });
    await deltas.take();
    plane.cut();
    const second = await plane.stream();
    expect(mesh.workload(a.uid)).toBeDefined();
    second.push({ removed: [a.uid] });
    expect((await deltas.take()).removedAddresses).toEqual([a.uid]);
    expect(mesh.workload(a.uid)).toBeUndefined();
  });

  const rows: readonly (readonly [rule: string, end: (plane: TestControlPlane) => Promise<void>, want: object])[] = [
    ['cleanly is Complete', async (plane) => (await plane.stream()).end(), { reason: 'Complete', wait: 10 }],
    ['because the connection broke is Reconnect', async (plane) => cutAccepted(plane), { reason: 'Reconnect', wait: 10 }],
    ['with another status is Error', async (plane) => failAccepted(plane, Code.Internal), { reason: 'Error', wait: 20 }],
  ];
  test.each(rows)('%s', async (_rule, end, want) => {
    const plane = await controlPlane();
    const { ends } = start(targetOf(plane.port));
    await end(plane);
    expect(await ends.take()).toMatchObject(want);
    await plane.stream();
  });

  test('refused streams and unreachable servers are tried again after 20, 40, 80 ms', async () => {
    let refusals = 0;
    const plane = await controlPlane({
      refuse: () => (++refusals <= 3 ? { status: Code.Unauthenticated, message: 'who are you?' } : undefined),
    });
    const { ends } = start(targetOf(plane.port));
    for (const wait of [20, 40, 80]) {
      expect(await ends.take()).toMatchObject({ reason: 'ConnectionError', wait, why: { message: 'gRPC status 16: who are you?' } });
    }
    await plane.stream();
  });

  test('a body that is no protobuf is refused by name, and the stream goes on', async () => {
    const plane = await controlPlane();
    const { ends } = start(targetOf(plane.port));
    const stream = await plane.stream();
    // A field number of 0 exists in no message.
    stream.responses.put({
      typeUrl: addressType,
      resources: [{ name: 'x'.repeat(10), resource: { typeUrl: '', value: new Uint8Array([0, 0]) } }],
    });
    await vi.waitFor(() => expect(stream.requests.seen).toHaveLength(3));
    expect(stream.requests.seen[2]?.errorDetail?.message).toMatch(/^xxxxxxxxxx: /);
    expect(ends.seen).toHaveLength(0);
  });
});

async function cutAccepted(plane: TestControlPlane): Promise<void> {
  const stream = await plane.stream();
  stream.push({});
  await vi.waitFor(() => expect(stream.requests.seen).toHaveLength(3));
  plane.cut();
}

async function failAccepted(plane: TestControlPlane, code: Code): Promise<void> {
  const stream = await plane.stream();
  stream.push({});
  await vi.waitFor(() => expect(stream.requests.seen).toHaveLength(3));
  stream.fail(code, 'told so');
}

describe('trust', () => {
  test('the name of the certificate may be the alternative one', async () => {
    const other = authority.custom({ subject: { commonName: 'istiod.other.svc' }, uris: [] });
    const plane = await controlPlane({ ...other });
    const refused = start(targetOf(plane.port));
    expect(await refused.ends.take()).toMatchObject({ reason: 'ConnectionError' });
    await refused.stop();
    start(targetOf(plane.port, { altHostname: 'istiod.other.svc' }));
    await plane.stream();
  });

  test('a server of another root is refused', async () => {
    const plane = await controlPlane();
    const { ends } = start(targetOf(plane.port, { root: { literal: testAuthority().rootsPem.join('') } }));
    expect(await ends.take()).toMatchObject({ reason: 'ConnectionError', why: { fault: { code: 'grpc.connect', stage: 'tls' } } });
    expect(plane.streams.seen).toHaveLength(0);
  });

  test('root and token are read again for each connection; unreadable ones are waited for, not spun on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'xds-'));
    const plane = await controlPlane();
    scene.defer(() => rmSync(folder, { recursive: true }));
    const files = { root: join(folder, 'root.pem'), token: join(folder, 'token') };
    const { ends } = start(targetOf(plane.port, { root: { file: files.root }, token: { file: files.token } }));
    expect(await ends.take()).toMatchObject({ reason: 'ConnectionError', wait: 20, why: { fault: { code: 'grpc.root' } } });
    writeFileSync(files.root, rootPem);
    await vi.waitFor(() => expect(ends.seen.at(-1)).toMatchObject({ why: { fault: { code: 'token.unreadable' } } }));
    writeFileSync(files.token, 'first\n');
    const first = await plane.stream();
    expect(first.headers.get('authorization')).toBe('Bearer first');
    writeFileSync(files.token, 'second\n');
    first.end();
    expect((await plane.stream()).headers.get('authorization')).toBe('Bearer second');
  });
});

describe('on demand', () => {
  test('the first request asks for everything and gives it back; policies stay wildcard', async () => {
    const plane = await controlPlane();
    const { synced } = start(targetOf(plane.port), { onDemand: true });
    const stream = await plane.stream();
    expect(await stream.requests.take()).toMatchObject({
      typeUrl: addressType,
      resourceNamesSubscribe: ['*'],
      resourceNamesUnsubscribe: ['*'],
    });
    expect(await stream.requests.take()).toMatchObject({
      typeUrl: authorizationType,
      resourceNamesSubscribe: [],
      resourceNamesUnsubscribe: [],
    });
    stream.pushPolicies();
    await vi.waitFor(() => expect(synced()).toBe(true));
  });

  test('every waiter of a name is released when it has been applied, and finds it', async () => {
    const plane = await controlPlane();
    const { client, mesh } = start(targetOf(plane.port), { onDemand: true });
    const stream = await plane.stream();
    await vi.waitFor(() => expect(stream.requests.seen).toHaveLength(2));
    const never = new AbortController().signal;
    const found = [1, 2, 3].map(async () => {
      await client.demand(a.uid, never);
      return mesh.workload(a.uid)?.name;
    });
    await vi.waitFor(() => expect(stream.requests.seen).toHaveLength(3));
    expect(stream.requests.seen[2]).toMatchObject({ typeUrl: addressType, resourceNamesSubscribe: [a.uid], responseNonce: '' });
    expect(stream.requests.seen[2]?.node).toBeUndefined();
    stream.push({ resources: [workloadResource(a)] });
    expect(await Promise.all(found)).toEqual(['a', 'a', 'a']);
    await client.demand(a.uid, never);
    await vi.waitFor(() => expect(stream.requests.seen).toHaveLength(4));
  });

  test('a removal and an alias answer too', async () => {
    const plane = await controlPlane();
    const { client } = start(targetOf(plane.port), { onDemand: true });
    const stream = await plane.stream();
    const waiting = ['/10.0.0.1', '/10.0.0.9'].map((name) => client.demand(name, new AbortController().signal));
    stream.push({ resources: [{ ...workloadResource(a), aliases: ['/10.0.0.1'] }], removed: ['/10.0.0.9'] });
    await Promise.all(waiting);
  });

  test('a name that was not answered is asked again on the next stream', async () => {
    const plane = await controlPlane();
    const { client } = start(targetOf(plane.port), { onDemand: true });
    const first = await plane.stream();
    await vi.waitFor(() => expect(first.requests.seen).toHaveLength(2));
    const waiting = client.demand(b.uid, new AbortController().signal);
    await vi.waitFor(() => expect(first.requests.seen).toHaveLength(3));
    first.end();
    const second = await plane.stream();
    expect(await second.requests.take()).toMatchObject({ initialResourceVersions: { [b.uid]: '' }, resourceNamesSubscribe: ['*'] });
    second.push({ resources: [workloadResource(b)] });
    await waiting;
  });
});
