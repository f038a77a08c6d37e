// The dynamic table against one that does the obvious.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Entry, entryBytes, HeaderTable } from './hpack-table.ts';

const staticSize = 61;

class Obvious {
  entries: Entry[] = [];
  capacity = 0;

  resize(capacity: number): void {
    this.capacity = capacity;
    while (this.entries.reduce((sum, [name, value]) => sum + entryBytes(name, value), 0) > capacity) this.entries.pop();
  }

  add(entry: Entry): void {
    this.entries.unshift(entry);
    this.resize(this.capacity);
  }
}

const step = fc.oneof(
  { weight: 30, arbitrary: fc.record({ add: fc.tuple(fc.constantFrom('a', 'name', 'x-request-id'), fc.string({ maxLength: 80 })) }) },
  { weight: 1, arbitrary: fc.record({ resize: fc.integer({ min: 0, max: 4_096 }) }) },
);

test('after any additions and resizes each index names what it should, and those beyond nothing', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600, size: 'max' }), (steps) => {
      const [table, obvious] = [new HeaderTable(4_096), new Obvious()];
      obvious.resize(4_096);
      for (const each of steps) {
        if ('add' in each) for (const one of [table, obvious]) one.add(each.add);
        else for (const one of [table, obvious]) one.resize(each.resize);
      }
      const all = Array.from({ length: obvious.entries.length }, (_, at) => table.at(staticSize + 1 + at));
      expect(all).toEqual(obvious.entries);
      expect(table.at(staticSize + 1 + obvious.entries.length)).toBeUndefined();
    }),
    { numRuns: 50 },
  );
});
