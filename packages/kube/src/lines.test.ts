// Lines out of chunks, however the bytes are cut.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from './lines.ts';

const split = (chunks: readonly Buffer[], max = 1_000) => {
  const lines = new LineSplitter('watch things', max);
  return { lines: chunks.flatMap((chunk) => [...lines.push(chunk)]), held: lines.held };
};

test('lines come out the same, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat(50)), (texts, cuts) => {
      const wanted = texts.map((text) => text.replaceAll('\n', ' '));
      const bytes = Buffer.from(wanted.map((text) => `${text}\n`).join(''));
      const chunks: Buffer[] = [];
      let at = 0;
      for (const cut of cuts) {
        chunks.push(bytes.subarray(at, at + cut));
        at += cut;
      }
      chunks.push(bytes.subarray(at));
      expect(split(chunks, 100_000)).toEqual({ lines: wanted, held: 0 });
    }),
  );
});

test('an unfinished line is held, and counted', () => {
  expect(split([Buffer.from('a\nbc')])).toEqual({ lines: ['a'], held: 2 });
});

test('a line may be as long as the limit, not longer', () => {
  expect(split([Buffer.from('abc'), Buffer.from('d\n')], 4).lines).toEqual(['abcd']);
  for (const chunks of [['abcde\n'], ['abc', 'de'], ['abc', 'de\n']]) {
    expect(() =>
      split(
        chunks.map((chunk) => Buffer.from(chunk)),
        4,
      ),
    ).toThrow('longer than 4 bytes');
  }
});

test('a long line in many pieces takes time in proportion to its length', () => {
  const lines = new LineSplitter('watch things', 16 * 1024 * 1024);
  const piece = Buffer.alloc(64, 'x');
  for (let i = 0; i < 200_000; i++) for (const _ of lines.push(piece)) throw new Error('no line yet');
  expect([...lines.push(Buffer.from('\n'))][0]).toHaveLength(64 * 200_000);
});
