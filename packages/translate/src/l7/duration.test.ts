// Durations and dates as objects write them.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { metaOf } from '../kinds/read.ts';
import { createdAt } from './age.ts';
import { durationOf, gatewayDuration } from './duration.ts';

describe('durations', () => {
  const rows: readonly (readonly [written: string, istio: number | undefined, gateway: number | undefined])[] = [
    ['10s', 10_000, 10_000],
    ['500ms', 500, 500],
    ['1h30m', 5_400_000, 5_400_000],
    ['1h2m3s4ms', 3_723_004, 3_723_004],
    ['0s', 0, 0],
    ['1.5s', 1_500, undefined],
    ['100us', 1, undefined],
    ['1h1h1h1h1h', 18_000_000, undefined],
    ['123456s', 123_456_000, undefined],
    ['-1s', undefined, undefined],
    ['1', undefined, undefined],
    ['', undefined, undefined],
    ['1 s', undefined, undefined],
    ['1d', undefined, undefined],
    ['.5s', undefined, undefined],
    [`${'9'.repeat(30)}h`, undefined, undefined],
  ];
  for (const [written, istio, gateway] of rows)
    test(JSON.stringify(written), () => {
      expect(durationOf(written)).toBe(istio);
      expect(gatewayDuration(written)).toBe(gateway);
    });
  test('absent', () => expect(durationOf(undefined)).toBeUndefined());
});

describe('when an object was made', () => {
  test('is in milliseconds, for any second of five centuries', () => {
    const moment = fc.date({ min: new Date('1900-01-01T00:00:00Z'), max: new Date('2400-01-01T00:00:00Z'), noInvalidDate: true });
    fc.assert(
      fc.property(moment, (date) => {
        const creationTimestamp = `${date.toISOString().slice(0, 19)}Z`;
        const meta = metaOf({ metadata: { name: 'x', creationTimestamp } });
        expect(createdAt(meta?.createdAt ?? 0)).toBe(Date.parse(creationTimestamp));
      }),
    );
  });
  test('is nothing for an object that does not say', () => expect(createdAt(0)).toBe(0));
});
