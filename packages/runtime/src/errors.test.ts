// Errors: what code matches on, and what people read.
import { expect, test } from 'vitest';
import { describeError, isFault, MeshError } from './errors.ts';

const error = new MeshError({ code: 'dial.timeout', afterMs: 5 }, 'no answer', new Error('ETIMEDOUT'));

test('a fault is matched by its code and keeps its facts', () => {
  expect(isFault(error, 'dial.timeout')).toBe(true);
  expect(isFault(error, 'dial')).toBe(false);
  expect(isFault({ fault: { code: 'dial.timeout' } }, 'dial.timeout')).toBe(false);
  expect(error.fault.afterMs).toBe(5);
});

const rows: readonly (readonly [rule: string, thrown: unknown, want: string])[] = [
  ['causes follow their effect', error, 'no answer: ETIMEDOUT'],
  ['a cause already told is not told again', new Error('dial: refused', { cause: new Error('refused') }), 'dial: refused'],
  ['an error without a text shows its name', new TypeError(), 'TypeError'],
  ['anything can be thrown', 'why', 'why'],
  ['an endless chain of causes ends', endless(), 'round and round'],
];
for (const [rule, thrown, want] of rows) {
  test(rule, () => {
    expect(describeError(thrown)).toBe(want);
  });
}

function endless(): Error {
  const self = new Error('round and round');
  self.cause = self;
  return self;
}
