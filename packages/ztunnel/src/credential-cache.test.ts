// The certificates of one data thread: asked for once, renewed and forgotten on main's word.
// Beside credential-cache.ts; time is a fake clock, main is a function.
// Certificates are plain objects here: nothing looks into them but at their owner and their end.
import type { Credentials } from '@ambient-mesh/identity/credentials';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { CredentialCache } from './credential-cache.ts';

const [a, b] = [spiffeId('cluster.local', 'ns', 'a'), spiffeId('cluster.local', 'ns', 'b')];

function given() {
  const clock = fakeClock();
  const asked: string[] = [];
  const answers: PromiseWithResolvers<Credentials>[] = [];
  const cache = new CredentialCache((id) => {
    asked.push(id.uri);
    const answer = Promise.withResolvers<Credentials>();
    answers.push(answer);
    return answer.promise;
  }, clock);
  const certificate = (identity = a, keyPem = 'first'): Credentials => ({
    identity,
    certChainPem: '',
    keyPem,
    rootsPem: [],
    notBefore: clock.now(),
    notAfter: clock.now() + 60_000,
  });
  const hold = async (credentials: Credentials): Promise<void> => {
    const got = cache.get(credentials.identity);
    answers.at(-1)?.resolve(credentials);
    await got;
  };
  return { clock, cache, asked, answers, certificate, hold };
}

test('an identity is asked for once, however many wait', async () => {
  const { cache, asked, answers, certificate } = given();
  const waiting = [cache.get(a), cache.get(a), cache.get(b)];
  expect(asked).toEqual([a.uri, b.uri]);
  answers[0]?.resolve(certificate(a));
  answers[1]?.resolve(certificate(b));
  expect((await Promise.all(waiting)).map(({ identity }) => identity)).toEqual([a, a, b]);
});

test('what is held comes without a promise', async () => {
  const { cache, asked, certificate, hold } = given();
  const credentials = certificate();
  await hold(credentials);
  expect(cache.get(a)).toBe(credentials);
  expect(asked).toHaveLength(1);
});

test('an expired one is asked for again', async () => {
  const { cache, asked, clock, certificate, hold } = given();
  await hold(certificate());
  await clock.advance(ms(59_999));
  expect(cache.get(a)).toMatchObject({ keyPem: 'first' });
  await clock.advance(ms(1));
  void cache.get(a);
  expect(asked).toHaveLength(2);
});

test('a failure is told to all who wait, and is not kept', async () => {
  const { cache, asked, answers } = given();
  const waiting = [cache.get(a), cache.get(a)];
  answers[0]?.reject(new Error('refused'));
  expect(await Promise.allSettled(waiting)).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
  void cache.get(a);
  expect(asked).toHaveLength(2);
});

test('a renewal replaces what is held', async () => {
  const { cache, certificate, hold } = given();
  await hold(certificate());
  cache.renew(certificate(a, 'second'));
  expect(cache.get(a)).toMatchObject({ keyPem: 'second' });
});

test('a renewal of what nobody here asked for is not kept', () => {
  const { cache, asked, certificate } = given();
  cache.renew(certificate());
  void cache.get(a);
  expect(asked).toHaveLength(1);
});

test('what is forgotten is asked for again', async () => {
  const { cache, asked, certificate, hold } = given();
  await hold(certificate());
  cache.forget(a.uri);
  void cache.get(a);
  expect(asked).toHaveLength(2);
});
