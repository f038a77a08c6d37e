// What waypoints cannot do of a VirtualService: it is said, and nothing is done halfway.
import { compileRoute } from '@ambient-mesh/model/l7/route-compile';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { translatedVirtual } from '../testing/virtual-services.ts';

const route = [{ destination: { host: 'reviews' } }];
const share = (value: number) => ({ value });

describe('what is not done as written is said', () => {
  const never = 'a match of sourceLabels or sourceNamespace never holds at a waypoint';
  const refused = (why: string) => [expect.objectContaining({ filters: [{ filter: 'respond', status: 500, why }], backends: [] })];
  const problems: readonly (readonly [rule: string, http: object, problem: string, told: unknown])[] = [
    ['a match of the client', { match: [{ sourceLabels: { a: 'b' } }], route }, `http[0]: ${never}`, []],
    ['of its namespace', { match: [{ sourceNamespace: 'a' }], route }, `http[0]: ${never}`, []],
    [
      'no such destination',
      { route: [{ destination: { host: 'none' } }] },
      'http[0]: the mesh has no service none',
      [expect.objectContaining({ backends: [{ weight: 1, to: { invalid: 'the mesh has no service none' }, filters: [] }] })],
    ],
    [
      'no such port',
      { route: [{ destination: { host: 'reviews', port: { number: 1 } } }] },
      'http[0]: service reviews has no port 1',
      [expect.objectContaining({ backends: [{ weight: 1, to: { invalid: 'service reviews has no port 1' }, filters: [] }] })],
    ],
    [
      'another VirtualService',
      { delegate: { name: 'x' } },
      'http[0]: it delegates, which waypoints do not do',
      refused('it delegates, which waypoints do not do'),
    ],
    [
      'no status of a redirect',
      { redirect: { redirectCode: 200 } },
      'http[0]: 200 is no status of a redirect',
      refused('200 is no status of a redirect'),
    ],
    [
      'no status of an answer',
      { directResponse: { status: 99 } },
      'http[0]: 99 is no status of an answer',
      refused('99 is no status of an answer'),
    ],
    [
      'no value of a header',
      { headers: { request: { set: { a: 'b\n' } } }, route },
      'http[0]: invalid value of header a',
      refused('invalid value of header a'),
    ],
    ['no scheme', { redirect: { scheme: 'ftp' } }, 'http[0]: scheme ftp is not known', refused('scheme ftp is not known')],
    ['no duration', { timeout: 'x', route }, 'http[0]: timeout x is no duration', [expect.not.objectContaining({ requestTimeout: 0 })]],
    [
      'an unknown retry',
      { retries: { attempts: 1, retryOn: 'x' }, route },
      'http[0]: retryOn x is not known to waypoints',
      expect.anything(),
    ],
    [
      'a fault for nobody',
      { fault: { delay: { fixedDelay: '1s' } }, route },
      'http[0]: its delay names no percentage, and so delays nothing',
      [expect.objectContaining({ filters: [] })],
    ],
    [
      'an abort of nothing',
      { fault: { abort: { percentage: share(1) } }, route },
      'http[0]: its abort names neither an HTTP status nor a gRPC status that is known',
      [expect.objectContaining({ filters: [] })],
    ],
  ];
  for (const [rule, http, problem, told] of problems)
    test(rule, () => {
      const answer = translatedVirtual({ http: [http] });
      expect(answer.problems).toEqual([problem]);
      expect(answer.route?.http).toEqual(told);
    });

  test('a regular expression that is none: its match never holds', () => {
    const answer = translatedVirtual({ http: [{ match: [{ uri: { regex: '(' } }, { uri: { exact: '/' } }], route }] });
    expect(answer.route?.http[0]?.matches).toEqual([{ path: { exact: '/' } }]);
    expect(answer.problems[0]).toMatch(/^http\[0\]: regular expression "\("/);
  });
});

test('a small object does not become a large route', () => {
  const http = Array.from({ length: 6_000 }, () => ({ route: [{ destination: { host: 'many' } }] }));
  const { route: made, problems } = translatedVirtual({ hosts: ['many'], http });
  expect(made?.http).toHaveLength(10_000);
  expect(problems).toEqual(['it comes to more than 10000 rules: those beyond are left out']);
});

test('whatever the object holds, there is an answer', () => {
  const name = fc.constantFrom(
    'match',
    'uri',
    'exact',
    'route',
    'destination',
    'host',
    'port',
    'number',
    'redirect',
    'rewrite',
    'fault',
    'delay',
    'retries',
    'corsPolicy',
    'mirrors',
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(fc.string(), fc.double(), fc.constantFrom('reviews', 'many', '*'), fc.boolean(), fc.constant(null)),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(name, tie('tree'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(tree, tree, tree, (http, tcp, tls) => {
      const { route: made } = translatedVirtual({ http: [http, tcp], tcp: [tcp], tls, hosts: ['*'] });
      expect(made).toBeDefined();
      // And it is one that waypoints take.
      if (made !== undefined) compileRoute(made);
    }),
    { numRuns: 300 },
  );
});
