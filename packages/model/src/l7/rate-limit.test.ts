// Which limits count a request, under what, and how counters fill and are forgotten.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSpiffeId } from '../spiffe.ts';
import { ip } from '../testing/index.ts';
import type { Limit } from './policy.ts';
import { Buckets, compileLimits } from './rate-limit.ts';
import { ConnectionFacts, RequestFacts } from './request-facts.ts';

const connection = new ConnectionFacts(ip('10.0.0.1'), { ip: ip('10.9.0.1'), port: 80 }, parseSpiffeId('spiffe://td/ns/ns/sa/client'));
const line = {
  host: 'App',
  method: 'GET',
  path: '/a?b',
  headers: [
    ['x-a', '1'],
    ['x-a', '2'],
    ['x-forwarded-for', '1.2.3.4'],
  ] as const,
};
const facts = new RequestFacts(connection, line, { iss: 'i', sub: 's', groups: ['g', 'h'] });
const limit = (given: Partial<Limit>): Limit => ({
  when: [],
  to: [],
  from: [],
  per: [],
  requests: 1,
  every: 1_000,
  scope: 'local',
  ...given,
});
const compile = (given: Partial<Limit>) => {
  const [compiled] = compileLimits([{ namespace: 'ns', name: 'l', createdAt: 0, targets: [], limits: [limit(given)] }], ['td']);
  if (compiled === undefined) throw new Error('one limit');
  return compiled;
};

test.each([
  ['source.principal', 'td/ns/ns/sa/client'],
  ['source.namespace', 'ns'],
  ['source.serviceAccount', 'ns/client'],
  ['source.ip', '10.0.0.1'],
  ['remote.ip', '1.2.3.4'],
  ['destination.ip', '10.9.0.1'],
  ['destination.port', '80'],
  ['request.host', 'app'],
  ['request.method', 'GET'],
  ['request.path', '/a'],
  ['request.headers[X-A]', '1,2'],
  ['request.auth.principal', 'i/s'],
  ['request.auth.claims[groups]', 'g,h'],
  ['request.moon', ''],
])('counted under %s', (key, want) => expect(compile({ per: [key] }).countedUnder(facts)).toEqual([want]));

test('what a client makes up is cut', () => {
  const long = new RequestFacts(connection, { ...line, path: `/${'x'.repeat(10_000)}` });
  expect(compile({ per: ['request.path'] }).countedUnder(long)[0]).toHaveLength(256);
});

test('conditions are those of policies; in doubt a request counts', () => {
  expect(compile({ to: [{ methods: ['POST'] }] }).applies(facts)).toBe(false);
  expect(compile({ to: [{ methods: ['GET'] }], from: [{ namespaces: ['ns'] }] }).applies(facts)).toBe(true);
  expect(compile({ when: [{ key: 'request.moon', values: ['x'], notValues: [] }] }).applies(facts)).toBe(true);
});

describe('buckets', () => {
  test('hold a burst and fill at the rate', () => {
    const buckets = new Buckets({ requests: 2, every: 1_000 });
    const taken = [0, 0, 0, 499, 500, 999, 1_000].map((now) => buckets.take('k', now).allowed);
    expect(taken).toEqual([true, true, false, false, true, false, true]);
  });
  test('say how long to wait, and it is true', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 0, max: 1e9 }),
        (requests, every, start) => {
          const buckets = new Buckets({ requests, every });
          let now = start;
          for (let n = 0; n < requests; n++) expect(buckets.take('k', now).allowed).toBe(true);
          for (let n = 0; n < 5; n++) {
            const { allowed, wait } = buckets.take('k', now);
            expect(allowed).toBe(false);
            now += wait;
            expect(buckets.take('k', now).allowed).toBe(true);
          }
        },
      ),
    );
  });
  test('may hold more or less than the rate', () => {
    const wide = new Buckets({ requests: 1, every: 1_000, burst: 3 });
    expect([0, 0, 0, 0].map(() => wide.take('k', 0).allowed)).toEqual([true, true, true, false]);
  });
  test('are apart for each key', () => {
    const buckets = new Buckets({ requests: 1, every: 1_000 });
    expect(['a', 'a', 'b'].map((key) => buckets.take(key, 0).allowed)).toEqual([true, false, true]);
  });
  test('of none let nothing through, ever', () => {
    expect(new Buckets({ requests: 0, every: 1_000 }).take('k', 0)).toEqual({
      allowed: false,
      remaining: 0,
      wait: Number.POSITIVE_INFINITY,
    });
  });
  test('are forgotten from 10,000 keys on, the one not used for longest first', () => {
    const buckets = new Buckets({ requests: 1, every: 1e9 });
    for (let n = 0; n < 10_000; n++) buckets.take(String(n), 0);
    buckets.take('0', 0);
    buckets.take('one more', 0);
    expect([buckets.take('0', 0).allowed, buckets.take('1', 0).allowed]).toEqual([false, true]);
  });
});
