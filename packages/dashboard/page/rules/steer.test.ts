// A walk over the picture by arrow keys.
import { expect, test } from 'vitest';
import { type Arrow, isArrow, next } from './steer.ts';

const spots = [
  { id: 'middle', x: 0, y: 0 },
  { id: 'right', x: 100, y: 10 },
  { id: 'far right', x: 300, y: 0 },
  { id: 'below', x: 20, y: 100 },
  { id: 'above', x: 0, y: -100 },
];
const rows: readonly (readonly [name: string, from: string | undefined, arrow: Arrow, want: string])[] = [
  ['starts at the top', undefined, 'ArrowDown', 'above'],
  ['starts at the top when the node it was on is gone', 'gone', 'ArrowDown', 'above'],
  ['goes to the nearest', 'middle', 'ArrowRight', 'right'],
  ['and on', 'right', 'ArrowRight', 'far right'],
  ['and back', 'right', 'ArrowLeft', 'middle'],
  ['down', 'middle', 'ArrowDown', 'below'],
  ['up', 'middle', 'ArrowUp', 'above'],
  ['stays at the border', 'far right', 'ArrowRight', 'far right'],
];
for (const [name, from, arrow, want] of rows) test(name, () => expect(next(spots, from, arrow)).toBe(want));

test('no nodes, no way', () => expect(next([], undefined, 'ArrowUp')).toBeUndefined());

test('other keys are no arrows', () => {
  expect(['ArrowUp', 'Enter', 'toString'].map(isArrow)).toEqual([true, false, false]);
});
