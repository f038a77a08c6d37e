// Where selectors are filed, and where whoever they may fit looks for them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { placeOfSelector, placesOfLabels } from './label-pairs.ts';
import { selects } from './selector.ts';

test('a selector is filed under its first pair, one without pairs under the name for that', () => {
  expect(placeOfSelector('ns', { b: '1', a: '2' })).toBe('ns|a=2');
  expect(placeOfSelector('ns', {})).toBe('ns|*');
});

test('whoever is selected finds the selector', () => {
  const labels = fc.dictionary(fc.constantFrom('a', 'b', '*', 'constructor'), fc.constantFrom('', '1', '2'));
  fc.assert(
    fc.property(labels, labels, (selector, own) => {
      if (selects(selector, own)) expect([...placesOfLabels('ns', own)]).toContain(placeOfSelector('ns', selector));
    }),
  );
});

test('scopes are kept apart', () => {
  expect([...placesOfLabels('a', { x: '1' })]).not.toContain(placeOfSelector('b', { x: '1' }));
});
