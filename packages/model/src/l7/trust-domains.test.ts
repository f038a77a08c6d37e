// A principal under the names of the mesh's trust domain. Rows: Istio's, in our words.
import { expect, test } from 'vitest';
import { principalPatterns } from './trust-domains.ts';

const rows: readonly (readonly [pattern: string, domains: readonly string[], want: readonly string[]])[] = [
  ['td/ns/a/sa/x', ['td'], ['td/ns/a/sa/x']],
  ['td/ns/a/sa/x', ['td', 'old'], ['td/ns/a/sa/x', 'old/ns/a/sa/x']],
  ['old/ns/a/sa/x', ['td', 'old'], ['td/ns/a/sa/x', 'old/ns/a/sa/x']],
  ['cluster.local/ns/a/sa/x', ['td', 'old'], ['td/ns/a/sa/x', 'old/ns/a/sa/x']],
  ['else/ns/a/sa/x', ['td', 'old'], ['else/ns/a/sa/x']],
  ['*/ns/a/sa/x', ['td', 'old'], ['*/ns/a/sa/x']],
  ['*d/ns/a/sa/x', ['td', 'old'], ['*d/ns/a/sa/x']],
  ['*local/ns/a/sa/x', ['td.local', 'old'], ['*local/ns/a/sa/x', 'old/ns/a/sa/x']],
  ['td/ns/a/*', ['td', 'old'], ['td/ns/a/*']],
  ['*', ['td', 'old'], ['*']],
  ['*/sa/x', ['td', 'old'], ['*/sa/x']],
];
test.each(rows)('%s of %j means %j', (pattern, domains, want) => expect(principalPatterns(pattern, domains)).toEqual(want));
