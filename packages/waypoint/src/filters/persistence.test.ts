// Sessions in cookies and headers.
import type { Persistence } from '@ambient-mesh/model/l7/route';
import type { HeaderList } from '@ambient-mesh/wire/http/message';
import { expect, test } from 'vitest';
import { announce, cookieOf, sessionOf } from './persistence.ts';

const cookie: Persistence = { by: 'cookie', name: 'sid', permanent: false };
const header: Persistence = { by: 'header', name: 'X-Session', permanent: false };
const now = 1_000_000;

function told(persistence: Persistence): readonly [string, string] {
  const said = announce(persistence, undefined, { uid: 'c//Pod/ns/a', now, path: '/' });
  if (said === undefined) throw new Error('nothing was announced');
  return said;
}
const asCookie = (value: string): HeaderList => [['cookie', `other=1; ${value.split(';')[0]}`]];

test('what the client is told is what it comes back with', () => {
  const [name, value] = told(cookie);
  expect([name, value]).toEqual(['set-cookie', expect.stringMatching(/^sid=[\w-]+; Path=\/; HttpOnly$/)]);
  expect(sessionOf(cookie, asCookie(value), now + 1)).toEqual({ uid: 'c//Pod/ns/a', since: now });
  const [own, text] = told(header);
  expect(own).toBe('x-session');
  expect(sessionOf(header, [[own, text]], now)).toEqual({ uid: 'c//Pod/ns/a', since: now });
});
test('who knows already is not told again', () =>
  expect(announce(cookie, { uid: 'a', since: 0 }, { uid: 'a', now, path: '/' })).toBeUndefined());
test('a permanent session says how long', () =>
  expect(told({ ...cookie, permanent: true, absoluteTimeout: 60_000, path: '/shop' })[1]).toMatch(/; Path=\/shop; HttpOnly; Max-Age=60$/));
test('a session that is over counts for nothing', () => {
  const limited = { ...cookie, absoluteTimeout: 1_000 };
  const [, value] = told(limited);
  expect(sessionOf(limited, asCookie(value), now + 1_000)).toBeDefined();
  expect(sessionOf(limited, asCookie(value), now + 1_001)).toBeUndefined();
});
for (const text of ['', 'x', 'bnVsbA', 'W10', 'eyJhIjoxfQ', 'a'.repeat(2_000), 'WzEsMl0'])
  test(`nonsense is no session: ${text.slice(0, 20)}`, () => expect(sessionOf(header, [['x-session', text]], now)).toBeUndefined());

test('cookies', () => {
  const headers: HeaderList = [
    ['cookie', 'a=1; b = 2;c=3=4'],
    ['cookie', 'd=5'],
  ];
  expect(['a', 'b', 'c', 'd', 'e'].map((name) => cookieOf(headers, name))).toEqual(['1', '2', '3=4', '5', undefined]);
});
