// What a module may be: bounded memory and tables, functions over plain values, nothing shared, nothing imported but functions.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { code, number, plugin, Texts } from '../../testing/wasm.ts';
import { limitModule } from './module-limits.ts';

const magic = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const megabyte = 1 << 20;
const limited = (sections: readonly number[], memory = megabyte) => limitModule(Uint8Array.from([...magic, ...sections]), memory);
const outcome = (sections: readonly number[]) => {
  const result = limited(sections);
  return 'unfit' in result ? result.unfit : [...result.bytes.subarray(8)];
};

describe('memory', () => {
  test.each([
    ['without a maximum gets one', [5, 3, 1, 0, 2], [5, 4, 1, 1, 2, 16]],
    ['with a smaller maximum keeps it', [5, 4, 1, 1, 2, 3], [5, 4, 1, 1, 2, 3]],
    ['with a larger maximum gets ours', [5, 5, 1, 1, 2, 0x80, 2], [5, 4, 1, 1, 2, 16]],
    ['may be none', [5, 1, 0], [5, 1, 0]],
    ['that begins too large is refused', [5, 3, 1, 0, 17], 'its memory begins with 1 MB, more than the 1 MB it may have'],
    ['that is shared is refused', [5, 4, 1, 3, 1, 2], 'its memory is shared or wider than 32 bits'],
    ['of 64 bits is refused', [5, 3, 1, 4, 1], 'its memory is shared or wider than 32 bits'],
    ['more than one is refused', [5, 5, 2, 0, 1, 0, 1], 'it has more than one memory'],
    ['that is imported is refused', [2, 8, 1, 1, 0x6d, 1, 0x6d, 2, 0, 1], 'it imports something that is not a function'],
  ])('%s', (_, sections, expected) => {
    expect(outcome(sections)).toEqual(expected);
  });
});

test.each([
  ['a table without a maximum gets one', [4, 4, 1, 0x70, 0, 5], [4, 7, 1, 0x70, 1, 5, 0xc0, 0x84, 0x3d]],
  [
    'a table that begins too large is refused',
    [4, 6, 1, 0x70, 0, 0xc1, 0x84, 0x3d],
    'its table begins with 1000001 entries, more than the 1000000 entries it may have',
  ],
  ['types of functions pass', [1, 5, 1, 0x60, 1, 0x7f, 0], [1, 5, 1, 0x60, 1, 0x7f, 0]],
  ['types of objects are refused', [1, 3, 1, 0x5f, 0], 'it uses types other than functions'],
  ['references to objects are refused', [1, 6, 1, 0x60, 1, 0x64, 0, 0], 'it uses types other than plain values'],
  ['sections of no interest stay', [0, 3, 1, 0x61, 7], [0, 3, 1, 0x61, 7]],
  ['a module that ends in the middle is refused', [5, 9, 1], 'it ends in the middle'],
  ['a number that never ends is refused', [5, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80], 'it holds a number that is too long'],
])('%s', (_, sections, expected) => {
  expect(outcome(sections)).toEqual(expected);
});

const texts = new Texts();
const whole = plugin(texts, { proxy_on_configure: code(texts.text('x'), number(1), [0x1a, 0x1a]) });

test('a module that is fit is valid afterwards if it was before, whatever is written over it', () => {
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, octet) => {
      const module = Uint8Array.from(whole);
      module[at] = octet;
      const result = limitModule(module, megabyte);
      if ('bytes' in result && WebAssembly.validate(module)) expect(WebAssembly.validate(result.bytes)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test('octets of any kind get an answer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
      expect(limitModule(octets, megabyte)).toBeDefined();
      expect(limited([...octets])).toBeDefined();
    }),
  );
});
