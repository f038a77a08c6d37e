// Selection by labels.
import { describe, expect, test } from 'vitest';
import type { LabelRequirement, Labels } from './kinds/meta.ts';
import { matchesSelector, selects } from './selector.ts';

describe('pairs', () => {
  const rows: readonly (readonly [rule: string, selector: Labels, labels: Labels, selected: boolean])[] = [
    ['an empty selector selects everything', {}, {}, true],
    ['all pairs are there', { app: 'web' }, { app: 'web', tier: 'back' }, true],
    ['one is missing', { app: 'web', tier: 'back' }, { app: 'web' }, false],
    ['one has another value', { app: 'web' }, { app: 'db' }, false],
    ['an empty value is a value', { app: '' }, {}, false],
    ['what every object seems to have is no label', { constructor: '' }, {}, false],
  ];
  for (const [rule, selector, labels, selected] of rows) test(rule, () => expect(selects(selector, labels)).toBe(selected));
});

describe('expressions', () => {
  const one = (operator: LabelRequirement['operator'], ...values: string[]): LabelRequirement => ({ key: 'app', operator, values });
  const rows: readonly (readonly [rule: string, expressions: readonly LabelRequirement[], labels: Labels, selected: boolean])[] = [
    ['In: one of the values', [one('In', 'web', 'db')], { app: 'db' }, true],
    ['In: another value', [one('In', 'web')], { app: 'db' }, false],
    ['In: no label', [one('In', 'web')], {}, false],
    ['In nothing: nobody', [one('In')], { app: '' }, false],
    ['NotIn: one of the values', [one('NotIn', 'web')], { app: 'web' }, false],
    ['NotIn: another value', [one('NotIn', 'web')], { app: 'db' }, true],
    ['NotIn: no label', [one('NotIn', 'web')], {}, true],
    ['Exists: any value', [one('Exists')], { app: '' }, true],
    ['Exists: no label', [one('Exists')], {}, false],
    ['DoesNotExist: any value', [one('DoesNotExist')], { app: '' }, false],
    ['DoesNotExist: no label', [one('DoesNotExist')], {}, true],
    ['all of them have to hold', [one('Exists'), one('NotIn', 'web')], { app: 'web' }, false],
  ];
  for (const [rule, matchExpressions, labels, selected] of rows)
    test(rule, () => expect(matchesSelector({ matchLabels: {}, matchExpressions }, labels)).toBe(selected));

  test('together with pairs, both have to hold', () => {
    const selector = { matchLabels: { tier: 'back' }, matchExpressions: [one('Exists')] };
    expect(matchesSelector(selector, { app: 'web', tier: 'back' })).toBe(true);
    expect(matchesSelector(selector, { app: 'web' })).toBe(false);
  });
});
