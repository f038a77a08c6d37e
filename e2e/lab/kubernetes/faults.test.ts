// What only the lab's own API can do: misbehave on demand, forget its history, refuse what a test forbids.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiClient } from './api-client.ts';
import { KubeApi } from './kube-api.ts';
import { listAt, textAt } from './object.ts';
import { KubeStore } from './store/kube-store.ts';

const path = '/api/v1/namespaces/default/configmaps';

describe('the lab’s API', () => {
  let api: KubeApi;
  let client: ApiClient;

  beforeEach(async () => {
    api = await KubeApi.start({ listen: { ip: '127.0.0.1', port: 0 }, store: new KubeStore({ eventLimit: 20 }) });
    client = new ApiClient(api);
  });

  afterEach(async () => {
    client[Symbol.dispose]();
    await api[Symbol.asyncDispose]();
  });

  const create = async (name: string): Promise<string> =>
    textAt((await client.post(path, { metadata: { name } })).body, 'metadata', 'resourceVersion') ?? '';

  test('a watch from before the compaction is told 410 as an event and ends', async () => {
    const from = await create('a');
    await create('b');
    api.store.compact();
    using watch = await client.watch(`${path}?watch=1&resourceVersion=${from}`);
    expect(await watch.next()).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
    expect(await watch.next()).toBeUndefined();
  });

  test('a watch from the newest version outlives a compaction', async () => {
    const from = await create('a');
    api.store.compact();
    using watch = await client.watch(`${path}?watch=1&resourceVersion=${from}`);
    await create('b');
    expect(await watch.take(1)).toEqual(['ADDED b']);
  });

  test('a page after the compaction is refused with 410 and a token to go on with', async () => {
    for (const name of ['a', 'b', 'c']) await create(name);
    const { body } = await client.get(`${path}?limit=1`);
    await create('d');
    api.store.compact();
    const expired = await client.get(`${path}?limit=1&continue=${textAt(body, 'metadata', 'continue')}`);
    expect([expired.status, expired.body.reason]).toEqual([410, 'Expired']);
    const rest = await client.get(`${path}?continue=${textAt(expired.body, 'metadata', 'continue')}`);
    expect(listAt(rest.body, 'items').map((item) => textAt(item, 'metadata', 'name'))).toEqual(['b', 'c', 'd']);
  });

  test('history is bounded: what is older than the log is 410', async () => {
    const from = await create('first');
    for (let i = 0; i < 30; i++) await create(`x-${i}`);
    using watch = await client.watch(`${path}?watch=1&resourceVersion=${from}`);
    expect(await watch.next()).toMatchObject({ type: 'ERROR', object: { code: 410 } });
  });

  test('cut watches end, the last event whole or cut short', async () => {
    const from = await create('a');
    using whole = await client.watch(`${path}?watch=1&resourceVersion=${from}`);
    api.faults.cutWatches();
    expect(await whole.next()).toBeUndefined();
    using half = await client.watch(`${path}?watch=1&resourceVersion=${from}`);
    api.faults.cutWatches({ midEvent: true });
    expect(await half.next()).toBeUndefined();
  });

  test('bookmarks come when asked for, with the newest version', async () => {
    const from = await create('a');
    using watch = await client.watch(`${path}?watch=1&resourceVersion=${from}&allowWatchBookmarks=true`);
    await client.post('/api/v1/namespaces', { metadata: { name: 'elsewhere' } });
    api.faults.sendBookmarks();
    expect(await watch.next()).toMatchObject({
      type: 'BOOKMARK',
      object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: String(api.store.revision) } },
    });
  });

  test('stalled, it neither answers nor closes; afterwards watches must start again', async () => {
    const from = await create('a');
    using watch = await client.watch(`${path}?watch=1&resourceVersion=${from}`);
    const answers: string[] = [];
    const stall = api.faults.stall();
    const created = create('b').then((version) => answers.push(version));
    expect(answers).toEqual([]);
    stall[Symbol.dispose]();
    await created;
    expect(await watch.next()).toBeUndefined();
    using again = await client.watch(`${path}?watch=1&resourceVersion=${from}`);
    expect(await again.take(1)).toEqual(['ADDED b']);
  });

  test('what a test forbids is refused in the words of RBAC', async () => {
    api.faults.forbid = (verb, resource) => verb === 'list' && resource === 'secrets';
    expect((await client.get('/api/v1/namespaces/default/secrets')).body).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: 'secrets is forbidden: User "kubernetes-admin" cannot list resource "secrets" in API group "" in the namespace "default"',
    });
    expect((await client.get(path)).status).toBe(200);
  });

  test('another server over the same store serves the same objects', async () => {
    await create('a');
    await using second = await KubeApi.start({ listen: { ip: '127.0.0.1', port: 0 }, store: api.store });
    using other = new ApiClient(second);
    expect((await other.get(`${path}/a`)).status).toBe(200);
  });

  test('nonsense is answered, not fatal', async () => {
    expect((await client.get('/api/v1/%zz')).status).toBe(404);
    expect((await client.get('/nothing/here')).status).toBe(404);
    expect((await client.call('OPTIONS', path)).status).toBe(405);
    expect(
      (await client.call('POST', path, { headers: { 'content-type': 'application/vnd.kubernetes.protobuf' }, body: 'x' })).status,
    ).toBe(400);
    expect((await client.call('POST', path, { headers: { 'content-type': 'text/plain' }, body: 'x' })).status).toBe(415);
    expect((await client.get(path, { accept: 'image/png' })).status).toBe(406);
    expect((await client.get(path)).status).toBe(200);
  });
});
