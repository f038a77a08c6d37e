// Medians and comparisons, as tables of cases.
import { describe, expect, test } from 'vitest';
import { compare, type Figure, figure, median, medians, type Reading } from './figures.ts';

const reading = (metric: string, value: number): Reading => ({ metric, unit: 'x', value });

describe('the median', () => {
  const rows: readonly (readonly [name: string, values: readonly number[], want: number])[] = [
    ['of one value is that value', [7], 7],
    ['of three is the middle one, whatever their order', [9, 1, 5], 5],
    ['of four is the mean of the middle two', [4, 1, 3, 100], 3.5],
    ['sorts as numbers, not as text', [10, 9, 100], 10],
  ];
  for (const [name, values, want] of rows) test(name, () => expect(median(values)).toBe(want));

  test('of none is refused', () => expect(() => median([])).toThrow(RangeError));

  test('is taken per metric, over the rounds that have it', () => {
    const rounds = [[reading('a', 1), reading('b', 5)], [reading('a', 3)], [reading('a', 2), reading('b', 7)]];
    expect(medians(rounds)).toEqual([reading('a', 2), reading('b', 6)]);
  });
});

describe('figures', () => {
  const subject = { bench: 'bulk', case: '1 stream' };

  test('stand beside each peer that has the metric, and alone where none has it', () => {
    const figures = compare(
      subject,
      new Map([
        ['direct', [reading('rate', 20)]],
        ['ours', [reading('rate', 5), reading('cpu', 2), reading('queue', 1)]],
        ['HAProxy relay', [reading('rate', 10), reading('cpu', 4)]],
      ]),
    );
    const line = (metric: string, ours: number, peer: Figure['peer'], theirs: number | null, ratio: number | null): Figure => {
      return { ...subject, metric, unit: 'x', ours, peer, theirs, ratio };
    };
    expect(figures).toEqual([
      line('rate', 5, 'direct', 20, 0.25),
      line('rate', 5, 'HAProxy relay', 10, 0.5),
      line('cpu', 2, 'HAProxy relay', 4, 0.5),
      line('queue', 1, null, null, null),
    ]);
  });

  test('have no ratio to nothing', () => {
    expect(figure(subject, reading('cpu', 2), { peer: 'direct', value: 0 })).toMatchObject({ ours: 2, theirs: 0, ratio: null });
  });

  test('keep four significant digits, and whole numbers whole', () => {
    expect(figure(subject, reading('a', 1.234567)).ours).toBe(1.235);
    expect(figure(subject, reading('a', 123456.7)).ours).toBe(123_457);
  });
});
