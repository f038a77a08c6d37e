// Each way of matching a text.
import { expect, test } from 'vitest';
import type { TextMatch } from './text.ts';
import { compileText } from './text-match.ts';

const rows: readonly (readonly [match: TextMatch, text: string, holds: boolean])[] = [
  [{ exact: 'Ab' }, 'Ab', true],
  [{ exact: 'Ab' }, 'ab', false],
  [{ exact: 'Ab', ignoreCase: true }, 'aB', true],
  [{ exact: 'Ab', ignoreCase: true }, 'aBc', false],
  [{ exact: '' }, '', true],
  [{ prefix: 'Ab' }, 'Abc', true],
  [{ prefix: 'Ab' }, 'abc', false],
  [{ prefix: 'Ab', ignoreCase: true }, 'aBC', true],
  [{ prefix: 'Ab', ignoreCase: true }, 'a', false],
  [{ suffix: 'c' }, 'abc', true],
  [{ suffix: 'c' }, 'abC', false],
  [{ regex: 'a+' }, 'aaa', true],
  [{ regex: 'a+' }, 'baa', false],
  [{ present: true }, '', true],
];
for (const [match, text, holds] of rows)
  test(`${JSON.stringify(match)} ${holds ? 'takes' : 'does not take'} "${text}"`, () => expect(compileText(match)(text)).toBe(holds));

test('a regular expression that cannot be used is refused with a reason', () => {
  expect(() => compileText({ regex: '(?=a)' })).toThrow('lookaround');
});
