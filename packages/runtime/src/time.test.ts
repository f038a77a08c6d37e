// Time: durations as text, and one suite that the system clock and the fake clock both pass.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fakeClock } from './testing/clock.ts';
import { type Clock, ms, parseDuration, systemClock } from './time.ts';

const rows: readonly (readonly [text: string, want: number | undefined])[] = [
  ['5s', 5_000],
  ['1m30s', 90_000],
  ['100ms', 100],
  ['1.5h', 5_400_000],
  ['24h', 86_400_000],
  ['0s', 0],
  ['1d', 86_400_000],
  ['', undefined],
  ['5', undefined],
  ['s', undefined],
  ['-5s', undefined],
  ['5 s', undefined],
  ['5s ', undefined],
  ['5S', undefined],
  ['1e3s', undefined],
  ['99999999999999999d', undefined],
];
for (const [text, want] of rows) {
  test(`the duration ${JSON.stringify(text)} is ${want === undefined ? 'refused' : `${want} ms`}`, () => {
    expect(parseDuration(text)).toBe(want);
  });
}

test('any text is either a duration that is not negative or refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('1', '0', '.', 'm', 's', 'h', 'd', '-') }), (text) => (parseDuration(text) ?? 0) >= 0),
  );
});

const never = new AbortController().signal;
const fake = fakeClock();
const suites: readonly (readonly [name: string, clock: Clock, pass: (by: number) => Promise<unknown>])[] = [
  ['system clock', systemClock, (by) => new Promise((resolve) => setTimeout(resolve, by + 2))],
  ['fake clock', fake, (by) => fake.advance(ms(by))],
];
for (const [name, clock, pass] of suites) {
  describe(name, () => {
    test('both times move on', async () => {
      const [wall, monotonic] = [clock.now(), clock.monotonic()];
      await pass(5);
      expect(clock.now()).toBeGreaterThan(wall);
      expect(clock.monotonic()).toBeGreaterThan(monotonic);
    });

    test('a sleep ends after its time', async () => {
      const started = clock.monotonic();
      const [slept] = await Promise.all([clock.sleep(ms(10), never).then(() => clock.monotonic()), pass(10)]);
      expect(slept - started).toBeGreaterThanOrEqual(9);
    });

    test('a sleep rejects with the reason of the abort', async () => {
      const stop = new AbortController();
      const asleep = clock.sleep(ms(60_000), stop.signal);
      stop.abort('enough');
      await expect(asleep).rejects.toBe('enough');
      await expect(clock.sleep(ms(1), stop.signal)).rejects.toBe('enough');
    });

    test('timers fire in order, and not after they are disposed of', async () => {
      const fired: string[] = [];
      clock.after(ms(10), () => fired.push('second'));
      clock.after(ms(5), () => fired.push('first'));
      clock.after(ms(5), () => fired.push('never'))[Symbol.dispose]();
      await pass(20);
      expect(fired).toEqual(['first', 'second']);
    });

    test('a timer beyond 24 days does not fire at once', async () => {
      const fired: string[] = [];
      using _timer = clock.after(ms(2 ** 31 + 5), () => fired.push('too early'));
      await pass(5);
      expect(fired).toEqual([]);
    });
  });
}
