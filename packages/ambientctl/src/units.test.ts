// Ages and amounts as people read them.
import { expect, test } from 'vitest';
import { ageText, bytesText } from './units.ts';

const ages: readonly (readonly [seconds: number, text: string])[] = [
  [-1, '0s'],
  [0, '0s'],
  [59.9, '59s'],
  [60, '1m'],
  [192, '3m12s'],
  [600, '10m'],
  [3_599, '59m'],
  [3_600, '1h'],
  [172_800, '2d'],
];
for (const [seconds, text] of ages) test(`${seconds} s are ${text}`, () => expect(ageText(seconds)).toBe(text));

const amounts: readonly (readonly [bytes: number, text: string])[] = [
  [0, '0 B'],
  [999, '999 B'],
  [999.6, '1.0 kB'],
  [1_500, '1.5 kB'],
  [9_949, '9.9 kB'],
  [9_950, '10 kB'],
  [12_000_000, '12 MB'],
  [999_500_000, '1.0 GB'],
  [5e15, '5000 TB'],
];
for (const [bytes, text] of amounts) test(`${bytes} bytes are ${text}`, () => expect(bytesText(bytes)).toBe(text));
