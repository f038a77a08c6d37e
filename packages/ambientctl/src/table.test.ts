// Columns as wide as they must be, and nothing in a cell that could break them or speak to the terminal.
import { expect, test } from 'vitest';
import { formatTable } from './table.ts';

const columns = ['NAME', 'MESSAGE'];
const rows: readonly (readonly [name: string, rows: readonly (readonly string[])[], want: string])[] = [
  ['no rows are the head alone', [], 'NAME   MESSAGE\n'],
  [
    'a column is as wide as its longest cell',
    [
      ['a', 'x'],
      ['a-long-name', 'y'],
    ],
    'NAME          MESSAGE\na             x\na-long-name   y\n',
  ],
  ['no line ends with blanks', [['a', '']], 'NAME   MESSAGE\na\n'],
  ['a cell is one line', [['a', 'one\ntwo\r\n\u2028three']], 'NAME   MESSAGE\na      one two three\n'],
  ['a cell cannot command the terminal', [['a', '\u001b[31mred\u009b\u202e']], 'NAME   MESSAGE\na       [31mred\n'],
  ['a missing cell is empty', [['a']], 'NAME   MESSAGE\na\n'],
];
for (const [name, cells, want] of rows) test(name, () => expect(formatTable({ columns, rows: cells })).toBe(want));

test('the head stands out where a person looks', () => {
  expect(formatTable({ columns, rows: [['a', 'b']] }, true)).toBe('\u001b[1mNAME   MESSAGE\u001b[0m\na      b\n');
});
