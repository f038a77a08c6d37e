// The part of CEL that Telemetry objects use: what it gives, what is not there, what is refused.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { entry, head } from '../testing/entry.ts';
import type { Value } from './attributes.ts';
import { compileExpression } from './expression.ts';

const sample = entry({
  status: 503,
  head: head({
    headers: [
      ['x-user', 'ann'],
      ['user-agent', 'curl/8'],
    ],
  }),
});

const rows: readonly (readonly [text: string, want: Value])[] = [
  ['"literal"', 'literal'],
  ["'it\\'s'", "it's"],
  ['42', 42],
  ['-1', -1],
  ['true', true],
  ['request.host', 'reviews'],
  ['request.method', 'GET'],
  ['request.path', '/api?x=1'],
  ['request.url_path', '/api'],
  ['request.query', 'x=1'],
  ["request.headers['x-user']", 'ann'],
  ["request.headers['X-User']", 'ann'],
  ["request.headers['none']", undefined],
  ["response.headers['x-envoy-upstream-service-time']", '9'],
  ['response.code', 503],
  ['response.code >= 400', true],
  ['response.code == 200', false],
  ['response.code != 200 && request.method == "GET"', true],
  ['response.code < 400 || request.duration > 10', true],
  ['!(response.code == 503)', false],
  ['!!true', true],
  ['response.code == "503"', false],
  ['response.code > "4"', undefined],
  ["request.headers['none'] == 'x'", undefined],
  ["request.headers['none'] == 'x' || true", true],
  ["request.headers['none'] == 'x' && false", false],
  ["has(request.headers['x-user'])", true],
  ["!has(request.headers['none'])", true],
  ['has(response.grpc_status)', false],
  ["'x-user' in request.headers", true],
  ["'none' in request.headers", false],
  ['response.code in [500, 502, 503]', true],
  ["request.method in ['POST']", false],
  ["request.host.startsWith('rev')", true],
  ["request.headers['user-agent'].contains('curl')", true],
  ["request.url_path.endsWith('/x')", false],
  ["request.method + ' ' + request.url_path", 'GET /api'],
  ["response.code >= 500 ? 'bad' : 'good'", 'bad'],
  ['connection.mtls', true],
  ['source.workload.name', 'shop'],
  ['destination.workload.name', 'reviews'],
  ['xds.cluster_name', 'inbound-vip|80|http|reviews.ns.svc.cluster.local'],
];

test.each(rows)('%s', (text, want) => {
  expect(compileExpression(text)?.(sample)).toBe(want);
});

test.each([
  '',
  'unknown.attribute',
  'request.host ==',
  '(request.host',
  'request.host request.host',
  "request.host.matches('.*')",
  'request.headers',
  "request.headers['x'",
  'size(request.host)',
  '"open',
  'a ? b',
  `${'('.repeat(500)}1${')'.repeat(500)}`,
  `"${'x'.repeat(3_000)}"`,
])('%s is refused', (text) => {
  expect(compileExpression(text)).toBeUndefined();
});

const piece = fc.constantFrom(
  'request.host',
  "'x'",
  '1',
  '(',
  ')',
  '[',
  ']',
  '!',
  '&&',
  '||',
  '==',
  '<',
  'in',
  'has',
  '?',
  ':',
  '+',
  '-',
  '.',
  ',',
  'true',
);

test('whatever is written compiles or does not, and never throws', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(' ')),
      ),
      (text) => {
        compileExpression(text)?.(sample);
      },
    ),
  );
});
