// The index finds what trying every match in order finds, for any table and any request.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { request, route, rule } from '../testing/routes.ts';
import { MatchIndex } from './match-index.ts';
import { RequestView } from './request-view.ts';
import type { HttpMatch, PathMatch } from './route.ts';
import { compileRoute } from './route-compile.ts';

const path = fc.array(fc.constantFrom('a', 'b', 'ab', 'A', ''), { maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const pathMatch: fc.Arbitrary<PathMatch> = fc.oneof(
  fc.record({ exact: path, ignoreCase: fc.boolean() }),
  path.map((prefix) => ({ prefix })),
  fc.record({ start: path, ignoreCase: fc.boolean() }),
  fc.constantFrom('/a.*', '.*b', '/[ab]/.*').map((regex) => ({ regex })),
  fc.record({
    grpc: fc.record(
      {
        service: fc.constantFrom({ exact: 'a' }, { exact: 'ab' }, { regex: 'a.?' }),
        method: fc.constantFrom({ exact: 'b' }, { prefix: 'a' }),
      },
      { requiredKeys: [] },
    ),
  }),
);
const value = fc.constantFrom(
  { exact: '1' },
  { exact: '2' },
  { present: true as const },
  { regex: '[12]' },
  { exact: '1', ignoreCase: true },
);
const named = fc.array(fc.record({ name: fc.constantFrom('x', 'y'), match: value }), { maxLength: 2 });
const match: fc.Arbitrary<HttpMatch> = fc.record(
  { path: pathMatch, method: fc.constantFrom({ exact: 'GET' }, { exact: 'PUT' }), headers: named, withoutHeaders: named, query: named },
  { requiredKeys: [] },
);
const asked = fc
  .tuple(path, fc.constantFrom('', '?x=1', '?y=2&x=2'), fc.constantFrom({}, { x: '1' }, { y: '2' }, { x: '2', y: '1' }), fc.boolean())
  .map(([at, query, headers, put]) => request(at + query, headers, put ? { method: 'PUT' } : {}));

test('the answer is that of trying them one by one', () => {
  fc.assert(
    fc.property(fc.array(match, { maxLength: 20 }), fc.array(asked, { minLength: 1, maxLength: 5 }), (matches, requests) => {
      const { entries } = compileRoute(route('r', [rule(matches, 'a')]));
      const index = new MatchIndex(entries);
      for (const each of requests) {
        const view = new RequestView(each);
        expect(index.first(view)).toBe(entries.find((entry) => entry.match.holds(view)));
      }
    }),
    { numRuns: 3_000 },
  );
});
