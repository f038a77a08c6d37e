// Who is near enough.
import { workload } from '@ambient-mesh/model/testing';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { describe, expect, test } from 'vitest';
import { Endpoint } from './endpoint.ts';
import { Links } from './links.ts';
import { near } from './locality.ts';

const place = (text: string) => {
  const [region = '', zone = '', subzone = ''] = text.split('/');
  return { region, zone, subzone };
};
const ports = { open: async () => Promise.reject(new Error('unused')), mayOpen: () => true, clock: fakeClock() };
const at = (name: string): Endpoint => {
  const links = new Links(ports, { idle: ms(1), requestsPerConnection: 0 });
  return new Endpoint({ workload: workload({ name, locality: place(name) }), port: 80 }, links);
};
const own = place('eu/a/1');
const names = (endpoints: readonly Endpoint[]): readonly string[] => endpoints.map((each) => each.workload.name);
const plain = { enabled: true, failover: [], distribute: [] };

describe('nearest first', () => {
  const rows: readonly (readonly [rule: string, there: readonly string[], want: readonly string[]])[] = [
    ['the same subzone', ['eu/a/1', 'eu/a/2', 'eu/b/1', 'us/a/1'], ['eu/a/1']],
    ['else the same zone', ['eu/a/2', 'eu/b/1', 'us/a/1'], ['eu/a/2']],
    ['else the same region', ['eu/b/1', 'eu/c/1', 'us/a/1'], ['eu/b/1', 'eu/c/1']],
    ['else anybody', ['us/a/1', 'asia/a/1'], ['us/a/1', 'asia/a/1']],
  ];
  for (const [rule, there, want] of rows) test(rule, () => expect(names(near(there.map(at), own, plain, () => 0))).toEqual(want));
  test('the region that failover names goes before others', () =>
    expect(names(near(['us/a/1', 'asia/a/1'].map(at), own, { ...plain, failover: [{ from: 'eu', to: 'asia' }] }, () => 0))).toEqual([
      'asia/a/1',
    ]));
  test('switched off', () => expect(near(['eu/a/1', 'us/a/1'].map(at), own, { ...plain, enabled: false }, () => 0)).toHaveLength(2));
});

describe('by share', () => {
  const distribute = [
    {
      from: 'eu/a/*',
      to: [
        ['eu/*', 80],
        ['us/a', 20],
      ] as const,
    },
  ];
  const all = ['eu/a/1', 'eu/b/1', 'us/a/1', 'us/b/1'].map(at);
  const drawn = (x: number, from = all) => names(near(from, own, { ...plain, distribute }, () => x));
  test('one place or the other, by chance', () => {
    expect(drawn(0.79)).toEqual(['eu/a/1', 'eu/b/1']);
    expect(drawn(0.81)).toEqual(['us/a/1']);
  });
  test('a place where nobody is left gives its share to the others', () =>
    expect(drawn(0.9, [at('eu/b/1'), at('us/b/1')])).toEqual(['eu/b/1']));
  test('nobody in any of the places: everybody', () => expect(drawn(0.5, [at('asia/a/1'), at('us/b/1')])).toEqual(['asia/a/1', 'us/b/1']));
});
