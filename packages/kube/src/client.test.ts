// The verbs as requests, and every failure as a fault.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KubeClient } from './client.ts';
import type { Credentials } from './credentials.ts';
import { type KubeFault, refused, statusOf } from './errors.ts';
import type { Kind } from './kind.ts';
import { answer, readBody, statusAnswer } from './testing/answers.ts';
import { ApiServer } from './testing/api-server.ts';
import { things, thingsIn } from './testing/things.ts';

let api: ApiServer;
let client: KubeClient;

beforeEach(async () => {
  api = await ApiServer.start();
  client = new KubeClient(api.access, { clock: systemClock });
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

const key = { namespace: 'a', name: 'x' };
const nodes: Kind<object> = { ...things, group: '', plural: 'nodes', kind: 'Node', namespaced: false };
const put = (value: string) => api.objects.put(thingsIn('a'), 'x', { spec: { value } });
const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), { timeout: 4_000, interval: 2 });
const faultOf = (work: Promise<unknown>): Promise<KubeFault> =>
  work.then(
    () => expect.unreachable(),
    (e: { fault: KubeFault }) => e.fault,
  );

const calls: readonly (readonly [name: string, call: () => Promise<unknown>, request: string, type?: string, body?: object])[] = [
  ['get', () => client.get(things, key), 'GET /apis/test.io/v1/namespaces/a/things/x'],
  ['get outside namespaces', () => client.get(nodes, { namespace: '', name: 'n' }), 'GET /api/v1/nodes/n'],
  ['list of one namespace', () => client.list(things, { namespace: 'a', limit: 3 }), 'GET /apis/test.io/v1/namespaces/a/things?limit=3'],
  [
    'list by selectors',
    () => client.list(things, { labelSelector: 'a in (b,c)', fieldSelector: 'spec.x=1' }),
    'GET /apis/test.io/v1/things?labelSelector=a+in+%28b%2Cc%29&fieldSelector=spec.x%3D1&limit=500',
  ],
  [
    'create',
    () => client.create(things, key, { spec: {} }, { manager: 'me' }),
    'POST /apis/test.io/v1/namespaces/a/things?fieldManager=me',
    'application/json',
    { apiVersion: 'test.io/v1', kind: 'Thing', metadata: { namespace: 'a', name: 'x' }, spec: {} },
  ],
  [
    'replace',
    () => client.replace(things, key, { metadata: { labels: { l: '1' } } }),
    'PUT /apis/test.io/v1/namespaces/a/things/x',
    'application/json',
    { apiVersion: 'test.io/v1', kind: 'Thing', metadata: { labels: { l: '1' }, namespace: 'a', name: 'x' } },
  ],
  [
    'merge patch',
    () => client.patch(things, key, { type: 'merge', body: { spec: null } }),
    'PATCH /apis/test.io/v1/namespaces/a/things/x',
    'application/merge-patch+json',
    { spec: null },
  ],
  [
    'JSON patch',
    () => client.patch(things, key, { type: 'json', body: [] }),
    'PATCH /apis/test.io/v1/namespaces/a/things/x',
    'application/json-patch+json',
  ],
  [
    'apply',
    () => client.apply(things, key, { spec: {} }, { manager: 'me' }),
    'PATCH /apis/test.io/v1/namespaces/a/things/x?fieldManager=me&force=true',
    'application/apply-patch+yaml',
    { apiVersion: 'test.io/v1', kind: 'Thing', metadata: { namespace: 'a', name: 'x' }, spec: {} },
  ],
  [
    'apply without taking anything away',
    () => client.apply(things, key, {}, { manager: 'me', force: false, subresource: 'status' }),
    'PATCH /apis/test.io/v1/namespaces/a/things/x/status?fieldManager=me',
    'application/apply-patch+yaml',
  ],
  [
    'delete',
    () => client.remove(things, key, { propagation: 'Foreground', uid: 'u' }),
    'DELETE /apis/test.io/v1/namespaces/a/things/x',
    'application/json',
    { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Foreground', preconditions: { uid: 'u' } },
  ],
];

for (const [name, call, request, type, body] of calls) {
  test(`${name} is the request that the API knows`, async () => {
    let sent: readonly [string | undefined, unknown] | undefined;
    api.intercept = (message, response) => {
      void readBody(message).then((json) => {
        sent = [message.headers['content-type'], json];
        answer(response, { code: 200, body: { items: [], metadata: { name: 'x', resourceVersion: '1' } } });
      });
      return true;
    };
    await call();
    expect(api.requests).toEqual([request]);
    expect(sent?.[0]).toBe(type);
    if (body !== undefined) expect(sent?.[1]).toEqual(body);
  });
}

test('what is not there is undefined to get, false to delete, empty to list', async () => {
  expect(await client.get(things, key)).toBeUndefined();
  expect(await client.remove(things, key)).toBe(false);
  expect(await client.list(things)).toEqual({ items: [], resourceVersion: '100' });
});

test('objects come narrowed; in a list, those that cannot be are left out', async () => {
  put('1');
  expect(await client.get(things, key)).toEqual({ name: 'x', value: '1' });
  put('unusable');
  expect((await client.list(things)).items).toEqual([]);
  expect(await faultOf(client.get(things, key))).toEqual({ code: 'kube.bad-answer' });
});

test('names that a URL would read differently name nothing', async () => {
  for (const name of ['', '.', '..']) {
    expect(await client.get(things, { namespace: 'a', name })).toBeUndefined();
    expect(await client.replace(things, { namespace: 'a', name }, {}).catch(statusOf)).toBe(404);
  }
  await client.get(things, { namespace: 'a/../b', name: 'x?y' });
  expect(api.requests).toEqual(['GET /apis/test.io/v1/namespaces/a%2F..%2Fb/things/x%3Fy']);
});

const refusals: readonly (readonly [name: string, code: number, reason: string, fault: KubeFault])[] = [
  ['a name that is taken', 409, 'AlreadyExists', { code: 'kube.conflict', reason: 'AlreadyExists' }],
  ['an object that has changed', 409, 'Conflict', { code: 'kube.conflict', reason: 'Conflict' }],
  ['a missing right', 403, 'Forbidden', { code: 'kube.status', status: 403, reason: 'Forbidden', retryAfter: undefined }],
  ['a busy server', 429, 'TooManyRequests', { code: 'kube.status', status: 429, reason: 'TooManyRequests', retryAfter: ms(2_000) }],
];

for (const [name, code, reason, fault] of refusals) {
  test(`${name} is a fault that says so, with verb, kind and key`, async () => {
    api.intercept = (_, response) => {
      answer(response, statusAnswer(code, reason, code === 429 ? { 'retry-after': '2' } : {}));
      return true;
    };
    const refusal = client.create(things, key, {});
    expect(await faultOf(refusal)).toEqual(fault);
    await expect(refusal).rejects.toThrow(`create Thing a/x: ${code} ${reason}: test: ${reason}`);
  });
}

test('what a proxy says in the place of the server is quoted, in part', async () => {
  api.intercept = (_, response) => response.writeHead(502).end('<html>'.padEnd(10_000, 'x')) !== undefined;
  await expect(client.get(things, key)).rejects.toThrow(/^get Thing a\/x: 502: <html>x{494}\.\.\.$/);
});

test('answers that are no answers are faults', async () => {
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '{"items":7,"metadata":{}}',
    '{"items":[{}],"metadata":{"resourceVersion":"1"}}',
    '{"items":[],"metadata":{}}',
  ]) {
    api.intercept = (_, response) => response.end(text) !== undefined;
    expect(await faultOf(client.list(things)), text).toEqual({ code: 'kube.bad-answer' });
  }
});

test('a list that never ends is a fault', async () => {
  const page = { items: [], metadata: { resourceVersion: '1', continue: 'again' } };
  api.intercept = (_, response) => {
    answer(response, { code: 200, body: page });
    return true;
  };
  expect(await faultOf(client.list(things))).toEqual({ code: 'kube.bad-answer' });
  expect(api.requests).toHaveLength(2);
});

test('a server that is not there, or hangs up, is a connection that failed', async () => {
  api.intercept = (_, response) => response.destroy() !== undefined;
  expect(await faultOf(client.get(things, key))).toEqual({ code: 'kube.connect' });
  api.intercept = (_, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('{');
    setImmediate(() => response.destroy());
    return true;
  };
  expect(await faultOf(client.get(things, key))).toEqual({ code: 'kube.connect' });
  const nobody = { ...api.access, server: 'http://127.0.0.1:1' };
  await using lonely = new KubeClient(nobody, { clock: systemClock });
  await expect(lonely.get(things, key)).rejects.toThrow('get Thing a/x: no connection to the API server, or it broke');
});

test('a call is given up in time, whether the head or the body is late', async () => {
  const clock = fakeClock();
  await using slow = new KubeClient(api.access, { clock });
  for (const start of [(): void => {}, (response: { write(text: string): unknown }): void => void response.write('{')]) {
    api.intercept = (_, response) => {
      start(response);
      return true;
    };
    const asked = api.requests.length;
    const fault = faultOf(slow.get(things, key));
    await until(() => api.requests.length > asked);
    await clock.advance(ms(30_000));
    expect(await fault).toEqual({ code: 'kube.timeout', after: 30_000 });
  }
  expect(clock.pending).toBe(0);
});

test('calls beyond the connections there are wait, and can be given up while they do', async () => {
  api.intercept = () => true;
  const stop = new AbortController();
  const all = Array.from({ length: 40 }, () => client.get(things, key, { signal: stop.signal }));
  await until(() => api.requests.length === 16);
  stop.abort(new Error('enough'));
  for (const call of all) await expect(call).rejects.toThrow('enough');
  api.intercept = () => false;
  expect(await client.get(things, key)).toBeUndefined();
});

test('a client that is closed breaks what is under way, and takes nothing new', async () => {
  api.intercept = () => true;
  const call = faultOf(client.get(things, key));
  await until(() => api.requests.length === 1);
  await client[Symbol.asyncDispose]();
  expect((await call).code).toBe('kube.connect');
  expect((await faultOf(client.get(things, key))).code).toMatch(/^kube\.(connect|access)$/);
});

/** A server that takes one token only. */
function demand(token: () => string): void {
  api.intercept = (request, response) => {
    if (request.headers.authorization === `Bearer ${token()}`) return false;
    answer(response, statusAnswer(401, 'Unauthorized'));
    return true;
  };
}

function clientWith(read: (afresh: boolean) => string, clock = fakeClock()): KubeClient {
  const credentials = async (afresh: boolean): Promise<Credentials> => ({ headers: { authorization: `Bearer ${read(afresh)}` }, tls: {} });
  return new KubeClient({ server: `${api.url}`, namespace: 'a', credentials }, { clock });
}

test('refused credentials are read again, and the call is made once more with others', async () => {
  const clock = fakeClock();
  let token = 'old';
  const reads: boolean[] = [];
  demand(() => token);
  await using own = clientWith((afresh) => (reads.push(afresh) > 0 ? token : ''), clock);
  await own.get(things, key);
  await clock.advance(ms(6_000));
  token = 'new';
  await own.get(things, key);
  expect(reads).toEqual([false, true]);
  expect(api.requests).toHaveLength(3);
});

test('credentials that stay refused are not read again at every call', async () => {
  let reads = 0;
  demand(() => 'other');
  await using own = clientWith(() => `wrong${reads++ && ''}`);
  for (let i = 0; i < 5; i++) expect(await own.get(things, key).catch(statusOf)).toBe(401);
  expect(reads).toBe(1);
});

test('credentials are looked at once a minute, and a failure to read them leaves the old ones in use', async () => {
  const clock = fakeClock();
  let token = 'first';
  await using own = clientWith(() => {
    if (token === '') throw refused('read', { status: 0, reason: '', message: '', retryAfterSeconds: 0 });
    return token;
  }, clock);
  const seen: (string | undefined)[] = [];
  api.intercept = (request) => seen.push(request.headers.authorization) < 0;
  for (const next of ['second', '', 'third']) {
    await own.get(things, key);
    token = next;
    await own.get(things, key);
    await clock.advance(ms(61_000));
  }
  expect(seen.map((each) => each?.slice(7))).toEqual(['first', 'first', 'second', 'second', 'second', 'second']);
});

test('a path in front of the server is kept', async () => {
  await using own = new KubeClient({ ...api.access, server: `${api.url}/k8s/c1/` }, { clock: systemClock });
  await own.get(things, key);
  expect(api.requests).toEqual(['GET /k8s/c1/apis/test.io/v1/namespaces/a/things/x']);
});

test('what is no URL is no access', () => {
  for (const server of ['', 'ftp://x', 'kubernetes:443'])
    expect(() => new KubeClient({ ...api.access, server }, { clock: systemClock })).toThrow('is not the URL of an API server');
});

test('a port-forward that is refused says what a plain request is told, and one that is not understood says so', async () => {
  for (const code of [403, 404, 400]) {
    api.intercept = (_, response) => {
      answer(response, statusAnswer(code, 'Test'));
      return true;
    };
    const fault = await faultOf(client.portForward(key, 15_000));
    expect(fault).toMatchObject(code === 400 ? { code: 'kube.connect' } : { code: 'kube.status', status: code });
  }
  expect(api.requests).toContain('GET /api/v1/namespaces/a/pods/x/portforward?ports=15000');
});

test('a port-forward that nobody answers ends with its time, or with its signal', async () => {
  api.intercept = () => true;
  expect(await faultOf(client.portForward(key, 1, { timeout: ms(20) }))).toEqual({ code: 'kube.timeout', after: 20 });
  await expect(client.portForward(key, 1, { signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
});

test('a log comes as it is written, and ends with its signal', async () => {
  api.intercept = (_, response) => {
    response.writeHead(200).write('one\n');
    return true;
  };
  const stop = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const chunk of await client.podLog(key, { follow: true, tailLines: '3' }, stop.signal)) {
      seen.push(chunk.toString());
      stop.abort(new Error('enough'));
    }
  })();
  await expect(reading).rejects.toThrow('enough');
  expect(seen).toEqual(['one\n']);
  expect(api.requests).toContain('GET /api/v1/namespaces/a/pods/x/log?tailLines=3&follow=true');
});

test('a log that may not be read is a refusal', async () => {
  api.intercept = (_, response) => {
    answer(response, statusAnswer(403, 'Forbidden'));
    return true;
  };
  expect(await faultOf(client.podLog(key, {}, new AbortController().signal))).toMatchObject({ code: 'kube.status', status: 403 });
});
