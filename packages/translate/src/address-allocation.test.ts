// Addresses given out to hosts that have none.
import { familyOf, parseIp } from '@ambient-mesh/model/address';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Allocation, allocate } from './address-allocation.ts';
import type { ServiceEntry } from './kinds/entries.ts';
import { serviceEntryOf } from './testing/services.ts';

const keyOf = ({ meta }: ServiceEntry) => `${meta.namespace}/${meta.name}`;

/** As after the leader has written its decisions. */
function settled(entries: readonly ServiceEntry[]): readonly ServiceEntry[] {
  const changed = allocate(entries);
  return entries.map((entry) => ({ ...entry, allocated: changed.get(keyOf(entry)) ?? entry.allocated }));
}

const only = (entry: ServiceEntry): readonly Allocation[] => settled([entry])[0]?.allocated ?? [];
const host = 'example.com';

test('one address of each family for each host, in the ranges, and nothing more to do then', () => {
  const entry = serviceEntryOf({ hosts: [host, 'b.com'] });
  const given = only(entry);
  expect(given.map((each) => `${each.host} ${each.value.replace(/\d+\.\d+$/, '_').replace(/::.*/, '::_')}`)).toEqual([
    'example.com 240.240._',
    'example.com 2001:2::_',
    'b.com 240.240._',
    'b.com 2001:2::_',
  ]);
  expect(new Set(given.map(({ value }) => value)).size).toBe(4);
  expect(given.every(({ value }) => parseIp(value) === value)).toBe(true);
  expect(allocate([{ ...entry, allocated: given }])).toEqual(new Map());
});

const idle: readonly (readonly [rule: string, entry: ServiceEntry])[] = [
  ['one with addresses', serviceEntryOf({ addresses: ['10.0.0.1'] })],
  ['one without resolution', serviceEntryOf({ resolution: 'NONE' })],
  ['one that opted out', serviceEntryOf({ meta: { labels: { 'networking.istio.io/enable-autoallocate-ip': 'FALSE' } } })],
  ['a wildcard', serviceEntryOf({ hosts: ['*.a.com'], resolution: 'DNS' })],
  ['one whose status lists some from before', serviceEntryOf({ resolution: 'NONE', allocated: [{ host, value: '240.240.0.9' }] })],
];
for (const [rule, entry] of idle) test(`left as it is: ${rule}`, () => expect(allocate([entry])).toEqual(new Map()));

test('a wildcard that is resolved on the way takes addresses', () => {
  expect(only(serviceEntryOf({ hosts: ['*.a.com'], resolution: 'DYNAMIC_DNS' }))).toHaveLength(2);
});

const kept = [
  { host, value: '240.240.9.9' },
  { host, value: '2001:2::9' },
];
const has = (...allocated: readonly Allocation[]) => serviceEntryOf({ allocated });

describe('what it has', () => {
  const rows: readonly (readonly [rule: string, entry: ServiceEntry, keeps: readonly string[]])[] = [
    ['it keeps', has(...kept), ['240.240.9.9', '2001:2::9']],
    ['in any order', has(...kept.toReversed()), ['2001:2::9', '240.240.9.9']],
    ['anywhere in the wide range', has({ host, value: '2001:2:0:ffff::1' }), ['2001:2:0:ffff::1']],
    ['of each family only the first', has(...kept, { host, value: '240.240.9.8' }), ['240.240.9.9', '2001:2::9']],
    ['not outside the ranges', has({ host, value: '10.0.0.1' }), []],
    ['not what is no address', has({ host, value: 'x' }), []],
    ['not what another of its hosts had', has({ host: 'gone.com', value: '240.240.9.9' }), []],
  ];
  for (const [rule, entry, keeps] of rows) {
    test(rule, () => {
      const values = only(entry).map(({ value }) => value);
      expect(values).toHaveLength(2);
      expect(entry.allocated.map(({ value }) => value).filter((value) => values.includes(value))).toEqual(keeps);
    });
  }
});

test('of two that have the same address the older keeps it', () => {
  const young = serviceEntryOf({ meta: { name: 'a', createdAt: 2 }, allocated: kept });
  const old = serviceEntryOf({ meta: { name: 'b', createdAt: 1 }, allocated: kept });
  const changed = allocate([young, old]);
  expect([...changed.keys()]).toEqual(['ns/a']);
  expect(changed.get('ns/a')).toHaveLength(2);
  expect(changed.get('ns/a')?.some(({ value }) => kept.some((each) => each.value === value))).toBe(false);
});

test('an address that somebody wrote into an entry takes none away, and is not given out', () => {
  const [first] = only(serviceEntryOf());
  const claims = serviceEntryOf({ meta: { name: 'claims' }, addresses: ['240.240.9.9', first?.value ?? ''] });
  expect(allocate([has(...kept), claims])).toEqual(new Map());
  const [, fresh] = settled([claims, serviceEntryOf()]);
  expect(fresh?.allocated.map(({ value }) => value)).not.toContain(first?.value);
});

test('a full range leaves hosts without, and does not take long to say so', () => {
  const full = serviceEntryOf({ meta: { name: 'full' }, hosts: Array.from({ length: 66_000 }, (_, at) => `${at}.com`) });
  const given = only(full);
  expect(given.filter(({ value }) => familyOf(parseIp(value) ?? ('' as never)) === 4)).toHaveLength(65_521);
  expect(given).toHaveLength(65_521 + 66_000);
  expect(new Set(given.map(({ value }) => value)).size).toBe(given.length);
});

test('no two hosts ever share an address, the order of entries does not matter, and one pass is enough', () => {
  const value = fc.oneof(fc.constantFrom('240.240.0.1', '240.240.0.2', '2001:2::1', '2001:2::2', 'x'), fc.string({ maxLength: 5 }));
  const name = fc.constantFrom('a.com', 'b.com', '*.c.com');
  const entry = fc.record({
    createdAt: fc.nat(2),
    hosts: fc.array(name, { maxLength: 3 }),
    allocated: fc.array(fc.record({ host: name, value }), { maxLength: 4 }),
    addresses: fc.oneof(fc.constant([]), fc.array(value, { maxLength: 1 })),
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 5 }), (given) => {
      const entries = given.map(({ createdAt, ...rest }, at) => serviceEntryOf({ ...rest, meta: { name: `e${at}`, createdAt } }));
      const after = settled(entries);
      const values = after
        .filter(({ addresses, hosts }) => addresses.length === 0 && hosts.some((each) => !each.startsWith('*')))
        .flatMap(({ allocated }) => allocated.map((each) => each.value));
      expect(new Set(values).size).toBe(values.length);
      expect(allocate(after)).toEqual(new Map());
      expect(settled(entries.toReversed()).toReversed()).toEqual(after);
    }),
  );
});
