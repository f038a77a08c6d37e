// A view survives its own link, and no hash that somebody writes breaks the page.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { windows } from '../../src/graph.ts';
import { columnIds } from './columns.ts';
import { fromHash, initialView, isFiltered, noFilters, sortedBy, toHash, type View } from './view.ts';

const views: fc.Arbitrary<View> = fc.record({
  shape: fc.constantFrom('graph', 'table'),
  windowSeconds: fc.constantFrom(...windows),
  namespaces: fc.uniqueArray(fc.stringMatching(/^[a-z-]{1,8}$/)).map((names) => names.sort()),
  protocol: fc.constantFrom('', 'tcp', 'http', 'grpc'),
  search: fc.string({ unit: 'grapheme' }),
  deniedOnly: fc.boolean(),
  clearOnly: fc.boolean(),
  hideIdle: fc.boolean(),
  selected: fc.string(),
  sort: fc.record({ column: fc.constantFrom(...columnIds), descending: fc.boolean() }),
});

test('a link shows what its maker saw', () => {
  fc.assert(
    fc.property(views, (view) => {
      expect(fromHash(`#${toHash(view)}`, 'graph')).toEqual(view);
    }),
  );
});

test('any text is a view', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const view = fromHash(text, 'table');
      expect(fromHash(toHash(view), 'table')).toEqual(view);
    }),
  );
});

test('no hash is what the screen suggests', () => {
  expect(fromHash('', 'table')).toEqual(initialView('table'));
});

test('what is not known is left out', () => {
  expect(fromHash('#view=cube&window=7&protocol=smtp&only=all&sort=-colour&idle=maybe', 'graph')).toEqual(initialView('graph'));
});

test('only what hides something is a filter', () => {
  const view = initialView('graph');
  expect(isFiltered({ ...view, selected: 'unknown', windowSeconds: 900 })).toBe(false);
  expect(isFiltered({ ...view, search: 'web' })).toBe(true);
  expect(isFiltered({ ...fromHash('#idle=hide&search=x', 'graph'), ...noFilters })).toBe(false);
});

test('a second press on a heading turns the order round', () => {
  const once = sortedBy(initialView('table'), 'from', false);
  expect(once.sort).toEqual({ column: 'from', descending: false });
  expect(sortedBy(once, 'from', false).sort).toEqual({ column: 'from', descending: true });
});
