// Lists, pages and watches as client libraries rely on them. Runs on the lab's API and, with KUBEBUILDER_ASSETS, on a real one.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ApiClient } from './api-client.ts';
import { type ApiUnderTest, apis } from './each-api.ts';
import { listAt, mapAt, numberAt, textAt } from './object.ts';
import type { Json, JsonObject } from './patch/json.ts';

const configMap = (name: string, labels: JsonObject = {}): JsonObject => ({ metadata: { name, labels }, data: { of: name } });
const versionOf = (body: Json | undefined): string => textAt(body, 'metadata', 'resourceVersion') ?? '';
const namesOf = (body: Json): string[] => listAt(body, 'items').map((item) => textAt(item, 'metadata', 'name') ?? '');

describe.each(apis)('%s', (_name, start) => {
  let api: ApiUnderTest;
  let client: ApiClient;
  let namespace = '';
  let path = '';
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
    namespace = `lists-${++count}`;
    path = `/api/v1/namespaces/${namespace}/configmaps`;
    await client.post('/api/v1/namespaces', { metadata: { name: namespace } });
  });

  const create = async (...names: readonly string[]): Promise<string> => {
    let version = '';
    for (const name of names) version = versionOf((await client.post(path, configMap(name))).body);
    return version;
  };

  describe('a list', () => {
    test('is ordered by name, and its items of a built-in kind do not repeat kind and apiVersion', async () => {
      await create('b', 'a', 'c');
      const { body } = await client.get(path);
      expect(body).toMatchObject({
        kind: 'ConfigMapList',
        apiVersion: 'v1',
        metadata: { resourceVersion: expect.stringMatching(/^\d+$/) },
      });
      expect(namesOf(body)).toEqual(['a', 'b', 'c']);
      expect(mapAt(listAt(body, 'items')[0])).not.toHaveProperty('kind');
    });

    test('pages show one moment, whatever happens between them', async () => {
      await create('a', 'b', 'c', 'd', 'e');
      const first = (await client.get(`${path}?limit=2`)).body;
      expect([namesOf(first), numberAt(first, 'metadata', 'remainingItemCount')]).toEqual([['a', 'b'], 3]);
      await client.remove(`${path}/c`);
      await create('bb', 'f');
      const second = (await client.get(`${path}?limit=2&continue=${textAt(first, 'metadata', 'continue')}`)).body;
      const third = (await client.get(`${path}?limit=2&continue=${textAt(second, 'metadata', 'continue')}`)).body;
      expect([namesOf(second), namesOf(third)]).toEqual([['c', 'd'], ['e']]);
      expect([versionOf(second), versionOf(third)]).toEqual([versionOf(first), versionOf(first)]);
      expect(mapAt(third.metadata)).not.toHaveProperty('continue');
    });

    test('of a past moment is asked for by resourceVersionMatch=Exact', async () => {
      const then = await create('a');
      await create('b');
      expect(namesOf((await client.get(`${path}?resourceVersion=${then}&resourceVersionMatch=Exact`)).body)).toEqual(['a']);
      expect(namesOf((await client.get(`${path}?resourceVersion=${then}&resourceVersionMatch=NotOlderThan`)).body)).toEqual(['a', 'b']);
    });

    const refused: readonly (readonly [query: string, status: number, reason: string])[] = [
      ['resourceVersion=abc', 400, 'BadRequest'],
      ['continue=abc', 400, 'BadRequest'],
      ['limit=x', 400, 'BadRequest'],
      ['resourceVersionMatch=Exact', 422, 'Invalid'],
      ['resourceVersionMatch=Exact&resourceVersion=0', 422, 'Invalid'],
      ['resourceVersionMatch=Sometimes&resourceVersion=1', 422, 'Invalid'],
      ['labelSelector=a%20in%20b', 400, 'BadRequest'],
      ['fieldSelector=spec.colour%3Dred', 400, 'BadRequest'],
    ];
    test.each(refused)('with %s is refused with %i', async (query, status, reason) => {
      const answer = await client.get(`${path}?${query}`);
      expect([answer.status, answer.body]).toMatchObject([status, { kind: 'Status', status: 'Failure', reason, code: status }]);
    });

    test('can be metadata only, or a table', async () => {
      await create('a');
      const partial = await client.get(path, { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' });
      expect(partial.body).toMatchObject({ kind: 'PartialObjectMetadataList', items: [{ metadata: { name: 'a' } }] });
      expect(mapAt(listAt(partial.body, 'items')[0])).not.toHaveProperty('data');
      const table = await client.get(path, { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1,application/json' });
      expect(table.body).toMatchObject({
        kind: 'Table',
        rows: [{ cells: ['a', 1, expect.any(String)], object: { kind: 'PartialObjectMetadata' } }],
      });
    });
  });

  describe('a watch', () => {
    test('without a version begins with what there is', async () => {
      await create('a', 'b');
      using watch = await client.watch(`${path}?watch=1`);
      expect((await watch.take(2)).sort()).toEqual(['ADDED a', 'ADDED b']);
      await create('c');
      expect(await watch.take(1)).toEqual(['ADDED c']);
    });

    test('from a version tells everything after it, nothing before and nothing twice', async () => {
      const from = await create('a');
      await create('b');
      await client.patch(`${path}/a`, { data: { x: 'y' } });
      await client.remove(`${path}/b`);
      using watch = await client.watch(`${path}?watch=1&resourceVersion=${from}`);
      await create('c');
      expect(await watch.take(4)).toEqual(['ADDED b', 'MODIFIED a', 'DELETED b', 'ADDED c']);
    });

    test('from the version of a list tells what happened since', async () => {
      await create('a');
      const from = versionOf((await client.get(`${path}?limit=1`)).body);
      await create('b');
      using watch = await client.watch(`${path}?watch=1&resourceVersion=${from}`);
      expect(await watch.take(1)).toEqual(['ADDED b']);
    });

    test('a deletion carries the last state with the version of the deletion', async () => {
      const from = await create('a');
      await client.remove(`${path}/a`);
      using watch = await client.watch(`${path}?watch=1&resourceVersion=${from}`);
      const event = await watch.next();
      expect(event).toMatchObject({ type: 'DELETED', object: { kind: 'ConfigMap', apiVersion: 'v1', data: { of: 'a' } } });
      expect(Number(versionOf(event?.object))).toBeGreaterThan(Number(from));
    });

    test('an object that begins or ceases to match comes and goes', async () => {
      const from = await create('a');
      using watch = await client.watch(`${path}?watch=1&resourceVersion=${from}&labelSelector=on%3Dyes`);
      await client.patch(`${path}/a`, { metadata: { labels: { on: 'yes' } } });
      await client.patch(`${path}/a`, { data: { x: 'y' } });
      await client.patch(`${path}/a`, { metadata: { labels: { on: 'no' } } });
      await client.remove(`${path}/a`);
      await create('b');
      await client.patch(`${path}/b`, { metadata: { labels: { on: 'yes' } } });
      expect(await watch.take(4)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED b']);
    });

    test('ends cleanly after timeoutSeconds', async () => {
      const from = await create('a');
      using watch = await client.watch(`${path}?watch=1&resourceVersion=${from}&timeoutSeconds=1`);
      expect(await watch.take(1)).toEqual([]);
    });

    test('with initial events says where they end', async () => {
      await create('a');
      const options = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
      using watch = await client.watch(`${path}?watch=1&${options}`);
      expect(await watch.take(1)).toEqual(['ADDED a']);
      expect(await watch.next()).toMatchObject({
        type: 'BOOKMARK',
        object: { kind: 'ConfigMap', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
      });
    });

    test('as a table has columns in its first event only', async () => {
      const from = await create('a');
      const accept = 'application/json;as=Table;g=meta.k8s.io;v=v1';
      const query = `watch=1&resourceVersion=${from}&timeoutSeconds=2`;
      const watching = client.call('GET', `${path}?${query}`, { headers: { accept } });
      await create('b', 'c');
      const events = (await watching).text
        .trim()
        .split('\n')
        .map((line): Json => JSON.parse(line));
      const columns = events.map((event) => listAt(event, 'object', 'columnDefinitions').length > 0);
      expect([events.map((event) => textAt(event, 'type')), columns]).toEqual([
        ['ADDED', 'ADDED'],
        [true, false],
      ]);
    });
  });

  test('a killed server comes back with its objects; watches from before must start anew', async () => {
    const from = await create('a');
    await create('b');
    await api.stop();
    await expect(client.get(path)).rejects.toThrow();
    await api.start();
    using again = new ApiClient(api);
    const list = await again.get(path);
    expect(namesOf(list.body)).toEqual(['a', 'b']);
    using old = await again.watch(`${path}?watch=1&resourceVersion=${from}`);
    expect(await old.next()).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
    using watch = await again.watch(`${path}?watch=1&resourceVersion=${versionOf(list.body)}`);
    await again.post(path, configMap('c'));
    expect(await watch.take(1)).toEqual(['ADDED c']);
  });
});
