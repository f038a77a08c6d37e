// Which values say the same.
import { expect, test } from 'vitest';
import { same } from './same.ts';

const rows: readonly (readonly [rule: string, a: unknown, b: unknown, same: boolean])[] = [
  ['equal objects, in any order of keys', { a: 1, b: { c: 2 } }, { b: { c: 2 }, a: 1 }, true],
  ['a key more', { a: 1 }, { a: 1, b: undefined }, false],
  ['another value', { a: 1 }, { a: 2 }, false],
  ['lists by order', [1, 2], [2, 1], false],
  ['lists by length', [1], [1, 2], false],
  ['a list is no object', [], {}, false],
  ['an object is no list', {}, [], false],
  ['maps', new Map([['a', [1]]]), new Map([['a', [1]]]), true],
  ['maps with other values', new Map([['a', [1]]]), new Map([['a', [2]]]), false],
  ['maps with other keys', new Map([['a', undefined]]), new Map([['b', undefined]]), false],
  ['a map is no object', new Map(), {}, false],
  ['an object is no map', {}, new Map(), false],
  ['sets', new Set(['a']), new Set(['a']), true],
  ['other sets', new Set(['a']), new Set(['b']), false],
  ['an object is no set', {}, new Set(), false],
  ['null is no object', null, {}, false],
  ['undefined and null', undefined, null, false],
  ['numbers that are none', Number.NaN, Number.NaN, true],
];

test.each(rows)('%s', (_, a, b, expected) => {
  expect(same(a, b)).toBe(expected);
});
