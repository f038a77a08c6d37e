// Container logs: the same lines in whatever pieces they come, followed without loss, and never too long.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LogBuffer, type LogWish, readLog } from './log-buffer.ts';

const wish: LogWish = { follow: false, timestamps: false, tailLines: undefined, sinceSeconds: undefined };
const never = new AbortController().signal;

async function text(log: LogBuffer, more: Partial<LogWish> = {}, signal: AbortSignal = never): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of readLog(log, { ...wish, ...more }, signal)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

function logOf(content: string): LogBuffer {
  const log = new LogBuffer();
  log.write('stdout', Buffer.from(content));
  return log;
}

test('lines are the same in whatever pieces they come', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'binary', maxLength: 8 }), { maxLength: 6 }), async (pieces) => {
      const log = new LogBuffer();
      for (const byte of Buffer.from(pieces.join('\n'))) log.write('stdout', Buffer.of(byte));
      log.end();
      const whole = pieces.join('\n');
      expect(await text(log)).toBe(whole === '' || whole.endsWith('\n') ? whole : `${whole}\n`);
    }),
    { numRuns: 40 },
  );
});

const wishes: readonly (readonly [name: string, wish: Partial<LogWish>, want: string])[] = [
  ['everything', {}, 'a\nb\nc\n'],
  ['the last two', { tailLines: 2 }, 'b\nc\n'],
  ['more than there are', { tailLines: 9 }, 'a\nb\nc\n'],
  ['none', { tailLines: 0 }, ''],
  ['the last minute', { sinceSeconds: 60 }, 'a\nb\nc\n'],
];
for (const [name, more, want] of wishes) test(name, async () => expect(await text(logOf('a\nb\nc\n'), more)).toBe(want));

test('with timestamps', async () => {
  expect(await text(logOf('a\n'), { timestamps: true })).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z a\n$/);
});

test('following ends with the container, and misses nothing', async () => {
  const log = logOf('a\n');
  const followed = text(log, { follow: true });
  for (let i = 0; i < 100; i++) {
    log.write('stdout', Buffer.from(`${i}\n`));
    if (i % 10 === 0) await Promise.resolve();
  }
  log.end();
  expect(await followed).toBe(`a\n${Array.from({ length: 100 }, (_, i) => `${i}\n`).join('')}`);
});

test('following ends when the reader goes', async () => {
  const leave = new AbortController();
  const followed = text(logOf('a\n'), { follow: true }, leave.signal);
  leave.abort();
  expect(await followed).toBe('a\n');
});

test('the oldest lines go when there are too many', async () => {
  const log = new LogBuffer();
  const line = `${'x'.repeat(1_000)}\n`;
  for (let i = 0; i < 6_000; i++) log.write('stdout', Buffer.from(line));
  const kept = (await text(log)).length;
  expect(kept).toBeLessThanOrEqual(4 << 20);
  expect(kept).toBeGreaterThan((4 << 20) - 2_000);
});

test('an endless line is cut', () => {
  const log = new LogBuffer();
  for (let i = 0; i < 100; i++) log.write('stdout', Buffer.alloc(1_000, 'x'));
  expect(log.lines.every((each) => each.text.length <= 16 << 10)).toBe(true);
  expect(log.lines.length).toBeGreaterThan(4);
});
