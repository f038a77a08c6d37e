// Regular expressions: what they match is what JavaScript's match where both know the syntax; what they cost is linear.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Pattern } from './pattern.ts';

describe('matches the whole text', () => {
  const rows: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
    ['', '', true],
    ['', 'a', false],
    ['abc', 'abcd', false],
    ['abc', 'xabc', false],
    ['^abc$', 'abc', true],
    ['/v[0-9]+/.*', '/v12/users', true],
    ['/v[0-9]+/.*', '/v/users', false],
    ['a|ab', 'ab', true],
    ['(a|ab)(c|bcd)', 'abcd', true],
    ['(?i)MiXed', 'mIxED', true],
    ['a(?i:b)c', 'aBc', true],
    ['a(?i:b)c', 'aBC', false],
    ['(?i)[^a]', 'A', false],
    ['.', '\n', false],
    ['(?s).', '\n', true],
    ['[[:alpha:]_]+', 'aB_', true],
    ['[[:^digit:]]', '7', false],
    ['\\d{2,3}', '1234', false],
    ['\\d{2,3}', '123', true],
    ['a{,2}', 'a{,2}', true],
    ['\\Qa.b\\E+', 'a.bb', true],
    ['\\x41\\x{42}', 'AB', true],
    ['[]a]+', 'a]', true],
    ['[a-]+', 'a-', true],
    ['(?P<name>x)(?<other>y)', 'xy', true],
    ['\\bfoo\\b.*', 'foo bar', true],
    ['\\bfoo\\b.*', 'foobar', false],
    ['(a*)*', 'aaa', true],
    ['(|a)+', 'aaa', true],
    ['(?m)a$\n^b', 'a\nb', true],
  ];
  for (const [pattern, text, matches] of rows)
    test(`${JSON.stringify(pattern)} ${matches ? 'takes' : 'does not take'} ${JSON.stringify(text)}`, () =>
      expect(new Pattern(pattern).matches(text)).toBe(matches));
});

describe('refuses', () => {
  const rows: readonly (readonly [pattern: string, why: string])[] = [
    ['(?=a)', 'lookaround'],
    ['(?<!a)', 'lookaround'],
    ['(a)\\1', '\\1'],
    ['\\pL', '\\p'],
    ['a**', 'quantifier after'],
    ['*a', 'nothing before'],
    ['(a', 'missing )'],
    ['a)', 'unexpected )'],
    ['[a', 'missing ]'],
    ['[z-a]', 'invalid range'],
    ['[[:nope:]]', 'unknown class'],
    ['a{1001}', 'invalid repetition'],
    ['a{3,2}', 'invalid repetition'],
    ['\\', 'backslash at the end'],
    ['(x{100}){100}', 'too large'],
    [`${'('.repeat(60)}${')'.repeat(60)}`, 'nested deeper'],
    ['a'.repeat(1025), 'longer than'],
  ];
  for (const [pattern, why] of rows) test(`${pattern.slice(0, 20)}: ${why}`, () => expect(() => new Pattern(pattern)).toThrow(why));

  test('nothing, repeated a million million times, is not counted out', () => {
    expect(new Pattern('(?:(?:(?:(?:){1000}){1000}){1000}){1000}').matches('')).toBe(true);
  });
});

describe('replace', () => {
  const rows: readonly (readonly [rule: string, pattern: string, by: string, text: string, result: string])[] = [
    ['groups', '^/service/([^/]+)(/.*)$', '\\2/instance/\\1', '/service/foo/v1/api', '/v1/api/instance/foo'],
    ['every match', 'one', 'two', '/xxx/one/yyy/one/zzz', '/xxx/two/yyy/two/zzz'],
    ['the first only, if the pattern says so', '^(.*?)one(.*)$', '\\1two\\2', '/xxx/one/yyy/one/zzz', '/xxx/two/yyy/one/zzz'],
    ['any case', '(?i)/xxx/', '/yyy/', '/aaa/XxX/bbb', '/aaa/yyy/bbb'],
    ['a backslash', 'a', '\\\\', '/a', '/\\'],
    ['a group that took no part is empty', '(x)?a', '[\\1]', '/a', '/[]'],
    ['no match', 'q', 'x', '/a', '/a'],
  ];
  for (const [rule, pattern, by, text, result] of rows) test(rule, () => expect(new Pattern(pattern).replace(text, by)).toBe(result));
});

const atom = fc.constantFrom('a', 'b', 'c', '.', '[ab]', '[^a]', '\\w', '\\d', '(?:)', '^', '$', '\\b');
const source = fc.letrec<{ all: string; group: string; part: string }>((tie) => ({
  all: fc.array(tie('part'), { maxLength: 4 }).map((parts) => parts.join('')),
  group: fc
    .tuple(fc.boolean(), fc.array(tie('all'), { minLength: 1, maxLength: 3 }))
    .map(([keep, branches]) => `(${keep ? '' : '?:'}${branches.join('|')})`),
  part: fc.oneof(
    { maxDepth: 3 },
    atom,
    fc
      .tuple(fc.oneof(fc.constantFrom('a', 'b', '[ab]', '.'), tie('group')), fc.constantFrom('', '*', '+', '?', '{0,2}', '{2}', '*?', '+?'))
      .map((each) => each.join('')),
    tie('group'),
  ),
})).all;
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', '\n'), maxLength: 8 });

test('says what JavaScript says', () => {
  fc.assert(
    fc.property(source, text, (pattern, input) => {
      expect(new Pattern(pattern).matches(input)).toBe(new RegExp(`^(?:${pattern})$`).test(input));
    }),
    { numRuns: 3_000 },
  );
});

test('finds what JavaScript finds first', () => {
  fc.assert(
    fc.property(source, text, (pattern, input) => {
      const found = new RegExp(pattern).exec(input);
      if (found !== null && found[0].length > 0 && !/[*+?}]/.test(pattern))
        expect(new Pattern(pattern).replace(input, '<\\0>').startsWith(`${input.slice(0, found.index)}<${found[0]}>`)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test('no text makes it do anything but match, refuse or throw SyntaxError', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), text, (pattern, input) => {
      try {
        new Pattern(pattern).matches(input);
      } catch (e) {
        expect(e).toBeInstanceOf(SyntaxError);
      }
    }),
    { numRuns: 3_000 },
  );
});

test('what makes others count for ever takes it no longer than anything else', () => {
  const started = performance.now();
  const long = 'a'.repeat(8_192);
  for (const pattern of ['(a+)+b', '(a|a)*b', '.*.*.*.*.*x', '(a*)*b', '(a|aa)+$b?c']) {
    expect(new Pattern(pattern).matches(long)).toBe(false);
    new Pattern(pattern).replace(long, '');
  }
  new Pattern('a.*b|a').replace(long, 'c');
  expect(performance.now() - started).toBeLessThan(5_000);
});
