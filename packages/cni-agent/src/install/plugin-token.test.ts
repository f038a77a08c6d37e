// The plugin's token: asked for seldom, kept when it cannot be renewed, and said once when it cannot be had.
import { refused } from '@ambient-mesh/kube/errors';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { PluginToken } from './plugin-token.ts';

const hours = (n: number) => ms(n * 3_600_000);

function bench(answers: (string | number)[], lifeMs?: number) {
  const clock = fakeClock();
  const said: string[] = [];
  const asked: string[] = [];
  const request = async ({ path }: { path: string }): Promise<unknown> => {
    asked.push(path);
    const answer = answers.shift() ?? 500;
    if (typeof answer === 'number')
      throw refused('create a token', { status: answer, reason: 'No', message: 'no', retryAfterSeconds: Number.NaN });
    const expires = lifeMs === undefined ? {} : { expirationTimestamp: new Date(clock.now() + lifeMs).toISOString() };
    return { status: { token: answer, ...expires } };
  };
  return {
    clock,
    said,
    asked,
    token: new PluginToken({
      client: { request },
      namespace: 'istio-system',
      account: 'istio-cni-plugin',
      clock,
      refused: (why) => said.push(why),
    }),
  };
}

test('it is asked for once, and again after half of its life', async () => {
  const { token, clock, asked } = bench(['first', 'second']);
  expect([await token.current(), await token.current()]).toEqual(['first', 'first']);
  expect(asked).toEqual(['/api/v1/namespaces/istio-system/serviceaccounts/istio-cni-plugin/token']);
  await clock.advance(hours(12.1));
  expect(await token.current()).toBe('second');
});

test('an API server that gives it a shorter life is asked again in time', async () => {
  const { token, clock, asked } = bench(['first', 'second'], hours(1));
  await token.current();
  await clock.advance(hours(0.49));
  expect([await token.current(), asked.length]).toEqual(['first', 1]);
  await clock.advance(hours(0.02));
  expect(await token.current()).toBe('second');
});

test.each([
  ['longer than was asked for', hours(1_000), hours(12.1)],
  ['over already', hours(-1), ms(61_000)],
])('a life that is %s, by clocks that differ, is neither believed nor asked about at every look', async (_, life, later) => {
  const { token, clock, asked } = bench(['first', 'second'], life);
  expect([await token.current(), await token.current(), asked.length]).toEqual(['first', 'first', 1]);
  await clock.advance(later);
  expect(await token.current()).toBe('second');
});

test('one that cannot be renewed is kept, and asked for again soon', async () => {
  const { token, clock } = bench(['first', 503, 'second']);
  await token.current();
  await clock.advance(hours(13));
  expect(await token.current()).toBe('first');
  await clock.advance(ms(61_000));
  expect(await token.current()).toBe('second');
});

test.each([403, 404])('without an account for the plugin (%i) there is none, and that is said once', async (status) => {
  const { token, clock, said } = bench([status, status]);
  expect(await token.current()).toBeUndefined();
  await clock.advance(ms(61_000));
  expect(await token.current()).toBeUndefined();
  expect(said).toHaveLength(1);
});
