// istiod-lite against an API server: what is applied is at the clients at once, statuses say so, and nothing that breaks loses or invents anything.
// Runs on the lab's API server, and on a real one when KUBEBUILDER_ASSETS names it. Clients are the ztunnel's own xDS and CA clients.
import { generateKeyPairSync } from 'node:crypto';
import { writeCsr } from '@ambient-mesh/identity/csr';
import { newKeyPair } from '@ambient-mesh/identity/keys';
import { oddCsr } from '@ambient-mesh/identity/testing';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { systemClock } from '@ambient-mesh/runtime/time';
import { CaClient } from '@ambient-mesh/wire/ca/client';
import type { GrpcTarget } from '@ambient-mesh/wire/grpc/target';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { becomes, type Istiod } from '../lab/istiod.ts';
import { apis } from '../lab/kubernetes/each-api.ts';
import { MeshApi, MeshClient, type PodWish, podObject, systemNamespace, targetOf } from '../lab/mesh-api.ts';

const never = new AbortController().signal;
const ztunnel: PodWish = {
  name: 'ztunnel-a',
  namespace: systemNamespace,
  serviceAccount: 'ztunnel',
  node: 'a',
  ip: '10.0.0.1',
  captured: false,
};
const uid = (name: string, namespace = 'default'): string => `Kubernetes//Pod/${namespace}/${name}`;

const service = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default', ...('labels' in more ? { labels: more.labels as Record<string, string> } : {}) },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
});
const policy = (name: string, spec: object, namespace = 'default') => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name, namespace },
  spec: spec as Record<string, never>,
});

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

describe.each(apis)('on %s', (_, startApi) => {
  let mesh: MeshApi;
  let istiod: Istiod;
  let target: GrpcTarget;
  let scene = new AsyncDisposableStack();

  beforeAll(async () => {
    mesh = await MeshApi.start(startApi);
    istiod = await mesh.istiod();
    await mesh.pod(ztunnel);
    target = await mesh.target(istiod, ztunnel);
  }, 60_000);
  afterAll(() => mesh[Symbol.asyncDispose]());
  afterEach(async () => {
    await scene.disposeAsync();
    scene = new AsyncDisposableStack();
  });

  const conditions = async (object: Parameters<MeshApi['get']>[0]): Promise<readonly Condition[]> =>
    ((await mesh.get(object)) as { status?: { conditions?: readonly Condition[] } }).status?.conditions ?? [];
  const condition = (object: Parameters<MeshApi['get']>[0], type: string, reason: string): Promise<Condition> =>
    becomes(`${type} with reason ${reason}`, async () =>
      (await conditions(object)).find((each) => each.type === type && each.reason === reason),
    );

  test('pods, services and policies are at the clients as they are applied, changed and removed', async () => {
    const { mesh: seen } = scene.use(new MeshClient(target));
    await mesh.put(service('web'));
    await mesh.pod({ name: 'web-1', ip: '10.0.1.1', labels: { app: 'web' } });
    const found = await becomes('the pod behind its service', () => {
      const workload = seen.workload(uid('web-1'));
      return workload?.services.has('default/web.default.svc.cluster.local') ? workload : undefined;
    });
    expect(found).toMatchObject({
      protocol: 'HBONE',
      health: 'Healthy',
      identity: spiffeId('cluster.local', 'default', 'web-1'),
      node: 'a',
    });
    expect([...(found.services.get('default/web.default.svc.cluster.local') ?? [])]).toEqual([[80, 8080]]);

    const allow = policy('only-web', {
      selector: { matchLabels: { app: 'web' } },
      rules: [{ from: [{ source: { principals: ['cluster.local/ns/default/sa/web'] } }] }],
    });
    await mesh.put(allow);
    await becomes(
      'the policy on the pod',
      () => seen.workload(uid('web-1'))?.authorizationPolicies.includes('default/only-web') || undefined,
    );
    expect(await condition(allow, 'ZtunnelAccepted', 'Accepted')).toMatchObject({ status: 'True', message: 'attached to ztunnel' });
    await mesh.remove(allow);
    await becomes('a pod without the policy', () => seen.workload(uid('web-1'))?.authorizationPolicies.length === 0 || undefined);

    await mesh.put(podObject({ name: 'web-1', ip: '10.0.1.1', labels: { app: 'web' }, ready: false }));
    await becomes('an unhealthy pod', () => seen.workload(uid('web-1'))?.health === 'Unhealthy' || undefined);
    await mesh.remove(podObject({ name: 'web-1', ip: '10.0.1.1' }));
    await becomes('no such pod', () => (seen.workload(uid('web-1')) === undefined ? true : undefined));
  });

  test('a policy that nobody enforces whole is never silent: condition, event and metric say so until it is mended', async () => {
    await istiod.leads().catch(() => {});
    const deny = policy('by-path', { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin'] } }] }] });
    await mesh.put(deny);
    expect((await condition(deny, 'ZtunnelAccepted', 'UnsupportedValue')).message).toMatch(/paths/);
    await becomes('an event', async () => {
      const { body } = await mesh.client.get('/api/v1/namespaces/default/events');
      return JSON.stringify(body).includes('UnenforcedL7Attributes') || undefined;
    });
    const gauge = async (): Promise<number> =>
      (await istiod.metrics()).matching('ambient_policies_unenforced', { name: 'by-path', reason: 'L7Attributes' }).length;
    expect(await gauge()).toBe(1);
    await mesh.put(policy('by-path', { action: 'DENY', rules: [{ to: [{ operation: { ports: ['9090'] } }] }] }));
    await condition(deny, 'ZtunnelAccepted', 'Accepted');
    expect(await gauge()).toBe(0);
    await mesh.remove(deny);
  });

  test('a service says whether its waypoint is there, and follows it', async () => {
    const bound = service('bound', { labels: { 'istio.io/use-waypoint': 'wp' } });
    await mesh.put(bound);
    expect((await condition(bound, 'istio.io/WaypointBound', 'WaypointIsNotReady')).message).toBe('waypoint "default/wp" is not ready');
    const listener = { name: 'mesh', port: 15008, protocol: 'HBONE' };
    await mesh.put({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { name: 'wp', namespace: 'default' },
      spec: { gatewayClassName: 'istio-waypoint', listeners: [listener] },
      status: { addresses: [{ type: 'IPAddress', value: '10.96.7.7' }] },
    });
    expect((await condition(bound, 'istio.io/WaypointBound', 'WaypointAccepted')).status).toBe('True');
    const { mesh: seen } = scene.use(new MeshClient(target));
    await becomes('a service with a waypoint', () => {
      const waypoint = seen.service('default/bound.default.svc.cluster.local')?.waypoint;
      return waypoint && 'address' in waypoint.destination && waypoint.destination.address.ip === '10.96.7.7' ? true : undefined;
    });
    await mesh.put({ ...bound, metadata: { ...bound.metadata, labels: {} } });
    await becomes('a status without the condition', async () => ((await conditions(bound)).length === 0 ? true : undefined));
  });

  test('hosts of a ServiceEntry without addresses get some, and clients hear of them', async () => {
    const { mesh: seen } = scene.use(new MeshClient(target));
    await mesh.put({
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: { name: 'ext', namespace: 'default' },
      spec: {
        hosts: ['api.example.com'],
        ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
        resolution: 'DNS',
        location: 'MESH_EXTERNAL',
      },
    });
    const vips = await becomes('two addresses', () => {
      const found = seen.service('default/api.example.com')?.vips;
      return found?.length === 2 ? found.map(({ ip }) => ip) : undefined;
    });
    expect(vips[0]).toMatch(/^240\.240\./);
    expect(vips[1]).toMatch(/^2001:2::/);
  });

  test('every namespace has the roots, also a new one, and they are put back when somebody changes them', async () => {
    await mesh.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'later' } });
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'istio-ca-root-cert', namespace: 'later' } };
    const roots = await mesh.roots();
    const text = async (): Promise<string | undefined> =>
      ((await mesh.get(map)) as { data?: { 'root-cert.pem'?: string } }).data?.['root-cert.pem'];
    await becomes('the roots in the new namespace', async () => ((await text()) === roots ? true : undefined));
    await mesh.put({ ...map, data: { 'root-cert.pem': 'meddled' } });
    await becomes('the roots again', async () => ((await text()) === roots ? true : undefined));
  });

  describe('certificates', () => {
    const client: PodWish = { name: 'client', ip: '10.0.2.1', node: 'a' };
    const identity = spiffeId('cluster.local', 'default', 'client');
    beforeAll(async () => {
      await mesh.pod(client);
      await mesh.pod({ name: 'elsewhere', ip: '10.0.3.1', node: 'b' });
      await becomes('the pods at istiod-lite', async () =>
        (await istiod.debug<{ objects: { pods: number } }>('index')).objects.pods >= 3 ? true : undefined,
      );
    });
    const sign = async (from: GrpcTarget, id = identity, csrPem = writeCsr(id, newKeyPair()), impersonate = true) =>
      new CaClient(from, systemClock).sign({ csrPem, identity: id, ttlSeconds: 3_600, impersonate }, never);

    test('for a pod of the very node, and for the caller itself', async () => {
      expect((await sign(target)).chainPem).toHaveLength(2);
      const own = await mesh.target(istiod, client);
      expect((await sign(own, identity, undefined, false)).chainPem).toHaveLength(2);
    });

    const refused: readonly (readonly [string, number, (roots: string) => Promise<unknown>])[] = [
      ['no token', 16, (roots) => sign(targetOf(istiod, roots))],
      ['garbage for a token', 16, (roots) => sign(targetOf(istiod, roots, 'garbage'))],
      ['a token for another audience', 16, async () => sign(await mesh.target(istiod, ztunnel, 'vault'))],
      [
        'a pod that is no tunnel',
        16,
        async () => sign(await mesh.target(istiod, client), spiffeId('cluster.local', 'default', 'elsewhere')),
      ],
      ['an identity that is on another node', 16, () => sign(target, spiffeId('cluster.local', 'default', 'elsewhere'))],
      ['an identity that is nowhere', 16, () => sign(target, spiffeId('cluster.local', 'kube-system', 'admin'))],
      ['an identity of another trust domain', 16, () => sign(target, spiffeId('evil.example', 'default', 'client'))],
      [
        'a request that names somebody else',
        3,
        () => sign(target, identity, writeCsr(spiffeId('cluster.local', 'default', 'admin'), newKeyPair())),
      ],
      [
        'a request with a second name',
        3,
        () => sign(target, identity, oddCsr({ uris: [identity.uri, 'spiffe://cluster.local/ns/default/sa/admin'] })),
      ],
      [
        'a request with a bad signature',
        3,
        () => sign(target, identity, oddCsr({ uris: [identity.uri], signedBy: newKeyPair().privateKey })),
      ],
      ['a key of RSA 1024', 3, () => sign(target, identity, writeCsr(identity, generateKeyPairSync('rsa', { modulusLength: 1024 })))],
    ];
    test.each(refused)('not for %s', async (_, status, attempt) => {
      const before = (await istiod.metrics()).sum('ambient_certificate_requests_total', {});
      istiod.child.forget();
      await expect(attempt(await mesh.roots())).rejects.toMatchObject({ fault: { code: 'ca.refused', status } });
      expect((await istiod.metrics()).sum('ambient_certificate_requests_total', {})).toBe(before + 1);
      const line = await istiod.child.line(/certificate refused/);
      expect(line).not.toMatch(/BEGIN|eyJ/);
    });

    test('an xDS client without a token, or of another namespace, is not let in', async () => {
      const roots = await mesh.roots();
      for (const from of [targetOf(istiod, roots), await mesh.target(istiod, client)]) {
        istiod.child.forget();
        scene.use(new MeshClient(from));
        await istiod.child.line(/an xDS client was refused/);
      }
    });
  });

  describe('when things break', () => {
    test('the API server is killed, things change meanwhile, and it comes back: nothing is lost, nothing stale stays', async () => {
      const { mesh: seen } = scene.use(new MeshClient(target));
      await mesh.pod({ name: 'before', ip: '10.0.4.1' });
      await becomes('the pod', () => seen.workload(uid('before')));
      await mesh.api.stop();
      expect(seen.workload(uid('before'))).toBeDefined();
      await mesh.api.start();
      await becomes('the API server', async () => ((await mesh.client.get('/readyz')).status === 200 ? true : undefined), 30_000);
      await mesh.remove(podObject({ name: 'before', ip: '10.0.4.1' }));
      await mesh.pod({ name: 'after', ip: '10.0.4.2' });
      await becomes(
        'the world after',
        () => (seen.workload(uid('before')) === undefined ? seen.workload(uid('after')) : undefined),
        40_000,
      );
      expect((await istiod.http('http', '/ready')).status).toBe(200);
    }, 60_000);

    test('the Secret with the root is edited to garbage: the authority goes on, and says what is wrong', async () => {
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'istio-ca-secret', namespace: systemNamespace } };
      const { data, type } = (await mesh.get(secret)) as { data: Record<string, string>; type: string };
      const garbage = Buffer.from('garbage').toString('base64');
      istiod.child.forget();
      await mesh.put({ ...secret, type, data: { ...data, 'ca-cert.pem': garbage } });
      await istiod.child.line(/signing material cannot be used/);
      const signed = await new CaClient(target, systemClock).sign(
        {
          csrPem: writeCsr(spiffeId('cluster.local', systemNamespace, 'ztunnel'), newKeyPair()),
          identity: spiffeId('cluster.local', systemNamespace, 'ztunnel'),
          ttlSeconds: 60,
          impersonate: false,
        },
        never,
      );
      expect(signed.chainPem).toHaveLength(2);
      await mesh.put({ ...secret, type, data });
    });

    test('two replicas: one root, one leader; when the leader goes the other leads, and clients move without losing anything', async () => {
      const second = await mesh.istiod();
      expect(second.child.output).not.toContain('"event":"leading"');
      const other = await mesh.target(second, ztunnel);
      const { mesh: seen } = scene.use(new MeshClient(other));
      await becomes('the mesh at the second', () => seen.workload(uid('ztunnel-a', systemNamespace)));
      expect(await istiod.stop()).toBe(0);
      await second.leads();
      const late = policy('late', { rules: [{}] });
      await mesh.put(late);
      await condition(late, 'ZtunnelAccepted', 'Accepted');
      istiod = await mesh.istiod();
      target = await mesh.target(istiod, ztunnel);
      expect(await second.stop()).toBe(0);
    }, 60_000);
  });
});
