// The rules of what comes next, as a table.
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { badAnswer, broken, type KubeError, refused, tooLarge } from './errors.ts';
import { type Course, nextCourse, type Outcome, type Phase, start } from './watch-course.ts';

const status = (code: number, message = ''): KubeError =>
  refused('watch', { status: code, reason: '', message, retryAfterSeconds: Number.NaN });
const ended = (why: KubeError | undefined, lived: number, changes = 0): Outcome => ({
  of: 'watch',
  version: '9',
  why,
  lived: ms(lived),
  changes,
});
const failed = (why: KubeError): Outcome => ({ of: 'list', why });

const watching: Phase = { at: 'watching', version: '7', resumed: true };
const onward: Phase = { at: 'watching', version: '9', resumed: true };
const listed: Phase = { at: 'watching', version: '9', resumed: false };
const relist: Phase = { at: 'listing', known: true, missed: 0 };
const missedOnce: Phase = { at: 'listing', known: true, missed: 1 };

const rows: readonly (readonly [name: string, from: Phase, outcome: Outcome, want: Partial<Course>])[] = [
  ['a list is followed by a watch from its version', start, { of: 'list', version: '9' }, { phase: listed, wait: 'none' }],
  ['a list that fails is tried again', start, failed(broken('list')), { phase: start, wait: 'backoff', missing: false }],
  ['a kind that never was is gone at once', start, failed(status(404)), { gone: true, missing: true, wait: ms(10_000) }],
  ['and is so once', { at: 'listing', known: false, missed: 1 }, failed(status(404)), { gone: false, missing: true }],
  ['a kind that was is not believed gone at first', relist, failed(status(404)), { phase: missedOnce, gone: false }],
  ['but at the second time', missedOnce, failed(status(404)), { gone: true }],
  ['other failures in between neither help nor hurt', missedOnce, failed(status(503)), { phase: missedOnce, gone: false }],
  ['a watch that ends in good order goes on at once', watching, ended(undefined, 300_000), { phase: onward, wait: 'none', reset: true }],
  ['unless it was too short', watching, ended(undefined, 500), { phase: onward, wait: 'backoff', reset: false }],
  ['a watch that breaks goes on after a while', watching, ended(broken('watch'), 300_000), { phase: onward, wait: 'backoff', reset: true }],
  ['a change is a sign of health', watching, ended(broken('watch'), 5, 1), { phase: onward, reset: true }],
  ['refused credentials are no reason for a list', watching, ended(status(401), 0), { phase: onward }],
  ['nor are missing rights', watching, ended(status(403), 0), { phase: onward }],
  ['nor is a busy server', watching, ended(status(429), 0), { phase: onward }],
  ['nor is one that starts', watching, ended(status(503), 0), { phase: onward }],
  ['a forgotten version is, soon', watching, ended(status(410), 0), { phase: relist, wait: 'backoff', reset: true }],
  ['later, if it comes from a list', listed, ended(status(410), 0), { phase: relist, wait: 'backoff', reset: false }],
  ['a version from the future is', watching, ended(status(504, 'Too large resource version: 9'), 0), { phase: relist }],
  ['a refusal of the request is', watching, ended(status(400), 0), { phase: relist }],
  ['a missing kind is', watching, ended(status(404), 0), { phase: relist, gone: false }],
  ['nonsense is', watching, ended(badAnswer('watch', 'x'), 0), { phase: relist }],
  ['an endless line is', watching, ended(tooLarge('watch', 1), 0), { phase: relist }],
];

for (const [name, from, outcome, want] of rows) test(name, () => expect(nextCourse(from, outcome)).toMatchObject(want));
