// Go's regular expressions in JavaScript: only where the two differ.
import { expect, test } from 'vitest';
import { goRegExp } from './go-regexp.ts';

const rows: readonly (readonly [pattern: string, matches: string, fails: string])[] = [
  ['a', 'cat', 'dog'],
  ['^(?i)abc$', 'ABC', 'ABD'],
  ['^a(?i:b)c$', 'aBc', 'aBC'],
  ['^(a(?i)b)c$', 'aBc', 'aBC'],
  ['^[[:alpha:]_]+$', 'a_Z', 'a1'],
  ['\\Aab\\z', 'ab', 'ab\n'],
  ['^(?P<name>a)$', 'a', 'b'],
  ['^\\pL+$', 'é', '1'],
  ['^a\\-b\\_c$', 'a-b_c', 'abc'],
  ['^[(?i)]$', '?', 'a'],
];

test.each(rows)('%s', (pattern, matches, fails) => {
  expect(goRegExp(pattern).test(matches)).toBe(true);
  expect(goRegExp(pattern).test(fails)).toBe(false);
});

test('what is no expression throws', () => expect(() => goRegExp('(')).toThrow(SyntaxError));
