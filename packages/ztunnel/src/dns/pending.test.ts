// The bound on queries in progress: what is over it, what counts, and when a drain may close.
import { describe, expect, test } from 'vitest';
import { limits, PendingQueries } from './pending.ts';

const never = new AbortController().signal;
const query = Buffer.alloc(12);
const reply = Buffer.from('answer');

describe('queries in progress', () => {
  test('over the bound there is no answer; a place is free again when one was sent', async () => {
    const answers = Array.from({ length: limits.queries + 1 }, () => Promise.withResolvers<Buffer | undefined>());
    let asked = 0;
    const pending = new PendingQueries(() => answers[asked++]?.promise ?? Promise.resolve(undefined), never);
    const sends: (() => void)[] = [];
    const got: unknown[] = [];
    const ask = (): void =>
      pending.ask(query, 'udp', (answer, sent) => {
        got.push(answer);
        sends.push(sent);
      });
    for (let n = 0; n < limits.queries; n++) ask();
    ask();
    expect([asked, got]).toEqual([limits.queries, [undefined]]);
    answers[0]?.resolve(reply);
    await answers[0]?.promise;
    ask();
    expect([asked, got]).toEqual([limits.queries, [undefined, reply, undefined]]);
    sends[1]?.();
    ask();
    expect(asked).toBe(limits.queries + 1);
  });
  const ends: readonly (readonly [name: string, answer: () => Promise<Buffer | undefined>])[] = [
    ['an answer', async () => reply],
    ['no answer', async () => undefined],
    ['a failure', async () => Promise.reject(new Error('failed'))],
  ];
  for (const [name, answer] of ends) {
    test(`${name}: idle once it was sent, however often that is said`, async () => {
      const pending = new PendingQueries(answer, never);
      const sent = await new Promise<() => void>((resolve) => pending.ask(query, 'tcp', (_, done) => resolve(done)));
      let idle = 0;
      pending.whenIdle(() => {
        idle += 1;
      });
      expect(idle).toBe(0);
      sent();
      sent();
      expect(idle).toBe(1);
    });
  }
  test('a reply that throws frees its place and harms nobody', async () => {
    const pending = new PendingQueries(async () => reply, never);
    pending.ask(query, 'udp', () => {
      throw new RangeError('bad port');
    });
    await new Promise<void>((resolve) => pending.whenIdle(resolve));
  });
});
