// Which requests are refused for being too many, by local counters and by a service; what the client is told.
import type { Limit } from '@ambient-mesh/model/l7/policy';
import { compileLimits } from '@ambient-mesh/model/l7/rate-limit';
import { ConnectionFacts, RequestFacts } from '@ambient-mesh/model/l7/request-facts';
import type { Provider } from '@ambient-mesh/model/l7/settings';
import { parseSpiffeId } from '@ambient-mesh/model/spiffe';
import { ip } from '@ambient-mesh/model/testing';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { frame } from '@ambient-mesh/wire/grpc/framing';
import { RateLimitRequestSchema, RateLimitResponse_Code, RateLimitResponseSchema } from '@ambient-mesh/wire/messages/rate_limit_pb';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import type { Call } from './call.ts';
import { GlobalLimits } from './global-limits.ts';
import { LimitCounters, LocalLimits } from './local-limits.ts';

const limit = (given: Partial<Limit>): Limit => ({
  when: [],
  to: [],
  from: [],
  per: [],
  requests: 2,
  every: 10_000,
  scope: 'local',
  ...given,
});
const compile = (...limits: readonly Limit[]) => compileLimits([{ namespace: 'ns', name: 'l', createdAt: 0, targets: [], limits }], ['td']);

function facts(path = '/', account = 'client'): RequestFacts {
  const connection = new ConnectionFacts(
    ip('10.0.0.1'),
    { ip: ip('10.9.0.1'), port: 80 },
    parseSpiffeId(`spiffe://td/ns/ns/sa/${account}`),
  );
  return new RequestFacts(connection, { host: 'app', method: 'GET', path, headers: [] });
}
const never = new AbortController().signal;

describe('local', () => {
  test('the third of two is told when to come again', async () => {
    const clock = fakeClock();
    const limits = new LocalLimits(compile(limit({})), new LimitCounters(), clock);
    expect([limits.check(facts()), limits.check(facts())]).toEqual([undefined, undefined]);
    expect(limits.check(facts())).toEqual({
      status: 429,
      headers: [
        ['x-envoy-ratelimited', 'true'],
        ['x-ratelimit-limit', '2'],
        ['x-ratelimit-remaining', '0'],
        ['x-ratelimit-reset', '5'],
        ['retry-after', '5'],
      ],
      body: 'local_rate_limited',
      details: 'local_rate_limited',
      limit: 'ns/l/0',
    });
    await clock.advance(ms(5_000));
    expect(limits.check(facts())).toBeUndefined();
  });

  test('each caller has a counter where that is wanted, and only requests that match count', () => {
    const limits = new LocalLimits(
      compile(limit({ requests: 1, per: ['source.principal'], to: [{ paths: ['/x'] }] })),
      new LimitCounters(),
      fakeClock(),
    );
    const asked = [facts('/x'), facts('/x'), facts('/x', 'other'), facts('/y'), facts('/y')];
    expect(asked.map((each) => limits.check(each)?.status)).toEqual([undefined, 429, undefined, undefined, undefined]);
  });

  test('of none: no time to come again', () => {
    const limits = new LocalLimits(compile(limit({ requests: 0 })), new LimitCounters(), fakeClock());
    expect(limits.check(facts())?.headers.map(([name]) => name)).not.toContain('retry-after');
  });

  test('counters outlive a new configuration unless the limit itself is another', () => {
    const counters = new LimitCounters();
    const clock = fakeClock();
    const once = (given: Partial<Limit>) =>
      new LocalLimits(compile(limit({ requests: 1, ...given })), counters, clock).check(facts())?.status;
    expect([once({}), once({}), once({ every: 5_000 }), once({})]).toEqual([undefined, 429, undefined, 429]);
  });
});

describe('global', () => {
  const provider: Provider = { name: 'p', kind: 'rate-limit', service: 'ns/limits.ns.svc', port: 8081, timeout: 20, domain: 'mesh' };
  const global = (given: Partial<Limit> = {}) => limit({ scope: 'global', provider: 'p', per: ['request.path'], ...given });

  function scene(limits: readonly Limit[], answer: object | Error) {
    const questions: unknown[] = [];
    const failures: string[] = [];
    const call: Call = async (_, { path, body }) => {
      questions.push({ path, ...fromBinary(RateLimitRequestSchema, body.subarray(5)) });
      if (answer instanceof Error) throw answer;
      const message = toBinary(RateLimitResponseSchema, create(RateLimitResponseSchema, answer));
      return { status: 200, headers: [], trailers: [['grpc-status', '0']], body: frame(message) };
    };
    const filter = new GlobalLimits(compile(...limits), [provider], { call, failed: (name, why) => void failures.push(`${name}: ${why}`) });
    return { filter, questions, failures };
  }
  const { OK, OVER_LIMIT } = RateLimitResponse_Code;

  test('one question for all limits of a service, local ones left out', async () => {
    const { filter, questions } = scene([global(), limit({}), global({ per: [], to: [{ methods: ['PUT'] }] }), global({ every: 60_000 })], {
      overallCode: OK,
    });
    expect(await filter.check(facts('/x'), never)).toBeUndefined();
    expect(questions).toMatchObject([
      {
        path: '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
        domain: 'mesh',
        descriptors: [
          {
            entries: [
              { key: 'generic_key', value: 'ns/l/0' },
              { key: 'request.path', value: '/x' },
            ],
          },
          { entries: [{ value: 'ns/l/3' }, { value: '/x' }], limit: { requestsPerUnit: 2 } },
        ],
      },
    ]);
  });

  test('nothing to ask about: nobody is asked', async () => {
    const { filter, questions } = scene([global({ to: [{ methods: ['PUT'] }] })], new Error('asked'));
    expect([await filter.check(facts(), never), questions]).toEqual([undefined, []]);
  });

  test('over the limit: 429 with what the service says', async () => {
    const statuses = [{ code: OVER_LIMIT, durationUntilReset: { seconds: 3n } }];
    const responseHeadersToAdd = [
      { key: 'X-RateLimit-Reset', value: '9' },
      { key: 'host', value: 'x' },
    ];
    const { filter } = scene([global()], { overallCode: OVER_LIMIT, statuses, responseHeadersToAdd, rawBody: Buffer.from('slow down') });
    expect(await filter.check(facts(), never)).toEqual({
      status: 429,
      headers: [
        ['x-envoy-ratelimited', 'true'],
        ['x-ratelimit-reset', '9'],
        ['retry-after', '3'],
      ],
      body: 'slow down',
      details: 'request_rate_limited',
    });
  });

  test.each([
    ['nobody there', {}, new Error('refused'), 'p: refused'],
    ['an answer that decides nothing', {}, {}, 'p: the answer is no RateLimitResponse'],
    ['no such provider', { provider: 'q' }, {}, 'q: there is no such provider of rate limits'],
  ])('%s: let pass, or refused if that is wanted', async (_, given, answer, failure) => {
    const open = scene([global(given)], answer);
    expect([await open.filter.check(facts(), never), open.failures]).toEqual([undefined, [failure]]);
    const closed = scene([global({ ...given, failOpen: false })], answer);
    expect(await closed.filter.check(facts(), never)).toMatchObject({ status: 429, details: 'rate_limiter_error' });
  });
});
