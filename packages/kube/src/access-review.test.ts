// Who we are, and which namespaces somebody may get, as the API server says it.
import { systemClock } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { mayGetNamespace, ownName } from './access-review.ts';
import { KubeClient } from './client.ts';
import { answer, readBody } from './testing/answers.ts';
import { ApiServer } from './testing/api-server.ts';

async function asking<T>(
  status: unknown,
  ask: (client: KubeClient) => Promise<T>,
): Promise<{ readonly said: T; readonly path: string; readonly body: unknown }> {
  await using api = await ApiServer.start();
  await using client = new KubeClient(api.access, { clock: systemClock });
  const asked = Promise.withResolvers<{ readonly path: string; readonly body: unknown }>();
  api.intercept = (request, response) => {
    void readBody(request).then((body) => {
      asked.resolve({ path: request.url ?? '', body });
      answer(response, { code: 201, body: { status } });
    });
    return true;
  };
  return { said: await ask(client), ...(await asked.promise) };
}

const resourceAttributes = { verb: 'get', resource: 'namespaces', name: 'shop', namespace: 'shop' };
const user = { username: 'ann', groups: ['g'], extra: { scopes: ['s'] } };

test('somebody else, with their groups', async () => {
  const { said, path, body } = await asking({ allowed: true }, (client) => mayGetNamespace(client, 'shop', user));
  expect([said, path]).toEqual([true, '/apis/authorization.k8s.io/v1/subjectaccessreviews']);
  expect(body).toMatchObject({
    kind: 'SubjectAccessReview',
    spec: { resourceAttributes, user: 'ann', groups: ['g'], extra: { scopes: ['s'] } },
  });
});

test('ourselves', async () => {
  const { said, path, body } = await asking({ allowed: true }, (client) => mayGetNamespace(client, 'shop'));
  expect([said, path]).toEqual([true, '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews']);
  expect(body).toMatchObject({ kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } });
});

test.each([{}, { allowed: false }, { allowed: 'true' }, undefined])('anything but a plain yes is a no: %j', async (status) => {
  expect((await asking(status, (client) => mayGetNamespace(client, 'shop', user))).said).toBe(false);
});

test('our own name; a user without one is nonsense', async () => {
  const { said, path } = await asking({ userInfo: { username: 'ann' } }, (client) => ownName(client));
  expect([said, path]).toEqual(['ann', '/apis/authentication.k8s.io/v1/selfsubjectreviews']);
  await expect(asking({}, (client) => ownName(client))).rejects.toMatchObject({ fault: { code: 'kube.bad-answer' } });
});
