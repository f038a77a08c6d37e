// The truth table of path edits (facts: gateway-api-mesh §3.5).
import { describe, expect, test } from 'vitest';
import { editPath } from './path-edit.ts';
import type { PathEdit } from './route.ts';

describe('the matched prefix, by segments', () => {
  const rows: readonly (readonly [path: string, prefix: string, by: string, result: string])[] = [
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '', '/bar'],
    ['/foo/', '/foo', '', '/'],
    ['/foo', '/foo', '', '/'],
    ['/foo/', '/foo', '/', '/'],
    ['/foo', '/foo', '/', '/'],
    ['/foo/bar', '/', '/xyz', '/xyz/foo/bar'],
    ['/foo/bar?a=/foo', '/foo', '/xyz', '/xyz/bar?a=/foo'],
    ['/food', '/foo', '/xyz', '/food'],
    ['/other', '/foo', '/xyz', '/other'],
  ];
  for (const [path, prefix, by, result] of rows)
    test(`${path}: ${prefix} by ${by}`, () => expect(editPath(path, { prefix, by, whole: 'segments' })).toBe(result));
});

describe('other edits', () => {
  const rows: readonly (readonly [rule: string, path: string, edit: PathEdit, result: string])[] = [
    ['the whole path; the query stays', '/a/b?q=1', { full: '/c' }, '/c?q=1'],
    ['unless the new path brings its own', '/a/b?q=1', { full: '/c?d=e' }, '/c?d=e'],
    ['a path always begins with a slash', '/a', { full: 'c' }, '/c'],
    ['by characters', '/food', { prefix: '/foo', by: '/bar', whole: 'characters' }, '/bard'],
    ['by characters, not there', '/a', { prefix: '/foo', by: '/bar', whole: 'characters' }, '/a'],
    ['a pattern never sees the query', '/a?a', { regex: 'a', by: 'b' }, '/b?a'],
    ['with groups', '/a/b', { regex: '^/(.)/(.)$', by: '/\\2/\\1' }, '/b/a'],
  ];
  for (const [name, path, edit, result] of rows) test(name, () => expect(editPath(path, edit)).toBe(result));
});
