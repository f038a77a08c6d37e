// What writing does to objects: versions, generations, the halves of an object, deletion. On the lab's API and, with KUBEBUILDER_ASSETS, a real one.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ApiClient } from './api-client.ts';
import { type ApiUnderTest, apis } from './each-api.ts';
import { listAt, mapAt, numberAt, textAt } from './object.ts';
import { isObject, type Json, type JsonObject } from './patch/json.ts';

const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'lab/echo' }] } };
const deployment = { metadata: { name: 'd' }, spec: { selector: { matchLabels: { app: 'a' } }, template } };
const versionOf = (body: Json | undefined): string => textAt(body, 'metadata', 'resourceVersion') ?? '';
const generationOf = (body: Json | undefined): number | undefined => numberAt(body, 'metadata', 'generation');

describe.each(apis)('%s', (_name, start) => {
  let api: ApiUnderTest;
  let client: ApiClient;
  let namespace = '';
  let maps = '';
  let deployments = '';
  let pods = '';
  let count = 0;

  beforeAll(async () => {
    api = await start();
    client = new ApiClient(api);
  });

  afterAll(async () => {
    client?.[Symbol.dispose]();
    await api?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    namespace = `objects-${++count}`;
    maps = `/api/v1/namespaces/${namespace}/configmaps`;
    pods = `/api/v1/namespaces/${namespace}/pods`;
    deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    await client.post('/api/v1/namespaces', { metadata: { name: namespace } });
  });

  describe('creating', () => {
    test('gives uid, version, time, and a name where only a beginning was given', async () => {
      const { status, body } = await client.post(maps, { metadata: { generateName: 'made-' } });
      expect([status, body]).toMatchObject([
        201,
        {
          kind: 'ConfigMap',
          apiVersion: 'v1',
          metadata: {
            name: expect.stringMatching(/^made-[a-z0-9]{5}$/),
            namespace,
            uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
            resourceVersion: expect.stringMatching(/^\d+$/),
            creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          },
        },
      ]);
    });

    test('for a trial stores nothing', async () => {
      expect((await client.post(`${maps}?dryRun=All`, { metadata: { name: 'a' } })).status).toBe(201);
      expect((await client.get(`${maps}/a`)).status).toBe(404);
    });

    const refusals: readonly (readonly [name: string, body: Json, status: number, reason: string | undefined])[] = [
      ['a name that is no DNS name', { metadata: { name: 'A_b' } }, 422, 'Invalid'],
      ['no name at all', { metadata: {} }, 422, 'Invalid'],
      ['another kind', { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'a' } }, 400, 'BadRequest'],
      ['another namespace', { metadata: { name: 'a', namespace: 'default' } }, 400, 'BadRequest'],
      ['a version', { metadata: { name: 'a', resourceVersion: '1' } }, 500, undefined],
      ['data that is no map of texts', { metadata: { name: 'a' }, data: { a: 1 } }, 400, 'BadRequest'],
    ];
    test.each(refusals)('with %s is refused', async (_case, body, status, reason) => {
      const answer = await client.post(maps, body);
      expect([answer.status, answer.body.reason]).toEqual([status, reason]);
    });

    test('twice, or where there is no such namespace, is refused by name', async () => {
      await client.post(maps, { metadata: { name: 'a' } });
      expect((await client.post(maps, { metadata: { name: 'a' } })).body).toEqual({
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'configmaps "a" already exists',
        reason: 'AlreadyExists',
        details: { name: 'a', kind: 'configmaps' },
        code: 409,
      });
      expect((await client.post('/api/v1/namespaces/none/configmaps', { metadata: { name: 'a' } })).body).toMatchObject({
        code: 404,
        details: { kind: 'namespaces', name: 'none' },
      });
    });

    test('a body beyond 3 MiB is refused', async () => {
      const answer = await client.post(maps, { metadata: { name: 'a' }, data: { a: 'x'.repeat(3 * 1_024 * 1_024) } });
      expect(answer.status).toBe(413);
    });
  });

  describe('replacing', () => {
    test('a version that is not the newest is refused; without one the last writer wins', async () => {
      const { body } = await client.post(maps, { metadata: { name: 'a' } });
      const changed = await client.put(`${maps}/a`, { ...body, data: { x: '1' } });
      expect(changed.status).toBe(200);
      expect((await client.put(`${maps}/a`, { ...body, data: { x: '2' } })).body).toMatchObject({
        code: 409,
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
      });
      expect((await client.put(`${maps}/a`, { metadata: { name: 'a' }, data: { x: '3' } })).body).toMatchObject({ data: { x: '3' } });
    });

    test('what changes nothing makes no new version', async () => {
      const { body } = await client.post(maps, { metadata: { name: 'a' }, data: { x: '1' } });
      expect(versionOf((await client.put(`${maps}/a`, body)).body)).toBe(versionOf(body));
      expect(versionOf((await client.patch(`${maps}/a`, { data: { x: '1' } })).body)).toBe(versionOf(body));
    });

    test('one that is not there is not made by a PUT', async () => {
      expect((await client.put(`${deployments}/d`, deployment)).status).toBe(404);
    });

    test('uid and creation time are the server’s', async () => {
      const { body } = await client.post(maps, { metadata: { name: 'a' } });
      const patched = await client.patch(`${maps}/a`, { metadata: { creationTimestamp: '2020-01-01T00:00:00Z' }, data: { x: '1' } });
      expect(textAt(patched.body, 'metadata', 'creationTimestamp')).toBe(textAt(body, 'metadata', 'creationTimestamp'));
      expect((await client.patch(`${maps}/a`, { metadata: { uid: 'another' } })).status).toBe(422);
      expect((await client.put(`${maps}/a`, { metadata: { name: 'a', uid: 'another' } })).status).toBe(409);
    });
  });

  describe('the two halves', () => {
    test('generation counts the specification, not labels and not the status', async () => {
      const { body } = await client.post(deployments, deployment);
      expect(generationOf(body)).toBe(1);
      expect(generationOf((await client.patch(`${deployments}/d`, { metadata: { labels: { x: 'y' } } })).body)).toBe(1);
      expect(generationOf((await client.patch(`${deployments}/d/status`, { status: { replicas: 1 } })).body)).toBe(1);
      expect(generationOf((await client.patch(`${deployments}/d`, { spec: { replicas: 3 } })).body)).toBe(2);
    });

    test('the status is written through /status only, and nothing else through it', async () => {
      await client.post(deployments, { ...deployment, status: { replicas: 7 } });
      expect(mapAt((await client.get(`${deployments}/d`)).body, 'status')).not.toHaveProperty('replicas');
      await client.patch(`${deployments}/d`, { status: { replicas: 5 } });
      const { body } = await client.patch(`${deployments}/d/status`, { spec: { replicas: 9 }, status: { replicas: 2 } });
      expect([numberAt(body, 'spec', 'replicas'), numberAt(body, 'status', 'replicas')]).toEqual([1, 2]);
    });

    test('annotations of a pod may be written through /status, as CNI agents do', async () => {
      await client.post(pods, { metadata: { name: 'p' }, spec: template.spec });
      await client.patch(`${pods}/p/status`, { metadata: { annotations: { 'ambient.istio.io/redirection': 'enabled' } } });
      expect(textAt((await client.get(`${pods}/p`)).body, 'metadata', 'annotations', 'ambient.istio.io/redirection')).toBe('enabled');
    });

    test('/scale reads and writes the replicas', async () => {
      await client.post(deployments, deployment);
      const { body } = await client.get(`${deployments}/d/scale`);
      expect(body).toMatchObject({ kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 1 }, status: { selector: 'app=a' } });
      await client.put(`${deployments}/d/scale`, { ...body, spec: { replicas: 4 } });
      expect(numberAt((await client.get(`${deployments}/d`)).body, 'spec', 'replicas')).toBe(4);
    });
  });

  describe('deleting', () => {
    test('answers a Status that names what went', async () => {
      const { body } = await client.post(maps, { metadata: { name: 'a' } });
      expect((await client.remove(`${maps}/a`)).body).toMatchObject({
        kind: 'Status',
        status: 'Success',
        details: { name: 'a', kind: 'configmaps', uid: textAt(body, 'metadata', 'uid') },
      });
      expect((await client.remove(`${maps}/a`)).status).toBe(404);
    });

    test('waits for finalizers, and no new one is accepted meanwhile', async () => {
      await client.post(maps, { metadata: { name: 'a', finalizers: ['lab.example.com/hold'] } });
      expect((await client.remove(`${maps}/a`)).body).toMatchObject({ metadata: { deletionTimestamp: expect.any(String) } });
      expect((await client.patch(`${maps}/a`, { metadata: { finalizers: ['lab.example.com/hold', 'lab.example.com/new'] } })).status).toBe(
        422,
      );
      await client.patch(`${maps}/a`, { metadata: { finalizers: null } });
      expect((await client.get(`${maps}/a`)).status).toBe(404);
    });

    test('a pod on a node is marked with its grace period; a second deletion without grace ends it', async () => {
      const spec = { ...template.spec, nodeName: 'n', terminationGracePeriodSeconds: 7 };
      await client.post(pods, { metadata: { name: 'p' }, spec });
      expect((await client.remove(`${pods}/p`)).body).toMatchObject({ metadata: { deletionGracePeriodSeconds: 7 } });
      expect((await client.get(`${pods}/p`)).status).toBe(200);
      await client.remove(`${pods}/p?gracePeriodSeconds=0`);
      expect((await client.get(`${pods}/p`)).status).toBe(404);
    });

    test('a pod without a node goes at once', async () => {
      await client.post(pods, { metadata: { name: 'p' }, spec: template.spec });
      await client.remove(`${pods}/p`);
      expect((await client.get(`${pods}/p`)).status).toBe(404);
    });

    test('preconditions are kept', async () => {
      await client.post(maps, { metadata: { name: 'a' } });
      expect((await client.remove(`${maps}/a`, { preconditions: { uid: 'another' } })).body).toMatchObject({
        code: 409,
        reason: 'Conflict',
      });
      expect((await client.get(`${maps}/a`)).status).toBe(200);
    });

    test('a collection goes as its selector says', async () => {
      for (const name of ['a', 'b', 'c']) await client.post(maps, { metadata: { name, labels: { go: name === 'b' ? 'no' : 'yes' } } });
      await client.remove(`${maps}?labelSelector=go%3Dyes`);
      expect(listAt((await client.get(maps)).body, 'items').map((item) => textAt(item, 'metadata', 'name'))).toEqual(['b']);
    });

    test('a namespace takes nothing new, and is gone once its finalizer is', async () => {
      const path = `/api/v1/namespaces/${namespace}`;
      const { body } = await client.remove(path);
      expect(body).toMatchObject({ status: { phase: 'Terminating' }, spec: { finalizers: ['kubernetes'] } });
      const refused = await client.post(maps, { metadata: { name: 'a' } });
      expect([refused.status, refused.body.message]).toEqual([
        403,
        `configmaps "a" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
      ]);
      await client.put(`${path}/finalize`, { ...body, spec: { finalizers: [] } });
      expect((await client.get(path)).status).toBe(404);
    });
  });

  describe('services', () => {
    const create = async (name: string, spec: JsonObject): Promise<Readonly<JsonObject>> => {
      const { body } = await client.post(`/api/v1/namespaces/${namespace}/services`, { metadata: { name }, spec });
      return mapAt(body.spec);
    };
    const ports = [{ port: 80 }];

    test('get an address of their own of the default family, and keep it', async () => {
      const { clusterIP = '', ...spec } = await create('a', { ports });
      expect(clusterIP).toMatch(/^10\.96\./);
      expect(spec).toMatchObject({ clusterIPs: [clusterIP], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack', type: 'ClusterIP' });
      expect(listAt(spec.ports)[0]).toEqual({ port: 80, protocol: 'TCP', targetPort: 80 });
      const path = `/api/v1/namespaces/${namespace}/services/a`;
      const replaced = await client.put(path, { metadata: { name: 'a' }, spec: { ports: [{ port: 81 }] } });
      expect(textAt(replaced.body, 'spec', 'clusterIP')).toBe(clusterIP);
    });

    test('of both families when so wished', async () => {
      const { clusterIPs } = await create('a', { ports, ipFamilyPolicy: 'PreferDualStack' });
      expect(listAt(clusterIPs)).toEqual([expect.stringMatching(/^10\.96\./), expect.stringMatching(/^fd00:10:96::/)]);
    });

    test('without one when headless, and none at all for an external name', async () => {
      expect(await create('a', { ports, clusterIP: 'None' })).toMatchObject({ clusterIP: 'None', clusterIPs: ['None'] });
      expect(await create('b', { type: 'ExternalName', externalName: 'example.com' })).not.toHaveProperty('clusterIP');
    });

    test('two may not have the same', async () => {
      const { clusterIP = '' } = await create('a', { ports });
      const { status, body } = await client.post(`/api/v1/namespaces/${namespace}/services`, {
        metadata: { name: 'b' },
        spec: { ports, clusterIP },
      });
      expect([status, body.message]).toEqual([422, expect.stringContaining('provided IP is already allocated')]);
    });

    test('with node ports have one per port', async () => {
      const { ports: given } = await create('a', { type: 'NodePort', ports });
      const [first] = listAt(given);
      expect(isObject(first) && Number(first.nodePort)).toBeGreaterThanOrEqual(30_000);
    });
  });

  test('both faces of an event are one object', async () => {
    const involvedObject = { kind: 'Pod', name: 'p', namespace };
    await client.post(`/api/v1/namespaces/${namespace}/events`, {
      metadata: { name: 'e' },
      involvedObject,
      reason: 'Why',
      message: 'told',
      type: 'Normal',
    });
    const { body } = await client.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events/e`);
    expect(body).toMatchObject({ kind: 'Event', apiVersion: 'events.k8s.io/v1', regarding: involvedObject, note: 'told' });
    const found = await client.get(`/api/v1/namespaces/${namespace}/events?fieldSelector=involvedObject.name%3Dp,reason%3DWhy`);
    expect(listAt(found.body, 'items')).toHaveLength(1);
  });
});
