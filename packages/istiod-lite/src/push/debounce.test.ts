// When a burst of changes goes out.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { Debounce } from './debounce.ts';

function scene({ after = 100, max = 1_000, cost = 0 } = {}) {
  const clock = fakeClock();
  const start = clock.monotonic();
  const fired: (readonly [at: number, since: number])[] = [];
  let spent = 0;
  const counting = { after: clock.after, monotonic: () => ms(clock.monotonic() + spent) };
  const debounce = new Debounce({
    after: ms(after),
    max: ms(max),
    clock: { ...counting, after: (wait, f) => clock.after(wait, f) },
    fire: (since) => {
      fired.push([clock.monotonic() - start, since - start - spent]);
      spent += cost;
    },
  });
  return { clock, debounce, fired };
}

test('changes are gathered from the first on', async () => {
  const { clock, debounce, fired } = scene();
  debounce.touch();
  await clock.advance(ms(60));
  debounce.touch();
  await clock.advance(ms(39));
  expect(fired).toEqual([]);
  await clock.advance(ms(1));
  expect(fired).toEqual([[100, 0]]);
});

test('changes that never stop go out again and again', async () => {
  const { clock, debounce, fired } = scene();
  for (let i = 0; i < 20; i++) {
    debounce.touch();
    await clock.advance(ms(50));
  }
  expect(fired.length).toBeGreaterThanOrEqual(6);
});

test('after an expensive push changes are gathered ten times as long as it took, but no longer than the longest', async () => {
  const { clock, debounce, fired } = scene({ cost: 30 });
  debounce.touch();
  await clock.advance(ms(100));
  debounce.touch();
  await clock.advance(ms(299));
  expect(fired).toHaveLength(1);
  await clock.advance(ms(1));
  expect(fired).toHaveLength(2);
  const slow = scene({ cost: 500 });
  slow.debounce.touch();
  await slow.clock.advance(ms(100));
  slow.debounce.touch();
  await slow.clock.advance(ms(1_000));
  expect(slow.fired).toHaveLength(2);
});

test('without gathering, changes of one turn go together', async () => {
  const { clock, debounce, fired } = scene({ after: 0, max: 0 });
  debounce.touch();
  debounce.touch();
  await clock.advance(ms(0));
  expect(fired).toHaveLength(1);
});

test('nothing fires after disposal', async () => {
  const { clock, debounce, fired } = scene();
  debounce.touch();
  debounce[Symbol.dispose]();
  await clock.advance(ms(5_000));
  expect(fired).toEqual([]);
});
