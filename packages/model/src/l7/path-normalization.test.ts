// Spellings of one path become one, in every mode, and what cannot be made unambiguous is refused. The corpus is of known bypasses.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalizePath, type PathNormalization } from './path-normalization.ts';

const line = (path: string, mode: PathNormalization): string => {
  const answer = normalizePath(path, mode);
  return 'path' in answer ? answer.path : `400 ${answer.refused}`;
};

/** `=`: as in the column before. */
const corpus: readonly (readonly [path: string, base: string, merge: string, decode: string])[] = [
  ['/', '/', '=', '='],
  ['/admin', '/admin', '=', '='],
  ['/admin/../x', '/x', '=', '='],
  ['/admin/./x/.', '/admin/x/', '=', '='],
  ['/a/b/..', '/a/', '=', '='],
  ['/../../admin', '/admin', '=', '='],
  ['/.%2e/admin', '/admin', '=', '='],
  ['/%2E%2e/admin', '/admin', '=', '='],
  ['/%61dmin', '/admin', '=', '='],
  ['/%41dmin', '/Admin', '=', '='],
  ['/%7Euser/%2D%5F', '/~user/-_', '=', '='],
  ['/a%2fb', '/a%2fb', '=', '/a/b'],
  ['/a%5cb', '/a%5cb', '=', '/a/b'],
  ['/a%2f..%2fadmin', '400 dot segment', '=', '/admin'],
  ['/a%5C..%5Cadmin', '400 dot segment', '=', '/admin'],
  ['/a/%2e%2e%2fadmin', '400 dot segment', '=', '/admin'],
  ['//admin', '//admin', '/admin', '='],
  ['/a///b//', '/a///b//', '/a/b/', '='],
  ['/a//../admin', '/a/admin', '=', '='],
  ['/a%2f%2fb', '/a%2f%2fb', '=', '/a/b'],
  ['/admin;x', '/admin;x', '=', '='],
  ['/a/..;/admin', '400 dot segment', '=', '='],
  ['/a/..;x=1/admin', '400 dot segment', '=', '='],
  ['/a/.%2e%3bx/admin', '400 dot segment', '=', '='],
  ['/a/...', '/a/...', '=', '='],
  ['/.well-known/x', '/.well-known/x', '=', '='],
  ['/admin%00', '400 control character', '=', '='],
  ['/admin%0d%0ax', '400 control character', '=', '='],
  ['/admin%7f', '400 control character', '=', '='],
  ['/ad min', '400 control character', '=', '='],
  ['/admin\0', '400 control character', '=', '='],
  ['/%252e%252e/admin', '/%252e%252e/admin', '=', '='],
  ['/%25%36%31dmin', '/%2561dmin', '=', '='],
  ['/%c0%ae%c0%ae/admin', '400 percent-encoding', '=', '='],
  ['/%e0%80%ae/admin', '400 percent-encoding', '=', '='],
  ['/%F0%80%80%AE/admin', '400 percent-encoding', '=', '='],
  ['/caf%C3%A9', '/caf%C3%A9', '=', '='],
  ['/%', '400 percent-encoding', '=', '='],
  ['/%4', '400 percent-encoding', '=', '='],
  ['/%zz', '400 percent-encoding', '=', '='],
  ['/a\\b', '/a/b', '=', '='],
  ['/a\\..\\admin', '/admin', '=', '='],
  ['/\\admin', '//admin', '/admin', '='],
  ['/admin#x', '400 fragment', '=', '='],
  ['/x?a=../%2e#y', '400 fragment', '=', '='],
  ['/a/../b?x=/../%00\\', '/b?x=/../%00\\', '=', '='],
  ['/a?', '/a?', '=', '='],
  ['admin', '400 not a path', '=', '='],
  ['', '400 not a path', '=', '='],
  ['?x', '400 not a path', '=', '='],
  ['*', '*', '=', '='],
];

describe.each(corpus)('%j', (path, base, merge, decode) => {
  const merged = merge === '=' ? base : merge;
  test('BASE', () => expect(line(path, 'BASE')).toBe(base));
  test('MERGE_SLASHES', () => expect(line(path, 'MERGE_SLASHES')).toBe(merged));
  test('DECODE_AND_MERGE_SLASHES', () => expect(line(path, 'DECODE_AND_MERGE_SLASHES')).toBe(decode === '=' ? merged : decode));
});

test.each(['/a/../b', '//a', '/%00', '/%zz', '/a\\b', '/x?y'])('NONE leaves %j as it is', (path) => expect(line(path, 'NONE')).toBe(path));

const spelling = fc
  .array(
    fc.constantFrom('/', '.', '%', '2', 'e', 'E', 'f', '5', 'c', 'C', '\\', ';', 'a', '?', '%2e', '%2f', '%5c', '%61', '%25', '..', '\0'),
    { maxLength: 12 },
  )
  .map((parts) => `/${parts.join('')}`);
const modes = fc.constantFrom<PathNormalization>('BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES');

test('a normalised path is its own normal form, and neither it nor what a server decodes it to leaves its place', () => {
  fc.assert(
    fc.property(spelling, modes, (path, mode) => {
      const once = normalizePath(path, mode);
      if ('refused' in once) return;
      // With `%252f` decoded once more the path would be another: each mode decodes exactly once.
      if (mode !== 'DECODE_AND_MERGE_SLASHES' || !/%2f|%5c/i.test(once.path)) expect(normalizePath(once.path, mode)).toEqual(once);
      const bare = once.path.split('?')[0] ?? '';
      expect(bare).toMatch(/^\//);
      const decoded = bare.replace(/%2f|%5c/gi, '/').replace(/%2e/gi, '.');
      for (const segment of decoded.split('/')) expect(segment).not.toMatch(/^\.\.?(;|$)/);
    }),
    { numRuns: 5_000 },
  );
});
