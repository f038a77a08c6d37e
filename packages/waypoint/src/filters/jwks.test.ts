// How long fetched keys are believed, when their issuer is asked again, and what becomes of tokens while it fails.
import { type FakeClock, fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { beforeEach, expect, test } from 'vitest';
import { filter, keySet, line, request, rule, token } from '../testing/tokens.ts';
import type { FetchText } from './jwks.ts';

let clock: FakeClock;
beforeEach(() => {
  clock = fakeClock();
});

/** An issuer that counts questions, and whose answers tests change. */
function issuer(answer: () => Promise<string>) {
  const asked: string[] = [];
  const fetch: FetchText = (url) => {
    asked.push(url);
    return answer();
  };
  return { asked, fetch };
}

test('are fetched once for many requests at a time, and used for five minutes', async () => {
  const { asked, fetch } = issuer(() => keySet('rsa'));
  const jwt = filter([rule({ jwksUri: 'http://keys' })], { fetch, clock });
  const bearer = await token({ claims: { exp: clock.now() / 1_000 + 6_000 } });
  const all = await Promise.all(Array.from({ length: 20 }, () => jwt.check(request({ bearer }))));
  expect(new Set(all.map(line))).toEqual(new Set(['accepted alice']));
  await clock.advance(ms(239_000));
  await jwt.check(request({ bearer }));
  expect(asked).toEqual(['http://keys']);
  await clock.advance(ms(2_000));
  await jwt.check(request({ bearer }));
  expect(asked).toHaveLength(2);
});

test('are kept when the issuer fails later', async () => {
  let answer = (): Promise<string> => keySet('rsa');
  const { fetch } = issuer(() => answer());
  const failures: string[] = [];
  const jwt = filter([rule({ jwksUri: 'http://keys' })], { fetch, clock, failures });
  const bearer = await token({ claims: { exp: clock.now() / 1_000 + 6_000 } });
  await jwt.check(request({ bearer }));
  answer = () => Promise.reject(new Error('down'));
  await clock.advance(ms(400_000));
  expect(line(await jwt.check(request({ bearer })))).toBe('accepted alice');
  expect(failures).toEqual(['http://keys: down']);
});

test('of an issuer that fell silent delay one request, not those after it', async () => {
  let answer = (): Promise<string> => keySet('rsa');
  const { fetch } = issuer(() => answer());
  const jwt = filter([rule({ jwksUri: 'http://keys' })], { fetch, clock });
  const bearer = await token({ claims: { exp: clock.now() / 1_000 + 6_000 } });
  await jwt.check(request({ bearer }));
  answer = () => new Promise(() => {});
  await clock.advance(ms(400_000));
  const first = jwt.check(request({ bearer }));
  await clock.advance(ms(5_000));
  expect(line(await first)).toBe('accepted alice');
  await clock.advance(ms(5_000));
  expect(line(await jwt.check(request({ bearer })))).toBe('accepted alice');
});

test('that were taken back are not believed for tokens accepted before', async () => {
  let names = ['rsa'];
  const { fetch } = issuer(() => keySet(...names));
  const jwt = filter([rule({ jwksUri: 'http://keys' })], { fetch, clock });
  const bearer = await token({ claims: { exp: clock.now() / 1_000 + 6_000 } });
  expect(line(await jwt.check(request({ bearer })))).toBe('accepted alice');
  names = ['ec'];
  await clock.advance(ms(301_000));
  expect(line(await jwt.check(request({ bearer })))).toContain("401 Jwks doesn't have key");
});

test('an issuer that fails is left alone for five seconds', async () => {
  const { asked, fetch } = issuer(() => Promise.reject(new Error('down')));
  const jwt = filter([rule({ jwksUri: 'http://keys' })], { fetch, clock });
  const bearer = await token();
  for (let n = 0; n < 5; n++) expect(line(await jwt.check(request({ bearer })))).toBe('401 Jwks remote fetch is failed');
  expect(asked).toHaveLength(1);
  await clock.advance(ms(5_000));
  await jwt.check(request({ bearer }));
  expect(asked).toHaveLength(2);
});

test('an unknown key name asks again, once in thirty seconds', async () => {
  let names = ['rsa'];
  const { asked, fetch } = issuer(() => keySet(...names));
  const jwt = filter([rule({ jwksUri: 'http://keys' })], { fetch, clock });
  await jwt.check(request({ bearer: await token() }));
  names = ['rsa', 'ec'];
  const bearer = await token({ by: 'ec' });
  expect(line(await jwt.check(request({ bearer })))).toContain('401 ');
  expect(asked).toHaveLength(1);
  await clock.advance(ms(30_000));
  expect(line(await jwt.check(request({ bearer })))).toBe('accepted alice');
  expect(asked).toHaveLength(2);
  for (let n = 0; n < 5; n++) await jwt.check(request({ bearer: await token({ kid: `made-up-${n}` }) }));
  expect(asked).toHaveLength(2);
});

test('an issuer without a key address is asked for it', async () => {
  const { asked, fetch } = issuer(async () => (asked.length === 1 ? '{"jwks_uri":"http://there"}' : keySet('rsa')));
  const jwt = filter([rule({ issuer: 'http://i/' })], { fetch, clock });
  expect(line(await jwt.check(request({ bearer: await token({ claims: { iss: 'http://i/' } }) })))).toBe('accepted alice');
  expect(asked).toEqual(['http://i/.well-known/openid-configuration', 'http://there']);
});

test.each([
  ['no JSON', 'x'],
  ['no key set', '{"keys":7}'],
  ['too long', ' '.repeat((1 << 20) + 1)],
  ['too many keys', JSON.stringify({ keys: Array.from({ length: 201 }, () => ({ kty: 'RSA' })) })],
])('an answer that is %s leaves no keys', async (_, answer) => {
  const { fetch } = issuer(async () => answer);
  const jwt = filter([rule({ jwksUri: 'http://keys' })], { fetch, clock });
  expect(line(await jwt.check(request({ bearer: await token() })))).toBe('401 Jwks remote fetch is failed');
});

test('an issuer that never answers costs its time-out', async () => {
  const { fetch } = issuer(() => new Promise(() => {}));
  const checking = filter([rule({ jwksUri: 'http://keys', timeout: 700 })], { fetch, clock }).check(request({ bearer: await token() }));
  await clock.advance(ms(700));
  expect(line(await checking)).toBe('401 Jwks remote fetch is failed');
  expect(clock.pending).toBe(0);
});
