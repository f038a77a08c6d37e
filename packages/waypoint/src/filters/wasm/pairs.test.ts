// Maps of headers in the form that plugins read and write.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPairs, writePairs } from './pairs.ts';

test('are written as a count, lengths, and texts that end with zeros', () => {
  expect([
    ...writePairs([
      ['a', '1'],
      ['b', '22'],
    ]),
  ]).toEqual([2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0x61, 0, 0x31, 0, 0x62, 0, 0x32, 0x32, 0]);
});

test.each([
  ['nothing', [], []],
  ['one zero', [0], []],
  ['a count of none', [0, 0, 0, 0], []],
  ['names are in lower case', [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x41, 0, 0], [['a', '']]],
  ['a count that is too large', [255, 255, 255, 255], undefined],
  ['a length that is too large', [1, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0x61, 0, 0], undefined],
  ['half a count', [1, 0], undefined],
])('are read from %s', (_, octets, expected) => {
  expect(readPairs(Uint8Array.from(octets))).toEqual(expected);
});

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((octet) => String.fromCharCode(octet)) });

test('come back as they were', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(latin1, latin1)), (pairs) => {
      expect(readPairs(writePairs(pairs))).toEqual(pairs.map(([name, value]) => [name.toLowerCase(), value]));
    }),
  );
});

test('octets of any kind get an answer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
      const pairs = readPairs(octets);
      if (pairs !== undefined) expect(pairs.length).toBeLessThanOrEqual(octets.length);
    }),
  );
});
