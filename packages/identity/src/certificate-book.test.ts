// When the book asks the authority, in which order, and what it answers meanwhile: every rule of its header, on a clock moved by hand.
// The authority is a port that the test holds: `ask` collects requests, which the test grants or refuses.
// What an answer must hold is credentials.test.ts.
import { inspect } from 'node:util';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import { isFault } from '@ambient-mesh/runtime/errors';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { CertificateBook, type SigningRequest } from './certificate-book.ts';
import type { Credentials } from './credentials.ts';
import { testAuthority } from './testing/index.ts';

interface Question extends SigningRequest {
  readonly signal: AbortSignal;
  grant(ttlSeconds?: number): Promise<void>;
  refuse(why?: string): Promise<void>;
}

const hour = ms(3_600_000);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function open(random = 0.5) {
  const clock = fakeClock();
  const mesh = testAuthority({ now: () => clock.now() });
  const asked: Question[] = [];
  const book = new CertificateBook({
    clock,
    random: () => random,
    sign: ({ identity, csrPem }, signal) =>
      new Promise((resolve, reject) => {
        const grant = (ttlSeconds = 3_600): Promise<void> => {
          resolve({ chainPem: mesh.sign(csrPem, identity, ttlSeconds) });
          return settled();
        };
        const refuse = (why = 'refused'): Promise<void> => {
          reject(new Error(why));
          return settled();
        };
        asked.push({ identity, csrPem, signal, grant, refuse });
      }),
  });
  /** The only question that is open, and no other. */
  const next = (): Question => {
    expect(asked.length).toBe(1);
    const [question] = asked.splice(0);
    if (question === undefined) throw new Error('nothing asked');
    return question;
  };
  return { clock, mesh, asked, book, next, id: (name: string): SpiffeId => mesh.id('default', name) };
}

/** How a promise ended, without leaving a rejection unhandled. */
const outcome = (promise: Promise<Credentials>): Promise<string> =>
  promise.then(
    (credentials) => credentials.identity.serviceAccount,
    (e: Error) => e.message,
  );

test('1,000 who want one of ten identities cause ten questions and get ten certificates', async () => {
  const { book, asked, id } = open();
  const fetched = Array.from({ length: 1_000 }, (_, n) => book.fetch(id(`a${n % 10}`)));
  for (let round = 0; round < 10; round++) await asked[round]?.grant();
  expect(asked.length).toBe(10);
  expect(new Set(await Promise.all(fetched)).size).toBe(10);
  expect(await book.fetch(id('a0'))).toBe(await fetched[0]);
  expect(asked.length).toBe(10);
});

test('at most eight questions are open, whatever is wanted', async () => {
  const { book, asked, id } = open();
  for (let n = 0; n < 20; n++) book.prefetch(id(`a${n}`));
  expect(asked.length).toBe(8);
  await asked[3]?.grant();
  await asked[5]?.refuse();
  expect(asked.length).toBe(10);
});

test('who waits comes before what may be needed, which comes before renewals; then who asked first', async () => {
  const { book, asked, clock, id } = open();
  const renewing = book.fetch(id('renewal'));
  await asked[0]?.grant();
  await renewing;
  for (let n = 0; n < 8; n++) book.prefetch(id(`busy${n}`));
  await clock.advance(hour);
  book.prefetch(id('warm'));
  const waiting = [book.fetch(id('first')), book.fetch(id('second'))].map(outcome);
  for (let n = 1; n <= 8; n++) await asked[n]?.grant();
  expect(asked.slice(9).map((question) => question.identity.serviceAccount)).toEqual(['first', 'second', 'warm', 'renewal']);
  for (const question of asked.slice(9)) await question.grant();
  expect(await Promise.all(waiting)).toEqual(['first', 'second']);
});

test('a fetch raises what was only being warmed up', async () => {
  const { book, asked, id } = open();
  for (let n = 0; n < 10; n++) book.prefetch(id(`a${n}`));
  const waiting = outcome(book.fetch(id('a9')));
  await asked[0]?.grant();
  expect(asked[8]?.identity.serviceAccount).toBe('a9');
  await asked[8]?.grant();
  expect(await waiting).toBe('a9');
});

test('warming up twice, or what is there, asks once', async () => {
  const { book, next, asked, id } = open();
  book.prefetch(id('a'));
  book.prefetch(id('a'));
  await next().grant();
  book.prefetch(id('a'));
  expect(asked.length).toBe(0);
  expect(book.current(id('a'))).toBeDefined();
});

test('a fetch joins the question that warming up has open', async () => {
  const { book, next, id } = open();
  book.prefetch(id('a'));
  const waiting = outcome(book.fetch(id('a')));
  await next().grant();
  expect(await waiting).toBe('a');
});

/** Half of one hour and the two minutes that the authority dates back. */
const renewals: readonly (readonly [chance: number, minutes: number])[] = [
  [0, 29],
  [0.5, 29 - 31 * 0.05],
  [1, 29 - 31 * 0.1],
];
for (const [chance, minutes] of renewals) {
  test(`with chance ${chance} renewal comes ${minutes} minutes after issue, with a new key`, async () => {
    const { book, next, asked, clock, id } = open(chance);
    const first = book.fetch(id('a'));
    await next().grant();
    await clock.advance(ms(minutes * 60_000 - 2_000));
    expect(asked.length).toBe(0);
    await clock.advance(ms(4_000));
    await next().grant();
    const renewed = await book.fetch(id('a'));
    expect(renewed.notAfter).toBeGreaterThan((await first).notAfter);
    expect(renewed.keyPem).not.toBe((await first).keyPem);
  });
}

test('failures wait 1, 2, 4 s and so on up to 150 s; a success starts over', async () => {
  const { book, asked, clock, id } = open();
  const waits = async (count: number): Promise<number[]> => {
    const seconds: number[] = [];
    for (let n = 0; n < count; n++) {
      await asked.shift()?.refuse();
      const from = clock.now();
      while (asked.length === 0) await clock.advance(ms(500));
      seconds.push((clock.now() - from) / 1_000);
    }
    return seconds;
  };
  book.prefetch(id('a'));
  expect(await waits(10)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 150, 150]);
  await asked.shift()?.grant();
  while (asked.length === 0) await clock.advance(ms(60_000));
  expect(await waits(2)).toEqual([1, 2]);
});

test('a failed first fetch is retried on demand, but not at line rate', async () => {
  const { book, next, asked, clock, id } = open();
  const first = outcome(book.fetch(id('a')));
  await next().refuse('no route');
  expect(await first).toBe('no route');
  expect(await outcome(book.fetch(id('a')))).toBe('no route');
  expect(asked.length).toBe(0);
  await clock.advance(ms(1_000));
  await next().refuse('no route');
  await clock.advance(ms(1_100));
  expect(asked.length).toBe(0);
  const again = outcome(book.fetch(id('a')));
  await next().grant();
  expect(await again).toBe('a');
});

test('a valid certificate outlives failed renewals, until its last second', async () => {
  const { book, asked, clock, id } = open();
  const fetched = book.fetch(id('a'));
  await asked.shift()?.grant();
  const first = await fetched;
  while (clock.now() < first.notAfter - 60_000) {
    await clock.advance(ms(30_000));
    await asked.shift()?.refuse();
    expect(await book.fetch(id('a'))).toBe(first);
    expect(book.states()[0]?.state).toBe('Available');
  }
  await clock.advance(ms(first.notAfter - clock.now()));
  expect(book.current(id('a'))).toBeUndefined();
  const waiting = outcome(book.fetch(id('a')));
  await asked.shift()?.refuse('still refused');
  expect(await waiting).toBe('still refused');
  expect(book.states()[0]?.state).toBe('Unavailable: still refused');
});

test('with a certificate in hand the retry comes no later than its expiry', async () => {
  const { book, asked, clock, id } = open();
  const fetched = book.fetch(id('a'));
  await asked.shift()?.grant(60);
  const { notAfter } = await fetched;
  while (clock.now() < notAfter) {
    await clock.advance(ms(100));
    if (clock.now() < notAfter) await asked.shift()?.refuse();
  }
  expect(asked.length).toBe(1);
});

test('an answer for somebody else is a failure', async () => {
  const { mesh, clock, id } = open();
  const book = new CertificateBook({
    clock,
    random: () => 0,
    sign: async ({ csrPem }) => ({ chainPem: mesh.sign(csrPem, id('other')) }),
  });
  await expect(book.fetch(id('a'))).rejects.toSatisfy((e) => isFault(e, 'certificate.wrong-identity'));
});

test('forgetting refuses those who wait, stops the question, and drops a late answer', async () => {
  const { book, next, asked, id } = open();
  const told: (Credentials | undefined)[] = [];
  using _listener = book.onChange((_, credentials) => told.push(credentials));
  const waiting = outcome(book.fetch(id('a')));
  const question = next();
  book.forget(id('a'));
  expect(await waiting).toMatch(/no longer needed/);
  expect(question.signal.aborted).toBe(true);
  await question.grant();
  expect(book.current(id('a'))).toBeUndefined();
  expect(told).toEqual([undefined]);
  const again = outcome(book.fetch(id('a')));
  await asked[0]?.grant();
  expect(await again).toBe('a');
});

test('a forgotten certificate is gone and never renewed', async () => {
  const { book, asked, next, clock, id } = open();
  const fetched = book.fetch(id('a'));
  await next().grant();
  await fetched;
  book.forget(id('a'));
  await clock.advance(ms(10 * hour));
  expect(asked.length).toBe(0);
  expect(book.states()).toEqual([]);
});

test('what is queued and forgotten is never asked', async () => {
  const { book, asked, id } = open();
  for (let n = 0; n < 10; n++) book.prefetch(id(`a${n}`));
  book.forget(id('a8'));
  for (const question of [...asked]) await question.grant();
  expect(asked.map((question) => question.identity.serviceAccount)).not.toContain('a8');
  expect(asked.length).toBe(9);
});

test('listeners hear of every certificate until they are disposed of', async () => {
  const { book, asked, clock, id } = open();
  const told: string[] = [];
  const listener = book.onChange((identity, credentials) => told.push(`${identity.serviceAccount} ${credentials?.notAfter}`));
  const fetched = book.fetch(id('a'));
  await asked.shift()?.grant();
  while (asked.length === 0) await clock.advance(ms(60_000));
  await asked.shift()?.grant();
  expect(told).toEqual([`a ${(await fetched).notAfter}`, `a ${book.current(id('a'))?.notAfter}`]);
  listener[Symbol.dispose]();
  book.forget(id('a'));
  expect(told.length).toBe(2);
});

test('a closed book asks nothing, keeps no timer and refuses', async () => {
  const { book, next, asked, clock, id } = open();
  const waiting = outcome(book.fetch(id('a')));
  const question = next();
  book[Symbol.dispose]();
  expect(await waiting).toMatch(/no longer kept/);
  expect(question.signal.aborted).toBe(true);
  await question.refuse();
  book.prefetch(id('b'));
  await expect(book.fetch(id('a'))).rejects.toSatisfy((e) => isFault(e, 'certificate.closed'));
  expect(asked.length).toBe(0);
  expect(clock.pending).toBe(0);
});

test('states are sorted and say how each identity fares; no key is in them, nor in what the book prints', async () => {
  const { book, asked, id } = open();
  for (const name of ['c', 'a', 'b']) book.prefetch(id(name));
  await asked[1]?.grant();
  await asked[2]?.refuse('CA not reachable');
  const states = book.states();
  expect(states.map(({ identity, state, certChain }) => [identity.at(-1), state, certChain.length])).toEqual([
    ['a', 'Available', 1],
    ['b', 'Unavailable: CA not reachable', 0],
    ['c', 'Initializing', 0],
  ]);
  const key = book.current(id('a'))?.keyPem.split('\n')[1] ?? 'missing';
  const printed = inspect(book, { depth: 10, showHidden: true }) + inspect(states, { depth: 10 }) + JSON.stringify(states);
  expect(printed).not.toContain(key);
  expect(printed).not.toContain('PRIVATE');
});
