// Trace headers, in and out: what counts, what is refused, and that hostile ones cost nothing.
import type { HeaderList } from '@ambient-mesh/wire/http/message';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readTrace, writeTrace } from './trace-context.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';
const told = { traceId, parentId };
const short = { traceId: `${'0'.repeat(16)}8448eb211c80319c`, parentId };

const rows: readonly (readonly [name: string, headers: HeaderList, want: object, formats: readonly string[]])[] = [
  ['nothing is said', [], {}, []],
  ['W3C, sampled', [['traceparent', `00-${traceId}-${parentId}-01`]], { ...told, sampled: true }, ['w3c']],
  ['W3C, not sampled', [['traceparent', `00-${traceId}-${parentId}-00`]], { ...told, sampled: false }, ['w3c']],
  ['other flags do not count', [['traceparent', `00-${traceId}-${parentId}-fe`]], { ...told, sampled: false }, ['w3c']],
  ['a later version may say more', [['traceparent', `cc-${traceId}-${parentId}-01-what`]], { ...told, sampled: true }, ['w3c']],
  ['version 00 may not', [['traceparent', `00-${traceId}-${parentId}-01-what`]], {}, []],
  ['version ff is none', [['traceparent', `ff-${traceId}-${parentId}-01`]], {}, []],
  ['capitals are none', [['traceparent', `00-${traceId.toUpperCase()}-${parentId}-01`]], {}, []],
  ['a trace id of zeros is none', [['traceparent', `00-${'0'.repeat(32)}-${parentId}-01`]], {}, []],
  ['a span id of zeros is none', [['traceparent', `00-${traceId}-${'0'.repeat(16)}-01`]], {}, []],
  [
    'told twice is not told',
    [
      ['traceparent', `00-${traceId}-${parentId}-01`],
      ['traceparent', `00-${traceId}-${parentId}-01`],
    ],
    {},
    [],
  ],
  ['B3 in one header', [['b3', `${traceId}-${parentId}-1`]], { ...told, sampled: true }, ['b3']],
  ['with its parent', [['b3', `${traceId}-${parentId}-0-${parentId}`]], { ...told, sampled: false }, ['b3']],
  ['with a debugging mark', [['b3', `${traceId}-${parentId}-d`]], { ...told, sampled: true }, ['b3']],
  ['without a decision', [['b3', `${traceId}-${parentId}`]], told, ['b3']],
  ['a decision alone', [['b3', '0']], { sampled: false }, ['b3']],
  ['a short trace id is filled up', [['b3', `8448eb211c80319c-${parentId}-1`]], { ...short, sampled: true }, ['b3']],
  ['capitals are read', [['b3', `${traceId.toUpperCase()}-${parentId}-1`]], { ...told, sampled: true }, ['b3']],
  [
    'B3 in several headers',
    [
      ['x-b3-traceid', traceId],
      ['x-b3-spanid', parentId],
      ['x-b3-sampled', '1'],
    ],
    { ...told, sampled: true },
    ['b3-multi'],
  ],
  ['a decision of several headers alone', [['x-b3-sampled', 'false']], { sampled: false }, ['b3-multi']],
  [
    'debugging is a decision',
    [
      ['x-b3-flags', '1'],
      ['x-b3-sampled', '0'],
    ],
    { sampled: true },
    ['b3-multi'],
  ],
  ['half of the ids is none', [['x-b3-traceid', traceId]], {}, []],
  [
    'W3C counts before B3, both go on',
    [
      ['b3', `${'1'.repeat(32)}-${'2'.repeat(16)}-0`],
      ['traceparent', `00-${traceId}-${parentId}-01`],
    ],
    { ...told, sampled: true },
    ['w3c', 'b3'],
  ],
  [
    'ids count before a bare decision',
    [
      ['b3', '0'],
      ['x-b3-traceid', traceId],
      ['x-b3-spanid', parentId],
    ],
    told,
    ['b3', 'b3-multi'],
  ],
];

test.each(rows)('%s', (_name, headers, want, formats) => {
  expect(readTrace(headers)).toEqual({ ...want, formats: new Set(formats) });
});

const out = { traceId, spanId: 'a'.repeat(16), parentId, sampled: true };

test('W3C is always told', () => {
  expect(writeTrace([['x', 'y']], { ...out, formats: new Set() })).toEqual([
    ['x', 'y'],
    ['traceparent', `00-${traceId}-${out.spanId}-01`],
  ]);
});

test('each form is told in which it came, what came is replaced', () => {
  const headers: HeaderList = [
    ['traceparent', 'old'],
    ['tracestate', 'vendor=1'],
    ['b3', 'old'],
    ['x-b3-flags', '1'],
  ];
  expect(writeTrace(headers, { ...out, sampled: false, formats: new Set(['w3c', 'b3', 'b3-multi'] as const) })).toEqual([
    ['tracestate', 'vendor=1'],
    ['traceparent', `00-${traceId}-${out.spanId}-00`],
    ['b3', `${traceId}-${out.spanId}-0-${parentId}`],
    ['x-b3-traceid', traceId],
    ['x-b3-spanid', out.spanId],
    ['x-b3-sampled', '0'],
    ['x-b3-parentspanid', parentId],
  ]);
});

test('a state without the trace that it belongs to does not go on', () => {
  const [names] = [writeTrace([['tracestate', 'vendor=1']], { ...out, formats: new Set() }).map(([name]) => name)];
  expect(names).toEqual(['traceparent']);
});

const name = fc.constantFrom('traceparent', 'tracestate', 'b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled', 'x-b3-flags');
const value = fc.oneof(
  fc.string(),
  fc.stringMatching(/^[0-9a-f]{2}-[0-9a-f]{31,33}-[0-9a-f]{15,17}-[0-9a-f]{2}-?.{0,3}$/),
  fc.stringMatching(/^[0-9a-fA-F]{16,32}-[0-9a-f]{16}(-[01dx])?(-[0-9a-f]{16})?$/),
);

test('whatever comes is read, and what is made of it is well formed', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), (headers) => {
      const read = readTrace(headers);
      if (read.traceId !== undefined) expect(read.traceId).toMatch(/^[0-9a-f]{32}$/);
      if (read.parentId !== undefined) expect(read.parentId).toMatch(/^[0-9a-f]{16}$/);
      const again = readTrace(
        writeTrace(headers, { ...out, traceId: read.traceId ?? traceId, parentId: read.parentId, formats: read.formats }),
      );
      expect(again).toMatchObject({ traceId: read.traceId ?? traceId, parentId: out.spanId, sampled: true });
    }),
  );
});
