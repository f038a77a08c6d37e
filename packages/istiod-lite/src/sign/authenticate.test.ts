// Who calls, and how often the API server is asked about it.

import type { ReviewedToken } from '@ambient-mesh/kube/review';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { Authenticator } from './authenticate.ts';

const accepted: ReviewedToken = {
  authenticated: true,
  username: 'system:serviceaccount:default:client',
  groups: ['system:serviceaccounts'],
  extra: {},
  audiences: ['istio-ca'],
};

function scene(review: (token: string) => Promise<ReviewedToken> = async () => accepted) {
  const clock = fakeClock();
  const asked: string[] = [];
  const authenticator = new Authenticator({
    review: (token) => {
      asked.push(token);
      return review(token);
    },
    audiences: ['istio-ca'],
    trustDomain: 'td',
    clusterId: 'Kubernetes',
    clock,
  });
  const authenticate = (authorization: string, more: object = {}) =>
    authenticator.authenticate({ certificate: [], authorization, clusterId: '', ...more });
  return { clock, asked, authenticate };
}

test('a verified client certificate is enough, and the API server is not asked', async () => {
  const { authenticate, asked } = scene();
  const certificate = [spiffeId('td', 'default', 'client')];
  expect(await authenticate('Bearer x', { certificate })).toEqual({ identities: certificate, by: 'certificate' });
  expect(asked).toEqual([]);
});

test('a token is asked about once in ten seconds, also by callers at the same time', async () => {
  const { authenticate, asked, clock } = scene();
  await Promise.all([authenticate('Bearer a'), authenticate('bearer  a'), authenticate('Bearer b')]);
  expect(asked).toEqual(['a', 'b']);
  await clock.advance(ms(9_999));
  await authenticate('Bearer a');
  expect(asked).toHaveLength(2);
  await clock.advance(ms(1));
  await authenticate('Bearer a');
  expect(asked).toEqual(['a', 'b', 'a']);
});

test('a refusal is not remembered: a token may become good', async () => {
  let review: ReviewedToken = { authenticated: false, error: 'not yet valid' };
  const { authenticate } = scene(async () => review);
  expect(await authenticate('Bearer a')).toHaveProperty('refused');
  review = accepted;
  expect(await authenticate('Bearer a')).toHaveProperty('identities');
});

const refused: readonly (readonly [string, string, object, RegExp])[] = [
  ['there is neither token nor certificate', '', {}, /neither/],
  ['the header is of another scheme', 'Basic eDp5', {}, /no bearer token/],
  ['the header has no token', 'Bearer ', {}, /no bearer token/],
  ['the token is longer than any', `Bearer ${'x'.repeat(20_000)}`, {}, /no bearer token/],
  ['the cluster is another', 'Bearer a', { clusterId: 'west' }, /cluster "west" is not known/],
];
test.each(refused)('nobody when %s', async (_, authorization, more, why) => {
  const { authenticate, asked } = scene();
  expect(await authenticate(authorization, more)).toEqual({ refused: expect.stringMatching(why) });
  expect(asked).toEqual([]);
});

test('nobody when the API server cannot be asked, and the token is not in the reason', async () => {
  const { authenticate } = scene(() => Promise.reject(new Error('connection refused')));
  const answer = await authenticate('Bearer sesame');
  expect(answer).toEqual({ refused: expect.stringMatching(/connection refused/) });
  expect(JSON.stringify(answer)).not.toContain('sesame');
});

test('ten thousand answers are remembered at most: the oldest go first', async () => {
  const { authenticate, asked } = scene();
  for (let i = 0; i < 10_001; i++) await authenticate(`Bearer ${i}`);
  await authenticate('Bearer 10000');
  expect(asked).toHaveLength(10_001);
  await authenticate('Bearer 0');
  expect(asked).toHaveLength(10_002);
});

test('the API server is spared a flood of tokens', async () => {
  const gate = Promise.withResolvers<ReviewedToken>();
  const { authenticate, asked } = scene(() => gate.promise);
  const answers = Array.from({ length: 300 }, (_, i) => authenticate(`Bearer ${i}`));
  expect(asked).toHaveLength(200);
  gate.resolve(accepted);
  const refused = (await Promise.all(answers)).filter((answer) => 'refused' in answer);
  expect(refused).toHaveLength(100);
  expect(await authenticate('Bearer 299')).toHaveProperty('identities');
});
