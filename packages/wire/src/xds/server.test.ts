// The xDS server and the certificate service over real sockets: our own clients, raw streams for what a proper client would never do.
// What a client is owed is tabled in served-type.test.ts and served-client.test.ts.
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { Mesh } from '@ambient-mesh/model/mesh';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { workload } from '@ambient-mesh/model/testing';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CaClient } from '../ca/client.ts';
import { certificateMethod, certificatePath, type SigningRequest } from '../ca/server.ts';
import { GrpcCall } from '../grpc/call.ts';
import { GrpcServer } from '../grpc/server.ts';
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '../messages/generated/discovery_pb.js';
import { TestCollection } from '../testing/collection.ts';
import { XdsClient } from './client.ts';
import { encodeWorkload } from './encode.ts';
import { type Admission, deltaPath, XdsServer, type XdsServerOptions } from './server.ts';
import { addressType, authorizationType } from './subscription.ts';

const authority = testAuthority();
const custom = authority.custom({ subject: { commonName: 'localhost' }, uris: [] });
const rootsPem = authority.rootsPem.join('');
const tls = { chainPem: custom.certChainPem, keyPem: custom.keyPem, rootsPem };
const node = { id: 'ztunnel~10.0.0.9~zt.istio-system~istio-system.svc.cluster.local', metadata: { NODE_NAME: 'a' } };
const never = new AbortController().signal;

let scene = new AsyncDisposableStack();
afterEach(async () => {
  await scene.disposeAsync();
  scene = new AsyncDisposableStack();
});

async function plane(
  more: Partial<XdsServerOptions & { sign: Parameters<typeof certificateMethod>[0]; maxAge: number; port: number }> = {},
) {
  const addresses = new TestCollection(addressType);
  const policies = new TestCollection(authorizationType);
  const said: string[] = [];
  const xds = new XdsServer({
    collections: [policies, addresses],
    admit: async () => ({ ok: true }),
    clock: systemClock,
    report: {
      connected: ({ pod }) => said.push(`connected ${pod}`),
      disconnected: ({ pod }) => said.push(`disconnected ${pod}`),
      sent: () => {},
      acked: () => said.push('acked'),
      refused: (_, type, text) => said.push(`refused ${type}: ${text}`),
    },
    ...more,
  });
  const server = scene.use(
    await GrpcServer.listen({
      listen: { ip: '127.0.0.1' as never, port: more.port ?? 0 },
      tls,
      methods: {
        [deltaPath]: xds.method,
        [certificatePath]: certificateMethod(more.sign ?? (async () => ({ chainPem: ['leaf', 'root'] }))),
        '/broken': { limitBytes: 10, handle: () => Promise.reject(new Error('ours')) },
      },
      clock: systemClock,
      random: () => 0.5,
      maxAge: ms(more.maxAge ?? 60_000),
      failed: (path, why) => said.push(`${path} ${why}`),
    }),
  );
  scene.use(xds);
  const put = (name: string, body?: Uint8Array): void => addresses.put(name, body && { body });
  const push = (...names: string[]): void => xds.push(new Map([[addressType, new Set(names)]]), systemClock.monotonic());
  return { xds, server, addresses, policies, said, put, push };
}

const target = (port: number) => ({ host: 'localhost', port, root: { literal: rootsPem }, headers: [] }) as const;

function meshClient(port: number, { onDemand = false } = {}) {
  const mesh = new Mesh();
  let synced = false;
  const client = new XdsClient(
    { target: target(port), node, onDemand },
    {
      apply: (delta) => {
        mesh.apply(delta);
        return undefined;
      },
      clock: systemClock,
      synced: () => {
        synced = true;
      },
      report: { connected: () => {}, rejected: () => {}, received: () => {}, ended: () => {} },
    },
  );
  const stopper = new AbortController();
  const running = client.run(stopper.signal);
  scene.defer(async () => {
    stopper.abort();
    await running;
  });
  return { mesh, client, synced: () => synced };
}

type Request = MessageInitShape<typeof DeltaDiscoveryRequestSchema>;

/** A stream that says exactly what it is told. */
async function rawStream(port: number, headers: Readonly<Record<string, string>> = {}) {
  const session: ClientHttp2Session = connect(`https://localhost:${port}`, { ca: rootsPem });
  session.on('error', () => {});
  scene.defer(() => session.destroy());
  await once(session, 'connect');
  const call = new GrpcCall(session, { path: deltaPath, headers, limitBytes: 16 << 20 }, never);
  const messages = call.messages();
  return {
    session,
    call,
    send: (request: Request) => call.send(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request))),
    next: async (): Promise<DeltaDiscoveryResponse> => {
      const { value } = await messages.next();
      if (value === undefined) throw new Error('the stream ended');
      return fromBinary(DeltaDiscoveryResponseSchema, value);
    },
    ended: async (): Promise<unknown> => {
      for await (const _ of messages);
      return 'ended well';
    },
  };
}

const pod = (name: string, ip = '10.0.0.1') => encodeWorkload(workload({ name, ips: [ip] }));

test('a large snapshot arrives whole, in responses of a size that any gRPC client takes', async () => {
  const { server, addresses, policies } = await plane();
  for (let i = 0; i < 20_000; i++) addresses.put(`pod-${i}`, { body: pod(`pod-${i}`, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`) });
  policies.put('p');
  const stream = await rawStream(server.port);
  stream.send({ node, typeUrl: authorizationType });
  stream.send({ node, typeUrl: addressType });
  const sizes: number[] = [];
  const got = new Set<string>();
  while (got.size < 20_001) {
    const response = await stream.next();
    sizes.push(toBinary(DeltaDiscoveryResponseSchema, response).length);
    for (const { name } of response.resources) got.add(name);
    stream.send({ typeUrl: response.typeUrl, responseNonce: response.nonce });
  }
  expect(Math.max(...sizes)).toBeLessThan(2 << 20);
});

test('our own client follows changes, and hears of removals', async () => {
  const { server, addresses, put, push, said } = await plane();
  put('a', pod('a'));
  const { mesh, synced } = meshClient(server.port);
  await vi.waitFor(() => expect(synced()).toBe(true));
  expect(mesh.workload('a')).toBeUndefined();
  const uid = workload({ name: 'a' }).uid;
  expect(mesh.workload(uid)?.name).toBe('a');
  addresses.put('b', { body: pod('b', '10.0.0.2') });
  push('b');
  await vi.waitFor(() => expect(mesh.workload(workload({ name: 'b' }).uid)).toBeDefined());
  await vi.waitFor(() => expect(said).toContain('acked'));
});

test('a client that does not read or answer delays nobody', async () => {
  const { server, addresses, push } = await plane();
  for (let i = 0; i < 5_000; i++) addresses.put(`pod-${i}`, { body: new Uint8Array(2_000).fill(1) });
  const slow = await rawStream(server.port);
  slow.send({ node, typeUrl: authorizationType });
  slow.send({ node, typeUrl: addressType });
  const quick = await rawStream(server.port);
  quick.send({ node, typeUrl: authorizationType });
  quick.send({
    node,
    typeUrl: addressType,
    initialResourceVersions: Object.fromEntries([...addresses.all()].map((r) => [r.name, r.version])),
  });
  await quick.next();
  const first = await quick.next();
  quick.send({ typeUrl: addressType, responseNonce: first.nonce });
  for (let i = 0; i < 50; i++) {
    addresses.put('hot', { body: new TextEncoder().encode(String(i)) });
    push('hot');
    const response = await quick.next();
    expect(response.resources.map(({ name }) => name)).toEqual(['hot']);
    quick.send({ typeUrl: addressType, responseNonce: response.nonce });
  }
});

describe('a stream is refused', () => {
  const refused: readonly (readonly [string, Request, number])[] = [
    ['without a node', { typeUrl: addressType }, 3],
    ['with a node id of another form', { typeUrl: addressType, node: { id: 'ztunnel' } }, 3],
    ['with a node of an unknown type', { typeUrl: addressType, node: { id: 'spy~1.1.1.1~a.b~d' } }, 3],
  ];
  test.each(refused)('%s', async (_, request, status) => {
    const { server, xds } = await plane();
    const stream = await rawStream(server.port);
    stream.send(request);
    await expect(stream.ended()).rejects.toMatchObject({ fault: { status } });
    expect(xds.size).toBe(0);
  });

  test('by admission, which sees the token', async () => {
    const seen: string[] = [];
    const admit = async ({ authorization, clusterId }: { authorization: string; clusterId: string }): Promise<Admission> => {
      seen.push(authorization, clusterId);
      return { refused: { status: 16, text: 'who are you? é' } };
    };
    const { server, xds } = await plane({ admit });
    const stream = await rawStream(server.port, { authorization: 'Bearer t', clusterid: 'c' });
    stream.send({ node, typeUrl: addressType });
    await expect(stream.ended()).rejects.toThrow('who are you? é');
    expect(seen).toEqual(['Bearer t', 'c']);
    expect(xds.size).toBe(0);
  });

  test('with bytes that are no request, and the server lives on', async () => {
    const { server, said } = await plane();
    const stream = await rawStream(server.port);
    stream.call.send(Buffer.from([0xff, 0xff, 0xff]));
    await expect(stream.ended()).rejects.toMatchObject({ fault: { status: 3 } });
    expect(said).toEqual([]);
    const other = await rawStream(server.port);
    other.send({ node, typeUrl: authorizationType });
    expect((await other.next()).typeUrl).toBe(authorizationType);
  });

  test('after 15 s without a request', async () => {
    const clock = fakeClock();
    const { server } = await plane({ clock });
    const stream = await rawStream(server.port);
    await stream.call.accepted();
    const ended = stream.ended();
    ended.catch(() => {});
    await clock.advance(ms(15_000));
    await expect(ended).rejects.toMatchObject({ fault: { status: 4 } });
  });

  test('after 5 minutes without an answer', async () => {
    const clock = fakeClock();
    const { server, put } = await plane({ clock });
    put('a');
    const stream = await rawStream(server.port);
    stream.send({ node, typeUrl: authorizationType });
    await stream.next();
    const ended = stream.ended();
    ended.catch(() => {});
    for (let i = 0; i < 22; i++) await clock.advance(ms(15_000));
    await expect(ended).rejects.toMatchObject({ fault: { status: 4 } });
  });
});

test('a refusal by the client is reported, and what was refused is not sent again', async () => {
  const { server, put, push, said, xds } = await plane();
  const stream = await rawStream(server.port);
  stream.send({ node, typeUrl: authorizationType });
  stream.send({ node, typeUrl: addressType });
  await stream.next();
  await stream.next();
  put('bad');
  push('bad');
  const { nonce } = await stream.next();
  stream.send({ typeUrl: addressType, responseNonce: nonce, errorDetail: { code: 3, message: 'no good' } });
  await vi.waitFor(() => expect(said).toContain(`refused ${addressType}: no good`));
  expect(xds.clients()[0]?.types.find(({ typeUrl }) => typeUrl === addressType)).toMatchObject({ lastRefusal: 'no good', pending: 0 });
});

test('on demand: asked for by name, address and service, aliases and all', async () => {
  const { server, addresses, push } = await plane();
  addresses.put('svc', { aliases: ['/10.1.0.1'] });
  addresses.put('one', { aliases: ['/10.0.0.1'], backs: ['svc'], node: 'b' });
  addresses.put('own', { node: 'a' });
  const stream = await rawStream(server.port);
  stream.send({ node, typeUrl: authorizationType });
  stream.send({ node, typeUrl: addressType, resourceNamesUnsubscribe: ['*'] });
  expect((await stream.next()).typeUrl).toBe(authorizationType);
  expect((await stream.next()).resources.map(({ name }) => name)).toEqual(['own']);
  stream.send({ typeUrl: addressType, resourceNamesSubscribe: ['/10.1.0.1', '/10.9.9.9'] });
  const response = await stream.next();
  expect(response.resources.map(({ name, aliases }) => [name, aliases])).toEqual([
    ['svc', ['/10.1.0.1']],
    ['one', ['/10.0.0.1']],
  ]);
  expect(response.removedResources).toEqual(['/10.9.9.9']);
  addresses.put('late', { aliases: ['/10.9.9.9'] });
  push('late');
  expect((await stream.next()).resources.map(({ name }) => name)).toEqual(['late']);
});

test('a client that was cut off at random ends where one that never was does', async () => {
  const { server, addresses, push, xds } = await plane();
  const random = seeded(7);
  const steady = meshClient(server.port);
  const shaky = meshClient(server.port);
  await vi.waitFor(() => expect(steady.synced() && shaky.synced()).toBe(true));
  for (let round = 0; round < 300; round++) {
    const name = `w${Math.floor(random() * 40)}`;
    const { uid } = workload({ name });
    if (random() < 0.3) addresses.remove(uid);
    else addresses.put(uid, { body: encodeWorkload(workload({ name, ips: [`10.0.${Math.floor(random() * 9)}.1`] })) });
    push(uid);
    if (round % 25 === 0) await new Promise(setImmediate);
    if (random() < 0.05) xds[Symbol.dispose]();
  }
  const uids = [...addresses.all()].map((r) => r.name).sort();
  const has = ({ mesh }: typeof steady): string[] =>
    Array.from({ length: 40 }, (_, i) => workload({ name: `w${i}` }).uid)
      .filter((uid) => mesh.workload(uid) !== undefined)
      .sort();
  await vi.waitFor(() => expect([has(steady), has(shaky)]).toEqual([uids, uids]), { timeout: 20_000 });
  for (const uid of uids) expect(shaky.mesh.workload(uid)).toEqual(steady.mesh.workload(uid));
}, 30_000);

describe('the connection', () => {
  test('is asked to leave when it is old, and the client comes back without losing anything', async () => {
    const { server, put, said, xds } = await plane({ maxAge: 200 });
    put('a', pod('a'));
    const { mesh, synced } = meshClient(server.port);
    await vi.waitFor(() => expect(synced()).toBe(true));
    xds[Symbol.dispose]();
    await vi.waitFor(() => expect(said.filter((line) => line.startsWith('connected')).length).toBeGreaterThan(1), { timeout: 5_000 });
    expect(mesh.workload(workload({ name: 'a' }).uid)).toBeDefined();
  });

  test('drains: clients are asked to leave, and nobody new gets in', async () => {
    const { server, xds } = await plane();
    const stream = await rawStream(server.port);
    stream.send({ node, typeUrl: authorizationType });
    await stream.next();
    const gone = once(stream.session, 'close');
    const drained = server.drain(AbortSignal.timeout(5_000));
    xds[Symbol.dispose]();
    await drained;
    await gone;
    expect(xds.size).toBe(0);
  });

  test('is cut at the deadline when a client will not leave', async () => {
    const { server } = await plane();
    const stream = await rawStream(server.port);
    stream.send({ node, typeUrl: authorizationType });
    await stream.next();
    await server.drain(AbortSignal.timeout(50));
  });

  test('gets another certificate without a restart', async () => {
    const { server } = await plane();
    const next = testAuthority().custom({ subject: { commonName: 'localhost' }, uris: [] });
    server.useTls({ chainPem: next.certChainPem, keyPem: next.keyPem, rootsPem: next.rootsPem.join('') });
    const session = connect(`https://localhost:${server.port}`, { ca: next.rootsPem.join('') });
    session.on('error', () => {});
    await once(session, 'connect');
    session.destroy();
  });
});

describe('clients that break off', () => {
  test('streams that are reset as soon as they are opened, or at any moment after, harm nobody', async () => {
    const { server, xds, addresses } = await plane();
    for (let i = 0; i < 3_000; i++) addresses.put(`p${i}`, { body: new Uint8Array(500) });
    const random = seeded(11);
    for (let round = 0; round < 8; round++) {
      const { session } = await rawStream(server.port);
      for (let i = 0; i < 60; i++) {
        const paths = [deltaPath, certificatePath, '/nothing', '/broken'];
        const request = session.request({
          ':method': 'POST',
          ':path': paths[i % 4],
          'content-type': i % 7 === 0 ? 'text/plain' : 'application/grpc',
        });
        request.on('error', () => {});
        const message = toBinary(
          DeltaDiscoveryRequestSchema,
          create(DeltaDiscoveryRequestSchema, { node, typeUrl: i % 3 === 0 ? authorizationType : addressType }),
        );
        const prefix = Buffer.alloc(5);
        prefix.writeUInt32BE(message.length, 1);
        if (random() < 0.7) request.write(Buffer.concat([prefix, message]));
        if (random() < 0.3) request.end();
        if (random() < 0.5) request.close(8);
        else setTimeout(() => request.close(8), random() * 20);
        if (random() < 0.1) await new Promise(setImmediate);
      }
      await new Promise((resolve) => setTimeout(resolve, random() * 15));
      if (round % 2 === 0) session.socket.destroy();
      else session.destroy();
    }
    await vi.waitFor(() => expect(xds.size).toBe(0), { timeout: 10_000 });
    const after = await rawStream(server.port);
    after.send({ node, typeUrl: authorizationType });
    expect((await after.next()).typeUrl).toBe(authorizationType);
  }, 30_000);
});

describe('gRPC', () => {
  test('an unknown method is Unimplemented, a failing one Internal without its reason', async () => {
    const { server, said } = await plane();
    const { session } = await rawStream(server.port);
    const answer = async (path: string): Promise<unknown> => {
      const call = new GrpcCall(session, { path, headers: {}, limitBytes: 100 }, never);
      call.end();
      for await (const _ of call.messages());
      return undefined;
    };
    await expect(answer('/nothing')).rejects.toMatchObject({ fault: { status: 12 } });
    await expect(answer('/broken')).rejects.toMatchObject({ fault: { status: 13 }, message: expect.not.stringContaining('ours') });
    expect(said).toContain('/broken ours');
  });
});

describe('certificates', () => {
  test('the request arrives as it was made, with the client certificate when there is one', async () => {
    const requests: SigningRequest[] = [];
    const { server } = await plane({
      sign: async (request) => {
        requests.push(request);
        return { chainPem: ['leaf', 'root'] };
      },
    });
    const ca = new CaClient({ ...target(server.port), token: { literal: 'tok' }, headers: [['clusterid', 'c1']] }, systemClock);
    const identity = spiffeId('cluster.local', 'ns', 'sa');
    const signed = await ca.sign({ csrPem: 'CSR', identity, ttlSeconds: 60, impersonate: true }, never);
    expect(signed.chainPem).toEqual(['leaf', 'root']);
    expect(requests).toEqual([
      expect.objectContaining({ csrPem: 'CSR', ttlSeconds: 60, impersonated: identity.uri, authorization: 'Bearer tok', clusterId: 'c1' }),
    ]);
    expect(requests[0]?.peer).toMatchObject({ secure: true, identities: [] });

    const own = authority.credentials(identity);
    const session = connect(`https://localhost:${server.port}`, { ca: rootsPem, cert: own.certChainPem, key: own.keyPem });
    scene.defer(() => session.destroy());
    const call = new GrpcCall(session, { path: certificatePath, headers: {}, limitBytes: 1 << 20 }, never);
    call.send(new Uint8Array());
    call.end();
    for await (const _ of call.messages());
    expect(requests[1]?.peer.identities).toEqual([identity]);
  });

  test('a refusal arrives with its code', async () => {
    const { server } = await plane({ sign: async () => ({ refused: { status: 16, text: 'no' } }) });
    const ca = new CaClient({ ...target(server.port), headers: [] }, systemClock);
    const order = { csrPem: 'CSR', identity: spiffeId('td', 'ns', 'sa'), ttlSeconds: 60, impersonate: true };
    await expect(ca.sign(order, never)).rejects.toMatchObject({ fault: { code: 'ca.refused', status: 16 } });
  });

  test('a request that is too long is refused unread', async () => {
    const { server } = await plane();
    const ca = new CaClient({ ...target(server.port), headers: [] }, systemClock);
    const order = { csrPem: 'x'.repeat(100_000), identity: spiffeId('td', 'ns', 'sa'), ttlSeconds: 60, impersonate: true };
    await expect(ca.sign(order, never)).rejects.toMatchObject({ fault: { code: 'ca.refused', status: 8 } });
  });
});

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
}
