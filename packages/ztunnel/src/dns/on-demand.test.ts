// Names are asked for once while an answer holds, for both families, and never more than the cache has room for.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { describe, expect, test } from 'vitest';
import { type LookUp, OnDemandNames } from './on-demand.ts';

function start(lookUp: LookUp, ipv6 = true) {
  const asked: string[] = [];
  const clock = fakeClock();
  const counting: LookUp = (hostname, family) => {
    asked.push(`${hostname}/${family}`);
    return lookUp(hostname, family);
  };
  return { asked, clock, names: new OnDemandNames({ lookUp: counting, clock, ipv6 }) };
}
const both: LookUp = async (_, family) => (family === 4 ? [{ address: '192.0.2.1', ttl: 10 }] : [{ address: '2001:DB8::1', ttl: 20 }]);

describe('on-demand names', () => {
  test('both families, IPv4 first, canonical', async () =>
    expect(await start(both).names.resolve('a')).toEqual(['192.0.2.1', '2001:db8::1']));
  test('IPv4 only when IPv6 is off', async () => {
    const { names, asked } = start(both, false);
    expect(await names.resolve('a')).toEqual(['192.0.2.1']);
    expect(asked).toEqual(['a/4']);
  });
  test('one family failing does not lose the other', async () => {
    const { names } = start((hostname, family) => (family === 4 ? Promise.reject(new Error('ENODATA')) : both(hostname, family)));
    expect(await names.resolve('a')).toEqual(['2001:db8::1']);
  });
  test('an address needs no look-up', async () => {
    const { names, asked } = start(both);
    expect([await names.resolve('10.0.0.1'), asked]).toEqual([['10.0.0.1'], []]);
  });
  test('askers at the same time share one look-up', async () => {
    const { names, asked } = start(both);
    await Promise.all([names.resolve('a'), names.resolve('a')]);
    expect(asked).toEqual(['a/4', 'a/6']);
  });
  test('kept for the shortest TTL', async () => {
    const { names, asked, clock } = start(both, true);
    await names.resolve('a');
    await clock.advance(ms(9_999));
    await names.resolve('a');
    expect(asked).toHaveLength(2);
    await clock.advance(ms(1));
    await names.resolve('a');
    expect(asked).toHaveLength(4);
  });
  test('a failure is empty and kept for a second', async () => {
    const { names, asked, clock } = start(() => Promise.reject(new Error('ENOTFOUND')), false);
    expect(await names.resolve('a')).toEqual([]);
    expect(await names.resolve('a')).toEqual([]);
    expect(asked).toHaveLength(1);
    await clock.advance(ms(1_000));
    await names.resolve('a');
    expect(asked).toHaveLength(2);
  });
  test('beyond 4096 names the one that was not used for longest is forgotten', async () => {
    const { names, asked } = start(both, false);
    for (let n = 0; n < 4_096; n++) await names.resolve(`n${n}`);
    await names.resolve('n0');
    await names.resolve('one-more');
    await names.resolve('n0');
    expect(asked).toHaveLength(4_097);
    await names.resolve('n1');
    expect(asked).toHaveLength(4_098);
  });
});
