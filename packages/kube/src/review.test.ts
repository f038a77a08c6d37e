// Whose a token is, as the API server says it.
import { systemClock } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { KubeClient } from './client.ts';
import { type ReviewedToken, reviewToken } from './review.ts';
import { answer, readBody } from './testing/answers.ts';
import { ApiServer } from './testing/api-server.ts';

const user = { username: 'system:serviceaccount:a:b', groups: ['g'], extra: { 'authentication.kubernetes.io/pod-name': ['p'] } };

const rows: readonly (readonly [name: string, status: unknown, want: Partial<ReviewedToken> | 'kube.bad-answer'])[] = [
  [
    'a token that is known says whose it is',
    { authenticated: true, user, audiences: ['istio-ca'] },
    { authenticated: true, username: user.username, groups: ['g'], extra: user.extra, audiences: ['istio-ca'] },
  ],
  [
    'a token that is not known is refused, with the reason',
    { authenticated: false, error: 'expired' },
    { authenticated: false, error: 'expired' },
  ],
  ['no answer is a refusal', {}, { authenticated: false }],
  ['a truth that is no boolean is a refusal', { authenticated: 'true', user, audiences: ['istio-ca'] }, { authenticated: false }],
  ['a server that ignores audiences is not believed', { authenticated: true, user }, { authenticated: false }],
  ['nor is one that names others', { authenticated: true, user, audiences: ['kubernetes'] }, { authenticated: false }],
  ['a user without a name is nonsense', { authenticated: true, user: {}, audiences: ['istio-ca'] }, 'kube.bad-answer'],
];

for (const [name, status, want] of rows) {
  test(name, async () => {
    await using api = await ApiServer.start();
    await using client = new KubeClient(api.access, { clock: systemClock });
    let asked: unknown;
    api.intercept = (request, response) => {
      void readBody(request).then((body) => {
        asked = body;
        answer(response, { code: 201, body: { status } });
      });
      return true;
    };
    const reviewed = reviewToken(client, { token: 'secret', audiences: ['istio-ca'] });
    if (want === 'kube.bad-answer') await expect(reviewed).rejects.toMatchObject({ fault: { code: want } });
    else expect(await reviewed).toMatchObject(want);
    expect(asked).toMatchObject({ kind: 'TokenReview', spec: { token: 'secret', audiences: ['istio-ca'] } });
  });
}
