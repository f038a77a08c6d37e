// The plugin's token: asked for seldom, kept when it cannot be renewed, and said once when it cannot be had.
import { refused } from '@ambient-mesh/kube/errors';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { PluginToken } from './plugin-token.ts';

const hours = (n: number) => ms(n * 3_600_000);

function bench(answers: (string | number)[]) {
  const clock = fakeClock();
  const said: string[] = [];
  const asked: string[] = [];
  const request = async ({ path }: { path: string }): Promise<unknown> => {
    asked.push(path);
    const answer = answers.shift() ?? 500;
    if (typeof answer === 'number')
      throw refused('create a token', { status: answer, reason: 'No', message: 'no', retryAfterSeconds: Number.NaN });
    return { status: { token: answer } };
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
