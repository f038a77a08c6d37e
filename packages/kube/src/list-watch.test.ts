// The list-watch in good order and after every kind of failure, against a server that fails on demand.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { answer, statusAnswer } from './testing/answers.ts';
import { ApiServer } from './testing/api-server.ts';
import { type Following, follow } from './testing/following.ts';
import { thingsIn } from './testing/things.ts';

let api: ApiServer;

beforeEach(async () => {
  api = await ApiServer.start();
});
afterEach(() => api[Symbol.asyncDispose]());

const put = (name: string, value: string) => api.objects.put(thingsIn('a'), name, { spec: { value } });
const remove = (name: string) => api.objects.remove(thingsIn('a'), name);
const isWatch = (request: string) => request.includes('watch=true');
const lists = () => api.requests.filter((request) => !isWatch(request));
const watches = () => api.requests.filter(isWatch);
const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), { timeout: 4_000, interval: 5 });
const contents = ({ store }: Following) => Object.fromEntries(Array.from(store.entries(), ([key, { value }]) => [key, value]));

/** With x, y and z in the store and a watch that stands. */
async function followed(): Promise<Following> {
  for (const name of ['x', 'y', 'z']) put(name, '1');
  const following = follow(api);
  await following.store.synced;
  await until(() => api.watches === 1);
  following.heard.length = 0;
  return following;
}

test('lists, says so, and then hears of every change once', async () => {
  put('x', '1');
  put('y', '1');
  await using following = follow(api);
  expect(following.store.isSynced).toBe(false);
  await following.store.synced;
  expect(contents(following)).toEqual({ 'a/x': '1', 'a/y': '1' });
  await until(() => api.watches === 1);
  put('x', '2');
  put('x', '2');
  remove('y');
  put('z', '1');
  await until(() => following.heard.length === 5);
  expect(following.heard).toEqual(['+a/x=1', '+a/y=1', '~a/x=2', '-a/y', '+a/z=1']);
  expect(following.said).toEqual(['listed 2', 'watching']);
});

test('asks for bookmarks, a time limit of its own and the version of the list', async () => {
  put('x', '1');
  await using _following = follow(api, { random: () => 0.5 });
  await until(() => api.watches === 1);
  expect(watches()).toEqual(['GET /apis/test.io/v1/things?watch=true&allowWatchBookmarks=true&resourceVersion=101&timeoutSeconds=360']);
});

test('reads a long list page by page', async () => {
  for (let i = 0; i < 1_203; i++) put(`t${i}`, `${i}`);
  await using following = follow(api);
  await following.store.synced;
  expect(following.store.size).toBe(1_203);
  expect(lists()).toHaveLength(3);
});

test('a page that is no longer to be had starts the list anew, in one piece', async () => {
  for (let i = 0; i < 600; i++) put(`t${i}`, `${i}`);
  api.intercept = () => {
    if (lists().length === 2) api.objects.forgetPages();
    return false;
  };
  await using following = follow(api);
  await following.store.synced;
  expect(following.store.size).toBe(600);
  expect(lists()).toHaveLength(3);
  expect(lists()[2]).not.toContain('limit');
});

/** Ends of a watch after which it goes on where it was: what happens, and how it is reported. */
const resumed: readonly (readonly [name: string, end: () => void, fault: string | undefined])[] = [
  ['the server ends it in good order', () => api.endWatches('cleanly'), undefined],
  ['the connection breaks', () => api.endWatches('broken'), 'kube.connect'],
  [
    'the answer ends in the middle of an event',
    () => {
      api.writeToWatches('{"type":"ADDED","object":{"metadata":{"name":"ha');
      api.endWatches('cleanly');
    },
    'kube.connect',
  ],
  ['the server reports an error of its own', () => api.writeToWatches(errorEvent(500, 'InternalError')), 'kube.status'],
  ['the server is too busy', () => api.writeToWatches(errorEvent(429, 'TooManyRequests')), 'kube.status'],
];

const errorEvent = (code: number, reason: string) => `${JSON.stringify({ type: 'ERROR', object: statusAnswer(code, reason).body })}\n`;

for (const [name, end, fault] of resumed) {
  test(`a watch goes on from its last version, without a list, when ${name}`, async () => {
    await using following = await followed();
    put('x', '2');
    await until(() => following.heard.length === 1);
    api.muteWatches();
    put('n', '1');
    remove('z');
    end();
    await until(() => following.heard.length === 3);
    expect(following.heard).toEqual(['~a/x=2', '+a/n=1', '-a/z']);
    expect(lists()).toHaveLength(1);
    expect(watches()[1]).toContain('resourceVersion=104');
    expect(following.ends[0]?.why?.fault.code).toBe(fault);
  });
}

/** Ends of a watch after which only a list tells what is true. */
const relisted: readonly (readonly [name: string, end: () => void, fault: string])[] = [
  [
    'its version is forgotten, as an event says',
    () => {
      api.objects.forget();
      api.endWatches('broken');
    },
    'kube.status',
  ],
  [
    'its version is forgotten, as the status says',
    () => {
      api.intercept = (_, response, url) => {
        if (url.searchParams.get('watch') !== 'true') return false;
        answer(response, statusAnswer(410, 'Gone'));
        api.intercept = () => false;
        return true;
      };
      api.endWatches('broken');
    },
    'kube.status',
  ],
  ['an event is no JSON', () => api.writeToWatches('{"type":"ADDED",\n'), 'kube.bad-answer'],
  ['an event is no object', () => api.writeToWatches('[]\n'), 'kube.bad-answer'],
  ['an event has no version', () => api.writeToWatches('{"type":"ADDED","object":{"metadata":{"name":"q"}}}\n'), 'kube.bad-answer'],
  [
    'an event has an unknown type',
    () => api.writeToWatches('{"type":"__proto__","object":{"metadata":{"name":"q","resourceVersion":"7"}}}\n'),
    'kube.bad-answer',
  ],
  ['an event is longer than any can be', () => api.writeToWatches('x'.repeat(17 * 1024 * 1024)), 'kube.too-large'],
  ['the server is younger than its version', () => api.writeToWatches(tooYoung), 'kube.status'],
];

const tooYoung = `${JSON.stringify({ type: 'ERROR', object: { code: 504, reason: 'Timeout', message: 'Too large resource version: 7' } })}\n`;

for (const [name, end, fault] of relisted) {
  test(`a list tells the difference, and nothing else, when ${name}`, async () => {
    await using following = await followed();
    api.muteWatches();
    put('x', '2');
    put('y', '1');
    remove('z');
    put('n', '1');
    end();
    await until(() => following.heard.length >= 3);
    await until(() => api.watches === 1);
    expect(following.heard.toSorted()).toEqual(['+a/n=1', '-a/z', '~a/x=2']);
    expect(contents(following)).toEqual({ 'a/n': '1', 'a/x': '2', 'a/y': '1' });
    expect(lists()).toHaveLength(2);
    expect(following.ends.some(({ why }) => why?.fault.code === fault)).toBe(true);
  });
}

test('changes that the kind does not read are told to nobody', async () => {
  await using following = await followed();
  const before = following.store.get('a/x');
  api.objects.put(thingsIn('a'), 'x', { spec: { value: '1', other: 'new' } });
  put('y', '2');
  await until(() => following.heard.length === 1);
  expect(following.heard).toEqual(['~a/y=2']);
  expect(following.store.get('a/x')).toBe(before);
});

test('objects that cannot be narrowed count as absent and are named', async () => {
  put('bad', 'unusable');
  await using following = await followed();
  put('x', 'unusable');
  put('bad', 'fine');
  await until(() => following.heard.length === 2);
  expect(following.heard).toEqual(['-a/x', '+a/bad=fine']);
  expect(following.said.filter((each) => each.startsWith('skipped'))).toEqual(['skipped a/bad', 'skipped a/x']);
});

test('a server that is stopped and started again has lost nothing', async () => {
  await using following = await followed();
  const { port, objects } = api;
  await api[Symbol.asyncDispose]();
  await until(() => following.ends.length >= 2);
  put('x', '2');
  api = await ApiServer.start({ port, objects });
  await until(() => following.heard.length === 1);
  expect(following.heard).toEqual(['~a/x=2']);
  expect(lists()).toHaveLength(0);
});

test('many events at once leave others their turn', async () => {
  await using following = await followed();
  let turns = 0;
  let event = '';
  for (let i = 0; i < 2_000; i++)
    event += `${JSON.stringify({ type: 'ADDED', object: { metadata: { name: `n${i}`, resourceVersion: `${1_000 + i}` } } })}\n`;
  const spin = (): void => {
    if (following.heard.length > 0) turns++;
    if (following.heard.length < 2_000) setImmediate(spin);
  };
  api.writeToWatches(event);
  spin();
  await until(() => following.heard.length === 2_000);
  expect(turns).toBeGreaterThan(5);
});

test('nothing is asked and nothing is told after the end', async () => {
  const following = await followed();
  await following[Symbol.asyncDispose]();
  await until(() => api.watches === 0);
  const asked = api.requests.length;
  put('x', '2');
  expect(following.heard).toEqual([]);
  expect(api.requests).toHaveLength(asked);
});
