// What Prometheus is asked, and what is made of what it answers, whatever that is.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Prometheus, rowsOf } from './prometheus.ts';
import { placeOf } from './series.ts';

const vector = (...result: readonly object[]): string => JSON.stringify({ status: 'success', data: { resultType: 'vector', result } });

function start(answer: (query: string) => string) {
  const queries: string[] = [];
  const clock = fakeClock();
  const prometheus = new Prometheus({
    url: 'http://prometheus:9090/',
    clock,
    targets: async () => [{ id: 'store/gate-1', title: 'gate-1', waypoint: placeOf('store', 'gate') }],
    fetchText: async (url) => {
      expect(url).toMatch(/^http:\/\/prometheus:9090\/api\/v1\/query\?query=/);
      const query = new URL(url).searchParams.get('query') ?? '';
      queries.push(query);
      return answer(query);
    },
  });
  return { prometheus, queries, clock };
}

test('increases in the window, and where open and closed connections stand; waypoints by their pods', async () => {
  const { prometheus, queries } = start((query) => {
    if (query.includes('increase(istio_requests_total[300s])'))
      return vector({ metric: { reporter: 'waypoint', pod: 'gate-1' }, value: [1, '7.5'] });
    if (query.endsWith(' (istio_tcp_connections_opened_total)'))
      return vector({ metric: { reporter: 'source', pod: 'gate-1' }, value: [1, '3'] });
    return vector();
  });
  const { seconds, measured, waypoints } = await prometheus.measure(ms(300_000));
  expect([seconds, [...waypoints], queries.length]).toEqual([300, ['store/gate'], 11]);
  expect(measured).toMatchObject([
    { family: 'istio_tcp_connections_opened_total', increase: 0, latest: 3, by: undefined },
    { family: 'istio_requests_total', increase: 7.5, latest: 0, by: { key: 'store/gate' } },
  ]);
});

test('a window that is too short for a rate is made longer', async () => {
  const { prometheus, queries } = start(() => vector());
  expect((await prometheus.measure(ms(15_000))).seconds).toBe(60);
  expect(queries.some((query) => query.includes('[60s]'))).toBe(true);
});

test('several viewers cost as much as one, for two seconds', async () => {
  const { prometheus, queries, clock } = start(() => vector());
  await Promise.all([prometheus.measure(ms(60_000)), prometheus.measure(ms(60_000))]);
  expect(queries).toHaveLength(11);
  await clock.advance(ms(2_000));
  await prometheus.measure(ms(60_000));
  expect(queries).toHaveLength(22);
});

test('what is no number is left out; what is no answer is said to be none', () => {
  expect(rowsOf(vector({ metric: {}, value: [1, 'NaN'] }, { metric: { a: 'b' }, value: [1, '2'] }, { value: [1, '2'] }, {}))).toEqual([
    { labels: new Map([['a', 'b']]), value: 2 },
  ]);
  expect(() => rowsOf('<html>')).toThrow('something else than JSON');
  expect(() => rowsOf('{"status":"error"}')).toThrow('something else than a vector');
});

test('any JSON is a vector or none', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(() => rowsOf(vector(JSON.parse(text) as object))).not.toThrow(TypeError);
    }),
  );
});
