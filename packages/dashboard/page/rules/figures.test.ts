// Every form of a figure.
import { expect, test } from 'vitest';
import { byteRate, count, counted, milliseconds, percent, rate } from './figures.ts';

const rows: readonly (readonly [name: string, written: string, want: string])[] = [
  ['no bytes are a dash', byteRate(0), '–'],
  ['what is not a number is a dash', byteRate(Number.NaN), '–'],
  ['a fraction of a byte is still traffic', byteRate(0.2), '<1 B/s'],
  ['bytes', byteRate(512), '512 B/s'],
  ['one decimal below ten', byteRate(1_240), '1.2 kB/s'],
  ['none from ten on', byteRate(12_400), '12 kB/s'],
  ['no decimal that says nothing', byteRate(3_000_000), '3 MB/s'],
  ['rounding moves to the next unit', byteRate(999_700), '1 MB/s'],
  ['beyond the last unit', byteRate(2_500e12), '2500 TB/s'],
  ['rates', rate(0.34), '0.3/s'],
  ['rare ones', rate(0.01), '<0.1/s'],
  ['thousands are grouped', rate(12_345), '12\u202f345/s'],
  ['counts', count(1_234_567), '1\u202f234\u202f567'],
  ['no errors', percent(0), '0 %'],
  ['rare errors', percent(0.0001), '<0.1 %'],
  ['errors', percent(0.254), '25 %'],
  ['all errors', percent(1), '100 %'],
  ['short times', milliseconds(0.4), '<1 ms'],
  ['times', milliseconds(4.26), '4.3 ms'],
  ['long times', milliseconds(1_500), '1.5 s'],
  ['no things', counted(0, 'edge'), 'no edges'],
  ['one thing', counted(1, 'policy', 'policies'), '1 policy'],
  ['things', counted(2, 'policy', 'policies'), '2 policies'],
];
for (const [name, written, want] of rows) test(name, () => expect(written).toBe(want));
