// What is asked, acknowledged and claimed: the bookkeeping of xDS without a stream.
import { describe, expect, test } from 'vitest';
import { addressType, authorizationType, type Outcome, Subscription } from './subscription.ts';

const node = { id: 'n', metadata: {} };
const outcome = (given: Partial<Outcome>): Outcome => ({
  typeUrl: addressType,
  nonce: 'x',
  accepted: [],
  removed: [],
  rejected: [],
  ...given,
});
const versionsOf = (s: Subscription, pending: string[] = []) => s.opening(pending).map((request) => request.initialResourceVersions);

describe('opening a stream', () => {
  test('asks for all addresses, then all policies, with the node in both and no names', () => {
    expect(new Subscription(node, false).opening([])).toEqual([
      { node, typeUrl: addressType, initialResourceVersions: {} },
      { node, typeUrl: authorizationType, initialResourceVersions: {} },
    ]);
  });

  test('on demand, asks for `*` and gives it back, of addresses only', () => {
    const [addresses, policies] = new Subscription(node, true).opening([]);
    expect(addresses).toMatchObject({ resourceNamesSubscribe: ['*'], resourceNamesUnsubscribe: ['*'] });
    expect(policies).not.toHaveProperty('resourceNamesSubscribe');
  });

  test('tells the version last accepted of each name, by type', () => {
    const s = new Subscription(node, false);
    s.received(
      outcome({
        accepted: [
          { name: 'a', version: '1' },
          { name: 'b', version: '1' },
        ],
      }),
    );
    s.received(outcome({ accepted: [{ name: 'a', version: '2' }] }));
    s.received(outcome({ typeUrl: authorizationType, accepted: [{ name: 'p', version: '9' }] }));
    expect(versionsOf(s)).toEqual([{ a: '2', b: '1' }, { p: '9' }]);
  });

  test('does not claim what was removed', () => {
    const s = new Subscription(node, false);
    s.received(outcome({ accepted: [{ name: 'a', version: '1' }] }));
    s.received(outcome({ removed: ['a', 'unknown'] }));
    expect(versionsOf(s)).toEqual([{}, {}]);
  });

  test('does not claim what was rejected, but still claims the good copy from before', () => {
    const s = new Subscription(node, false);
    s.received(outcome({ accepted: [{ name: 'a', version: '1' }] }));
    s.received(
      outcome({
        rejected: [
          { name: 'a', reason: 'no' },
          { name: 'b', reason: 'no' },
        ],
      }),
    );
    expect(versionsOf(s)).toEqual([{ a: '1' }, {}]);
  });

  test('lists names that were asked for and not answered, without version', () => {
    const s = new Subscription(node, true);
    s.received(outcome({ accepted: [{ name: 'a', version: '1' }] }));
    expect(versionsOf(s, ['a', 'b'])).toEqual([{ a: '1', b: '' }, {}]);
  });
});

describe('answering a response', () => {
  const s = new Subscription(node, false);
  const bad = (n: number) => Array.from({ length: n }, (_, i) => ({ name: `r${i}`, reason: 'bad '.repeat(10) }));

  test('an acknowledgement is type and nonce, nothing else', () => {
    expect(s.received(outcome({ nonce: 'n1' }))).toEqual({ typeUrl: addressType, responseNonce: 'n1' });
  });

  test('a refusal names each resource and its reason', () => {
    const rejected = [
      { name: 'a', reason: 'x' },
      { name: 'b', reason: 'y' },
    ];
    expect(s.received(outcome({ rejected }))).toEqual({ typeUrl: addressType, responseNonce: 'x', errorDetail: { message: 'a: x; b: y' } });
  });

  test.each([
    ['of many resources is cut, and says how many more', bad(10_000), /; and \d+ more$/],
    ['of an endless name is cut', [{ name: 'n'.repeat(1e6), reason: '' }], /^n+; and 1 more$/],
  ])('a refusal %s', (_rule, rejected, end) => {
    const { errorDetail } = s.received(outcome({ rejected }));
    expect(errorDetail?.message?.length).toBeLessThan(8_300);
    expect(errorDetail?.message).toMatch(end);
  });

  test('an unknown type is acknowledged and not held', () => {
    const fresh = new Subscription(node, false);
    expect(fresh.received(outcome({ typeUrl: 'other', accepted: [{ name: 'a', version: '1' }] }))).toEqual({
      typeUrl: 'other',
      responseNonce: 'x',
    });
    expect(versionsOf(fresh)).toEqual([{}, {}]);
    expect(fresh.synced).toBe(false);
  });
});

describe('being synced', () => {
  const refused = [{ name: 'a', reason: 'x' }];
  const rows: readonly (readonly [rule: string, onDemand: boolean, responses: readonly Partial<Outcome>[], want: boolean])[] = [
    ['nothing yet', false, [], false],
    ['addresses alone are not enough', false, [{}], false],
    ['policies alone are not enough', false, [{ typeUrl: authorizationType }], false],
    ['both are', false, [{}, { typeUrl: authorizationType }], true],
    ['a refused response does not count', false, [{ rejected: refused }, { typeUrl: authorizationType }], false],
    ['a later good one does', false, [{ rejected: refused }, { typeUrl: authorizationType }, {}], true],
    ['once synced, a refusal changes nothing', false, [{}, { typeUrl: authorizationType }, { rejected: refused }], true],
    ['on demand, policies are enough', true, [{ typeUrl: authorizationType }], true],
    ['on demand, addresses are not', true, [{}], false],
  ];
  test.each(rows)('%s', (_rule, onDemand, responses, want) => {
    const s = new Subscription(node, onDemand);
    for (const given of responses) s.received(outcome(given));
    expect(s.synced).toBe(want);
  });
});
