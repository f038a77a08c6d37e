// Who gets in: certificates, service-account tokens, reviews. On the lab's API and, with KUBEBUILDER_ASSETS, a real one.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import { ApiClient } from './api-client.ts';
import { type ApiUnderTest, apis } from './each-api.ts';
import { mapAt, textAt } from './object.ts';
import type { Json, JsonObject } from './patch/json.ts';

const issuer = 'https://kubernetes.default.svc.cluster.local';

describe.each(apis)('%s', (_name, start) => {
  let api: ApiUnderTest;
  let admin: ApiClient;
  let namespace = '';
  let count = 0;
  let podUid = '';

  beforeAll(async () => {
    api = await start();
    admin = new ApiClient(api);
  });

  afterAll(async () => {
    admin?.[Symbol.dispose]();
    await api?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    namespace = `auth-${++count}`;
    await admin.post('/api/v1/namespaces', { metadata: { name: namespace } });
    for (const name of ['app', 'other']) await admin.post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
    const spec = { serviceAccountName: 'app', nodeName: 'n', containers: [{ name: 'c', image: 'lab/echo' }] };
    const { body } = await admin.post(`/api/v1/namespaces/${namespace}/pods`, { metadata: { name: 'p' }, spec });
    podUid = textAt(body, 'metadata', 'uid') ?? '';
  });

  const request = (spec: JsonObject, account = 'app') =>
    admin.post(`/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`, { spec });
  const tokenFor = async (spec: JsonObject = {}): Promise<string> => textAt((await request(spec)).body, 'status', 'token') ?? '';
  const review = async (token: string, audiences?: string[]): Promise<Readonly<JsonObject>> => {
    const spec: Json = { token, ...(audiences === undefined ? {} : { audiences }) };
    return mapAt((await admin.post('/apis/authentication.k8s.io/v1/tokenreviews', { spec })).body, 'status');
  };
  const boundToPod = (): JsonObject => ({ kind: 'Pod', apiVersion: 'v1', name: 'p', uid: podUid });

  test('without credentials nobody gets in', async () => {
    using nobody = new ApiClient(api, 'nobody');
    expect((await nobody.get('/api/v1/pods')).body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Unauthorized',
      reason: 'Unauthorized',
      code: 401,
    });
    using forger = new ApiClient(api, { token: 'a.b.c' });
    expect((await forger.get('/api/v1/pods')).status).toBe(401);
  });

  test('a service account gets in with its token', async () => {
    using client = new ApiClient(api, { token: await tokenFor() });
    expect((await client.get('/api/v1/pods')).status).toBe(200);
    const { body } = await client.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {});
    expect(body).toMatchObject({ status: { userInfo: { username: `system:serviceaccount:${namespace}:app` } } });
  });

  test('a token is for its audiences only', async () => {
    const token = await tokenFor({ audiences: ['istio-ca'] });
    using client = new ApiClient(api, { token });
    expect((await client.get('/api/v1/pods')).status).toBe(401);
    expect(await review(token, ['istio-ca', 'another'])).toMatchObject({ authenticated: true, audiences: ['istio-ca'] });
    expect(await review(token, ['another'])).toMatchObject({ error: expect.stringContaining('token audiences ["istio-ca"] is invalid') });
    expect(await review(token)).toMatchObject({ error: expect.stringContaining(issuer) });
    expect((await review(token)).authenticated).not.toBe(true);
  });

  test('a review tells who it is, and of which pod', async () => {
    const token = await tokenFor({ audiences: ['istio-ca'], boundObjectRef: boundToPod() });
    const status = await review(token, ['istio-ca']);
    expect(status).toMatchObject({
      authenticated: true,
      user: {
        username: `system:serviceaccount:${namespace}:app`,
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
        extra: {
          'authentication.kubernetes.io/pod-name': ['p'],
          'authentication.kubernetes.io/pod-uid': [podUid],
          'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=/)],
        },
      },
    });
  });

  test('a token ends with its pod, and with its account', async () => {
    const [bound, free] = [await tokenFor({ boundObjectRef: boundToPod() }), await tokenFor()];
    await admin.remove(`/api/v1/namespaces/${namespace}/pods/p?gracePeriodSeconds=0`);
    expect(await review(bound)).not.toMatchObject({ authenticated: true });
    expect(await review(free)).toMatchObject({ authenticated: true });
    await admin.remove(`/api/v1/namespaces/${namespace}/serviceaccounts/app`);
    await admin.post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'app' } });
    // A real server believes a token that it has just seen for another ten seconds.
    await eventually(async () => ((await review(free)).authenticated === true ? undefined : true), {
      what: 'the end of the token',
      timeoutMs: 15_000,
    });
  });

  test('garbage is no token', async () => {
    for (const token of ['', 'x', 'a.b.c', `${await tokenFor()}x`]) expect(await review(token)).not.toMatchObject({ authenticated: true });
  });

  const refused: readonly (readonly [name: string, spec: () => JsonObject, status: number])[] = [
    ['for less than ten minutes', () => ({ expirationSeconds: 599 }), 422],
    ['for a pod that is not there', () => ({ boundObjectRef: { ...boundToPod(), name: 'q' } }), 404],
    ['for a pod of that name but another uid', () => ({ boundObjectRef: { ...boundToPod(), uid: 'another' } }), 409],
    ['for something that is no pod', () => ({ boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'p' } }), 400],
  ];
  test.each(refused)('no token is issued %s', async (_case, spec, status) => {
    expect((await request(spec())).status).toBe(status);
  });

  test('no token is issued for the pod of another account, or for no account', async () => {
    expect((await request({ boundObjectRef: boundToPod() }, 'other')).status).toBe(400);
    expect((await request({}, 'nobody')).status).toBe(404);
  });

  test('access reviews answer', async () => {
    const spec = { resourceAttributes: { verb: 'get', resource: 'pods', namespace } };
    const { body } = await admin.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { spec });
    expect(mapAt(body.status).allowed).toBe(true);
  });
});
