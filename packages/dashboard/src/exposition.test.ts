// Expositions as proxies write them, and as nobody should.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseLabels, readExposition } from './exposition.ts';

type Row = readonly [family: string, labels: string, value: number];

function read(text: string, most = 100): { readonly rows: readonly Row[]; readonly all: boolean } {
  const rows: Row[] = [];
  const all = readExposition(text, new Set(['a_total', 'b']), most, (...row) => rows.push(row));
  return { rows, all };
}

const rows: readonly (readonly [name: string, text: string, want: readonly Row[]])[] = [
  ['a sample', 'a_total{x="1"} 2\n', [['a_total', 'x="1"', 2]]],
  ['no labels', 'b 3\n', [['b', '', 3]]],
  ['empty labels', 'b{} 3\n', [['b', '', 3]]],
  [
    'comments and other families are left out',
    '# HELP a_total x\n# TYPE a_total counter\nab_total{x="1"} 2\na 1\na_total 1\n# EOF\n',
    [['a_total', '', 1]],
  ],
  ['a time behind the value', 'b{x="1"} 3.5 1700000000\n', [['b', 'x="1"', 3.5]]],
  [
    'an exemplar behind the value',
    'b{x="1"} 3 # {trace="}"} 0.5 1.5\nb 4\n',
    [
      ['b', 'x="1"', 3],
      ['b', '', 4],
    ],
  ],
  ['braces, quotes and spaces in values', 'b{x="}\\" 1 {"} 3\n', [['b', 'x="}\\" 1 {"', 3]]],
  [
    'the same where there are exemplars',
    'b{x="}\\" 1 {\\\\"} 3\na_total 1 # {} 1\n',
    [
      ['b', 'x="}\\" 1 {\\\\"', 3],
      ['a_total', '', 1],
    ],
  ],
  ['an exponent', 'b 1e3\n', [['b', '', 1_000]]],
  ['no end of line at the end', 'b 1', [['b', '', 1]]],
  ['what is no number is left out', 'b NaN\nb +Inf\nb x\nb \nb\nb{x="1"}\nb{x="1" 3\nb 1\n', [['b', '', 1]]],
];
describe('readExposition', () => {
  for (const [name, text, want] of rows) {
    test(name, () => {
      expect(read(text).rows).toEqual(want);
    });
  }
  test('stops at so many samples, and says so', () => {
    expect(read('b 1\nb 2\nb 3\n', 2)).toEqual({
      rows: [
        ['b', '', 1],
        ['b', '', 2],
      ],
      all: false,
    });
    expect(read('b 1\nb 2\n', 2).all).toBe(true);
  });
  test('any text can be read', () => {
    const line = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom('b', ' ', '{', '}', '"', '\\', '=', '1', ',', '\n', '#', 'a_total') }),
    );
    fc.assert(fc.property(line, (text) => void read(text)));
  });
  test('what is written is read again, whatever the values of its labels are', () => {
    const labels = fc.dictionary(fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/), fc.string());
    fc.assert(
      fc.property(labels, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), (given, value, withExemplar) => {
        const written = Object.entries(given).map(([name, text]) => `${name}="${escaped(text)}"`);
        const text = `b{${written.join()}} ${value}${withExemplar ? ' # {t="1"} 1' : ''}\n`;
        const [[, found = '', number] = []] = read(text).rows;
        expect(Object.fromEntries(parseLabels(found) ?? [])).toEqual({ ...given });
        expect(number).toBe(value === 0 ? number : value);
      }),
    );
  });
});

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

describe('parseLabels', () => {
  const rows: readonly (readonly [name: string, text: string, want: Readonly<Record<string, string>> | undefined])[] = [
    ['none', '', {}],
    ['two', 'a="1",b_2="x y"', { a: '1', b_2: 'x y' }],
    ['escapes', 'a="\\\\\\"\\n"', { a: '\\"\n' }],
    ['a comma at the end', 'a="1",', { a: '1' }],
    ['no quotes', 'a=1', undefined],
    ['not closed', 'a="1', undefined],
    ['no comma', 'a="1"b="2"', undefined],
    ['spaces', 'a ="1"', undefined],
  ];
  for (const [name, text, want] of rows) {
    test(name, () => {
      const labels = parseLabels(text);
      expect(labels && Object.fromEntries(labels)).toEqual(want);
    });
  }
});
