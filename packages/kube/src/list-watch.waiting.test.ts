// How the list-watch waits: back-off, silence, kinds that are not there. On a clock that the test moves.
import { type FakeClock, fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { answer, statusAnswer } from './testing/answers.ts';
import { ApiServer } from './testing/api-server.ts';
import { follow } from './testing/following.ts';
import { thingsIn } from './testing/things.ts';

let api: ApiServer;
let clock: FakeClock;

beforeEach(async () => {
  api = await ApiServer.start();
  clock = fakeClock();
});
afterEach(() => api[Symbol.asyncDispose]());

const put = (name: string, value: string) => api.objects.put(thingsIn('a'), name, { spec: { value } });
const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), { timeout: 4_000, interval: 5 });
const middle = () => 0.5;

/** Refuses whatever is asked, until it is told otherwise. */
function refuseAll(code: number, reason: string, headers: Record<string, string> = {}): void {
  api.intercept = (_, response) => {
    answer(response, statusAnswer(code, reason, headers));
    return true;
  };
}

test('waits longer after each failure, up to a limit, and says a failure once', async () => {
  refuseAll(503, 'ServiceUnavailable');
  await using following = follow(api, { clock, random: middle });
  for (let failures = 1; failures <= 10; failures++) {
    await until(() => following.ends.length === failures);
    await clock.advance(following.ends.at(-1)?.wait ?? ms(0));
  }
  expect(following.ends.map(({ wait }) => wait).slice(0, 10)).toEqual([
    250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000, 20_000,
  ]);
  expect(following.ends.map(({ repeated }) => repeated).slice(0, 3)).toEqual([false, true, true]);
});

test('spreads its waits, and none is longer than 30 s', async () => {
  refuseAll(403, 'Forbidden');
  await using following = follow(api, { clock, random: () => 0.999 });
  for (let failures = 1; failures <= 9; failures++) {
    await until(() => following.ends.length === failures);
    await clock.advance(ms(30_000));
  }
  expect(following.ends[0]?.wait).toBeCloseTo(375, 0);
  expect(Math.max(...following.ends.map(({ wait }) => wait))).toBeLessThanOrEqual(30_000);
});

test('waits at least as long as the server asks', async () => {
  refuseAll(429, 'TooManyRequests', { 'retry-after': '7' });
  await using following = follow(api, { clock, random: middle });
  await until(() => following.ends.length === 1);
  expect(following.ends[0]?.wait).toBe(7_000);
});

test('a watch that lived makes the next failure the first', async () => {
  await using following = follow(api, { clock, random: middle });
  for (let end = 1; end <= 3; end++) {
    await until(() => api.watches === 1);
    api.endWatches('broken');
    await until(() => following.ends.length === end);
    await clock.advance(ms(5_000));
  }
  await until(() => api.watches === 1);
  await clock.advance(ms(11_000));
  api.endWatches('broken');
  await until(() => following.ends.length === 4);
  expect(following.ends.map(({ wait }) => wait)).toEqual([250, 500, 1_000, 250]);
});

test('a watch that is ended in good order after a while is asked for again at once', async () => {
  await using following = follow(api, { clock, random: middle });
  await until(() => api.watches === 1);
  await clock.advance(ms(300_000));
  api.endWatches('cleanly');
  await until(() => api.watches === 1 && following.ends.length === 1);
  expect(following.ends).toEqual([{ why: undefined, wait: 0, repeated: false }]);
});

test('a watch that is silent for longer than it was to last is given up', async () => {
  await using following = follow(api, { clock });
  await until(() => following.said.includes('watching'));
  await clock.advance(ms(269_000));
  expect(following.ends).toEqual([]);
  await clock.advance(ms(2_000));
  await until(() => following.ends.length === 1);
  expect(following.ends[0]?.why?.fault.code).toBe('kube.timeout');
});

test('a watch that has had bookmarks is given up sooner without them, and never while they come', async () => {
  await using following = follow(api, { clock });
  let bookmarks = 0;
  const bookmark = async (): Promise<void> => {
    put(`t${bookmarks++}`, '1');
    api.bookmark();
    await until(() => following.heard.length === bookmarks);
  };
  await until(() => api.watches === 1);
  for (let minute = 0; minute < 7; minute++) {
    await bookmark();
    await clock.advance(ms(60_000));
  }
  expect(following.ends).toEqual([]);
  await clock.advance(ms(100_000));
  await until(() => following.ends.length === 1);
  expect(following.ends[0]?.why?.fault).toEqual({ code: 'kube.timeout', after: 150_000 });
});

test('a server that accepts and never answers is given up', async () => {
  api.intercept = () => true;
  await using following = follow(api, { clock });
  await until(() => api.requests.length === 1);
  await clock.advance(ms(30_000));
  await until(() => following.ends.length === 1);
  expect(following.ends[0]?.why?.fault.code).toBe('kube.timeout');
});

test('a kind that the server does not know counts as empty, is said once, and is looked for every 10 s', async () => {
  refuseAll(404, 'NotFound');
  await using following = follow(api, { clock });
  await following.store.synced;
  for (let looks = 1; looks <= 3; looks++) {
    await until(() => api.requests.length === looks);
    await until(() => clock.pending > 0);
    await clock.advance(ms(10_000));
  }
  await until(() => api.requests.length === 4);
  expect(following.said).toEqual(['absent']);
  expect(following.ends).toEqual([]);
  api.intercept = () => false;
  put('x', '1');
  await until(() => clock.pending === 1);
  await clock.advance(ms(10_000));
  await until(() => following.heard.length === 1);
  expect(following.heard).toEqual(['+a/x=1']);
});

test('a kind that was there is believed gone at the second look only', async () => {
  put('x', '1');
  await using following = follow(api, { clock });
  await until(() => api.watches === 1);
  refuseAll(404, 'NotFound');
  api.endWatches('broken');
  await until(() => following.ends.length === 1);
  // The watch is refused, then the list.
  for (let looks = 3; looks <= 4; looks++) {
    await clock.advance(ms(1_000));
    await until(() => api.requests.length === looks);
  }
  await until(() => clock.pending === 1);
  expect(following.heard).toEqual(['+a/x=1']);
  await clock.advance(ms(10_000));
  await until(() => following.heard.length === 2);
  expect(following.heard[1]).toBe('-a/x');
  expect(following.said.filter((each) => each === 'absent')).toHaveLength(1);
});
