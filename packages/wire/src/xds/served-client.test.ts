// Order between types, the window of unanswered responses, and what answers mean.
import { ms } from '@ambient-mesh/runtime/time';
import { describe, expect, test } from 'vitest';
import { TestCollection } from '../testing/collection.ts';
import { ServedClient } from './served-client.ts';
import { ServedType } from './served-type.ts';

const limits = { bytes: 1 << 20, names: 1_000 };
const wildcard = { subscribe: [], unsubscribe: [], initial: {} };

function scene() {
  const policies = new TestCollection('policy', ['p1']);
  const addresses = new TestCollection('address', ['w1']);
  const client = new ServedClient(['policy', 'address']);
  const open = (collection: TestCollection): void => client.open(collection.typeUrl, new ServedType(collection, '', wildcard));
  /** What goes out until nothing more does; each is answered at once unless `answer` is false. */
  const drain = (answer = true): string[] => {
    const out: string[] = [];
    for (let next = client.next(limits, ms(0)); next !== undefined; next = client.next(limits, ms(0))) {
      out.push(...next.resources.map(({ name }) => `+${name}`), ...next.removed.map((name) => `-${name}`));
      if (answer) client.answer(next.typeUrl, next.nonce, undefined, ms(20));
    }
    return out;
  };
  return { policies, addresses, client, open, drain };
}

describe('order', () => {
  test('addresses wait for a subscription to policies, and go after them', () => {
    const { policies, addresses, client, open, drain } = scene();
    open(addresses);
    expect(client.holds).toBe(true);
    expect(drain()).toEqual([]);
    open(policies);
    expect(client.holds).toBe(false);
    expect(drain()).toEqual(['+p1', '+w1']);
  });

  test('a client that wants no policies gets its addresses when it is released', () => {
    const { addresses, client, open, drain } = scene();
    open(addresses);
    client.release();
    expect(drain()).toEqual(['+w1']);
  });

  test('new policies go before addresses, old ones leave after them', () => {
    const { policies, addresses, client, open, drain } = scene();
    open(policies);
    open(addresses);
    drain();
    policies.put('p2');
    policies.remove('p1');
    addresses.put('w2');
    addresses.remove('w1');
    client.changed('address', ['w1', 'w2'], ms(0));
    client.changed('policy', ['p1', 'p2'], ms(0));
    expect(drain()).toEqual(['+p2', '+w2', '-w1', '-p1']);
  });

  test('addresses wait while policies cannot go out', () => {
    const { policies, addresses, client, open, drain } = scene();
    open(policies);
    open(addresses);
    drain();
    for (let i = 0; i < 4; i++) {
      client.changed('policy', ['p1'], ms(0));
      drain(false);
    }
    client.changed('policy', ['p1'], ms(0));
    client.changed('address', ['w1'], ms(0));
    expect(drain()).toEqual([]);
    client.answer('policy', client.views(ms(25))[0]?.lastNonce ?? '', undefined, ms(20));
    expect(drain()).toEqual(['+p1', '+w1']);
    expect(addresses.size).toBe(1);
  });
});

describe('pace', () => {
  test('four responses without an answer, then changes merge', () => {
    const { addresses, policies, client, open, drain } = scene();
    open(policies);
    open(addresses);
    drain();
    for (let i = 0; i < 10; i++) {
      addresses.put(`n${i}`);
      client.changed('address', [`n${i}`], ms(0));
      expect(drain(false)).toEqual(i < 4 ? [`+n${i}`] : []);
    }
    client.answer('address', client.views(ms(25))[1]?.lastNonce ?? '', undefined, ms(20));
    expect(drain()).toEqual(['+n4', '+n5', '+n6', '+n7', '+n8', '+n9']);
  });
});

describe('answers', () => {
  const sent = () => {
    const all = scene();
    all.open(all.policies);
    all.client.changed('policy', ['p1'], ms(7));
    const next = all.client.next(limits, ms(10));
    return { ...all, nonce: next?.nonce ?? '' };
  };

  test('an acknowledgement says since when the change waited', () => {
    const { client, nonce } = sent();
    expect(client.oldestUnanswered).toBe(10);
    expect(client.answer('policy', nonce, undefined, ms(20))).toEqual({ as: 'acked', since: 7 });
    expect(client.oldestUnanswered).toBeUndefined();
  });

  test('a refusal is kept for the debug page, and nothing is sent again', () => {
    const { client, nonce, drain } = sent();
    expect(client.answer('policy', nonce, 'no good', ms(20)).as).toBe('refused');
    expect(client.views(ms(25))[0]).toMatchObject({ lastRefusal: 'no good', unanswered: 0, refused: true });
    expect(drain()).toEqual([]);
  });

  test('the debug page tells how long an answer is waited for, or ago, and that a refusal has been overcome', () => {
    const { client, nonce, policies, drain } = sent();
    expect(client.views(ms(25))[0]).toMatchObject({ refused: false, answeredAgo: undefined, unansweredFor: 15 });
    client.answer('policy', nonce, 'no good', ms(20));
    expect(client.views(ms(25))[0]).toMatchObject({ refused: true, answeredAgo: 5, unansweredFor: undefined });
    policies.put('p3');
    client.changed('policy', ['p3'], ms(21));
    drain();
    expect(client.views(ms(25))[0]).toMatchObject({ refused: false, lastRefusal: 'no good', answeredAgo: 5 });
  });

  test.each([
    ['another nonce', 'policy', '99'],
    ['another type', 'address', '1'],
  ])('%s is stale', (_, typeUrl, nonce) => {
    const { client } = sent();
    expect(client.answer(typeUrl, nonce, undefined, ms(20))).toEqual({ as: 'stale' });
    expect(client.views(ms(25))[0]?.unanswered).toBe(1);
  });

  test('twice the same is stale the second time', () => {
    const { client, nonce } = sent();
    client.answer('policy', nonce, undefined, ms(20));
    expect(client.answer('policy', nonce, undefined, ms(20)).as).toBe('stale');
  });
});
