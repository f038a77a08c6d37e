// The way out for log lines: order, batches, a slow reader, a full queue, a reader that went away.
import { expect, test } from 'vitest';
import { LogOutput, type OutputPort } from './log-output.ts';

type Done = Parameters<OutputPort['write']>[1];

/** A descriptor whose asynchronous writes end only when the test says so. */
function slowPort(failSync?: string) {
  const seen: string[] = [];
  const waiting: (() => void)[] = [];
  const failures: (string | undefined)[] = failSync === undefined ? [] : [failSync];
  const port: OutputPort = {
    write(bytes: Uint8Array, done: Done) {
      waiting.push(() => {
        const failure = failures.shift();
        if (failure === undefined) seen.push(Buffer.from(bytes).toString());
        done(failure === undefined ? null : Object.assign(new Error(failure), { code: failure }), bytes.length);
      });
    },
    writeSync(bytes) {
      const failure = failures.shift();
      if (failure !== undefined) throw Object.assign(new Error(failure), { code: failure });
      seen.push(Buffer.from(bytes).toString());
      return bytes.length;
    },
  };
  return { port, seen, failures, waiting, next: () => waiting.shift()?.() };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('lines of one turn leave together, in order, and flush waits for them', async () => {
  const { port, seen, next } = slowPort();
  const output = new LogOutput(port);
  for (const line of ['a', 'b', 'c']) output.line(line);
  let flushed = false;
  const flushing = output.flush().then(() => {
    flushed = true;
  });
  await turn();
  output.line('d');
  next();
  expect([seen, flushed]).toEqual([['a\nb\nc\n'], false]);
  next();
  await flushing;
  expect(seen.join('')).toBe('a\nb\nc\nd\n');
  await output.flush();
});

test('no write is longer than what a pipe takes in one piece, unless it is one line', async () => {
  const { port, seen, next, waiting } = slowPort();
  const output = new LogOutput(port);
  const lines = [...Array.from({ length: 100 }, () => 'é'.repeat(100)), 'x'.repeat(10_000), 'end'];
  for (const line of lines) output.line(line);
  await turn();
  while (waiting.length > 0) next();
  await output.flush();
  expect(seen.join('')).toBe(`${lines.join('\n')}\n`);
  expect(seen.filter((piece) => Buffer.byteLength(piece) > 4_096)).toEqual([`${'x'.repeat(10_000)}\n`]);
});

test('with a reader that has stopped, 10,000 lines wait; then lines are written at once rather than dropped', async () => {
  const { port, seen, next, waiting } = slowPort();
  const output = new LogOutput(port);
  output.line('first');
  await turn();
  for (let at = 0; at < 10_000; at++) output.line(`line ${at}`);
  expect(seen).toEqual([]);
  output.line('one too many');
  expect(seen.join('').split('\n')).toHaveLength(10_002);
  while (waiting.length > 0) next();
  await output.flush();
  expect(seen.at(-1)).toBe('first\n');
});

test('a descriptor that would block is tried again', async () => {
  const { port, seen, failures, waiting, next } = slowPort();
  const output = new LogOutput(port);
  output.line('a');
  failures.push('EAGAIN');
  await turn();
  next();
  await expect.poll(() => waiting.length).toBe(1);
  next();
  expect(seen).toEqual(['a\n']);
  failures.push('EAGAIN', 'EAGAIN');
  output.line('b');
  output.drainNow();
  expect(seen).toEqual(['a\n', 'b\n']);
});

test('a partial write goes on where it stopped', async () => {
  const seen: string[] = [];
  const port: OutputPort = {
    write: (bytes, done) => {
      seen.push(Buffer.from(bytes.subarray(0, 2)).toString());
      setImmediate(() => done(null, Math.min(2, bytes.length)));
    },
    writeSync: () => 0,
  };
  const output = new LogOutput(port);
  output.line('abcd');
  await output.flush();
  expect(seen.join('')).toBe('abcd\n');
});

for (const [how, fill] of [
  ['in the background', async () => turn()],
  ['when written at once', async (output: LogOutput) => output.drainNow()],
] as const) {
  test(`a reader that went away, noticed ${how}, ends the log and nothing else`, async () => {
    const { port, next, waiting } = slowPort('EPIPE');
    const output = new LogOutput(port);
    output.line('a');
    await fill(output);
    await turn();
    while (waiting.length > 0) next();
    output.line('b');
    await output.flush();
    await turn();
    expect(waiting).toEqual([]);
  });
}
