// Templates of paths: `{*}` one segment, `{**}` any number of them. Rows: examples of the API's reference, then what has no meaning.
import { describe, expect, test } from 'vitest';
import { compileTemplate, isTemplate } from './path-template.ts';

const rows: readonly (readonly [template: string, yes: readonly string[], no: readonly string[]])[] = [
  ['/foo/{*}', ['/foo/bar', '/foo/*'], ['/foo', '/foo/', '/foo/bar/baz', '/foo/bar/', '/x/foo/bar']],
  ['/foo/{**}', ['/foo/', '/foo/bar', '/foo/bar/baz', '/foo//'], ['/foo', '/food/x']],
  ['/foo/{**}/', ['/foo/bar/', '/foo/bar/baz.txt/', '/foo//'], ['/foo/bar', '/foo/']],
  ['/foo/{*}/bar/{**}', ['/foo/buzz/bar/', '/foo/buzz/bar/baz'], ['/foo/bar/baz', '/foo//bar/x']],
  ['/{*}/baz/{**}/end', ['/a/baz/x/end', '/a/baz/x/y/end', '/a/baz//end'], ['/a/baz/end', '/a/b/baz/end']],
  ['/{**}', ['/', '/a', '/a/b'], ['']],
  ['/{*}', ['/a'], ['/', '/a/b']],
  ['/a.b/{*}', ['/a.b/x'], ['/aXb/x']],
];
describe.each(rows)('%s', (template, yes, no) => {
  const holds = compileTemplate(template);
  test.each(yes)('holds for %s', (path) => expect(holds?.(path)).toBe(true));
  test.each(no)('not for %j', (path) => expect(holds?.(path)).toBe(false));
});

test.each(['/{**}/{*}', '/{**}/{**}', '/a{*}', '/{*}a', '/{*}/x*', '/{a}/{*}', 'a/{*}', '{*}', '/{*}/*'])(
  '%s means nothing',
  (template) => {
    expect(isTemplate(template)).toBe(true);
    expect(compileTemplate(template)).toBeUndefined();
  },
);
test.each(['/a', '/a*', '/{a}', '*'])('%s is no template', (pattern) => expect(isTemplate(pattern)).toBe(false));
