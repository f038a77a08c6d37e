// Baggage, written and read (facts: ztunnel §2.6).
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Baggage, encodeBaggage, readBaggage } from './baggage.ts';

const full: Baggage = {
  clusterId: 'c1',
  namespace: 'ns',
  workloadType: 'deployment',
  workloadName: 'web',
  canonicalName: 'web-app',
  canonicalRevision: 'v2',
  region: 'r1',
  zone: 'z1',
};
const text =
  'k8s.cluster.name=c1,k8s.namespace.name=ns,k8s.deployment.name=web,service.name=web-app,service.version=v2,cloud.region=r1,cloud.availability_zone=z1';

test('all parts, in order', () => {
  expect(encodeBaggage(full)).toBe(text);
});

test('empty and missing parts are left out', () => {
  expect(encodeBaggage({ namespace: 'ns', workloadName: '', canonicalName: '' })).toBe('k8s.namespace.name=ns');
  expect(encodeBaggage({})).toBe('');
});

describe('reading', () => {
  const rows: readonly (readonly [rule: string, lines: readonly string[], want: Baggage | undefined])[] = [
    ['all parts', [text], full],
    ['no header', [], undefined],
    ['several headers are one list', ['k8s.cluster.name=c1', 'service.name=x'], { clusterId: 'c1', canonicalName: 'x' }],
    ['unknown keys are ignored', ['a=b,service.name=x,,=,c'], { canonicalName: 'x' }],
    ['an empty value is absent', ['service.name='], {}],
    ['the value ends at a second equals sign', ['service.name=a=b'], { canonicalName: 'a' }],
    ['spaces are not trimmed', [' service.name=a'], {}],
    ['any kind of workload', ['k8s.cronjob.name=j'], { workloadType: 'cronjob', workloadName: 'j' }],
    ['a value that is not ASCII means no baggage at all', ['service.name=x', 'cloud.region=\xe4'], undefined],
  ];
  for (const [rule, lines, want] of rows) {
    test(rule, () => {
      expect(readBaggage(lines.map((line) => ['baggage', line]))).toEqual(want);
    });
  }
});

test('no value throws', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (value) => void readBaggage([['baggage', value]])));
});

test('plain values read back', () => {
  const word = fc.stringMatching(/^[a-z0-9.-]{1,20}$/);
  const baggage = fc.record({
    clusterId: word,
    namespace: word,
    workloadName: word,
    canonicalName: word,
    canonicalRevision: word,
    region: word,
    zone: word,
  });
  fc.assert(
    fc.property(baggage, (parts) => {
      const said = { ...parts, workloadType: 'pod' };
      expect(readBaggage([['baggage', encodeBaggage(said)]])).toEqual(said);
    }),
  );
});
