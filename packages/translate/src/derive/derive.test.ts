// Tables that know who read them, and derivations over them.
import { describe, expect, test } from 'vitest';
import { Derivation } from './derivation.ts';
import { type Dependant, Table } from './table.ts';

interface Row {
  readonly tags: readonly string[];
  readonly value: number;
}

const row = (value: number, ...tags: readonly string[]): Row => ({ value, tags });
const tagged = (same?: (before: Row, after: Row) => boolean) =>
  new Table<Row, 'tag'>({ indexes: { tag: ({ tags }) => tags }, ...(same && { same }) });

describe('a table marks whoever', () => {
  const rows: readonly (readonly [
    rule: string,
    read: (table: Table<Row, 'tag'>, by: Dependant) => unknown,
    change: (table: Table<Row, 'tag'>) => void,
    marked: boolean,
  ])[] = [
    ['read a row that changes', (table, by) => table.read('a', by), (table) => table.set('a', row(2, 'x')), true],
    ['read a row that goes', (table, by) => table.read('a', by), (table) => table.set('a', undefined), true],
    ['looked for a row that comes', (table, by) => table.read('new', by), (table) => table.set('new', row(1)), true],
    ['read another row: not', (table, by) => table.read('b', by), (table) => table.set('a', row(2, 'x')), false],
    ['read a row that stays the same: not', (table, by) => table.read('a', by), (table) => table.set('a', table.peek('a')), false],
    ['removed what was never there: not', (table, by) => table.read('new', by), (table) => table.set('new', undefined), false],
    ['read a value, whose row changes', (table, by) => [...table.readBy('tag', 'x', by)], (table) => table.set('a', row(2, 'x')), true],
    ['read a value, which a row gets', (table, by) => [...table.readBy('tag', 'z', by)], (table) => table.set('a', row(1, 'z')), true],
    ['read a value, which a row loses', (table, by) => [...table.readBy('tag', 'x', by)], (table) => table.set('a', row(1)), true],
    ['read another value: not', (table, by) => [...table.readBy('tag', 'y', by)], (table) => table.set('a', row(1, 'z')), false],
    ['only peeked: not', (table) => table.peek('a'), (table) => table.set('a', undefined), false],
    ['asked whether there is any: not', (table) => table.holds('tag', 'x'), (table) => table.set('a', undefined), false],
  ];
  test.each(rows)('%s', (_, read, change, expected) => {
    const table = tagged();
    table.set('a', row(1, 'x'));
    table.set('b', row(1, 'y'));
    const marked: string[] = [];
    read(table, { reads: [], markDirty: () => void marked.push('dirty') });
    change(table);
    expect(marked.length > 0).toBe(expected);
  });
});

describe('a table', () => {
  const by: Dependant = { reads: [], markDirty: () => {} };

  test('finds rows by each of their values, and no longer when they are gone', () => {
    const table = tagged();
    table.set('a', row(1, 'x', 'y'));
    table.set('b', row(2, 'y'));
    const values = (tag: string) => [...table.readBy('tag', tag, by)].map(({ value }) => value);
    expect([values('x'), values('y'), values('z')]).toEqual([[1], [1, 2], []]);
    table.set('a', row(3, 'z'));
    expect([values('x'), values('y'), values('z')]).toEqual([[], [2], [3]]);
    table.set('b', undefined);
    expect([values('y'), table.holds('tag', 'y'), table.holds('tag', 'z')]).toEqual([[], false, true]);
  });

  test('keeps the row that it has when the new one is the same', () => {
    const table = tagged((before, after) => before.value === after.value);
    const kept = row(1, 'x');
    table.set('a', kept);
    table.set('a', row(1, 'y'));
    expect(table.peek('a')).toBe(kept);
  });
});

describe('a derivation', () => {
  /** Of each source, the sum of the rows that have its name as a tag; of an odd sum, also its double. */
  function sums(table: Table<Row, 'tag'>) {
    const said: string[] = [];
    const sources = new Set<string>();
    const derivation = new Derivation<number>({
      compute: function* (source, by) {
        const sum = [...table.readBy('tag', source, by)].reduce((all, { value }) => all + value, 0);
        if (!sources.has(source)) return;
        yield [source, sum];
        if (sum % 2 === 1) yield [`${source}${source}`, sum * 2];
      },
      exists: (source) => sources.has(source),
      emit: (key, output) => void said.push(`${key} ${output}`),
    });
    const run = () => {
      derivation.run();
      return said.splice(0).sort();
    };
    return { derivation, sources, run };
  }

  test('computes what was touched, and again what read what has changed', () => {
    const table = tagged();
    const { derivation, sources, run } = sums(table);
    for (const source of ['x', 'y']) {
      sources.add(source);
      derivation.touch(source);
    }
    table.set('a', row(1, 'x'));
    expect(run()).toEqual(['x 1', 'xx 2', 'y 0']);
    expect(run()).toEqual([]);
    table.set('b', row(4, 'y'));
    expect(run()).toEqual(['y 4']);
  });

  test('says of an output that is not made any more that it is gone', () => {
    const table = tagged();
    const { derivation, sources, run } = sums(table);
    sources.add('x');
    derivation.touch('x');
    table.set('a', row(1, 'x'));
    run();
    table.set('a', row(2, 'x'));
    expect(run()).toEqual(['x 2', 'xx undefined']);
    sources.delete('x');
    derivation.touch('x');
    expect(run()).toEqual(['x undefined']);
  });

  test('forgets a source that is gone, and takes it up when it is touched again', () => {
    const table = tagged();
    const { derivation, sources, run } = sums(table);
    derivation.touch('x');
    expect(run()).toEqual([]);
    table.set('a', row(2, 'x'));
    expect(run()).toEqual([]);
    sources.add('x');
    derivation.touch('x');
    expect(run()).toEqual(['x 2']);
  });
});
