// Rules of the errors that failed system calls become.
// Beside errors.ts; needs no privilege.
// What each call really fails with is in the kernel tests.
import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { refused } from './errors.ts';

const { EADDRINUSE, EPERM, EPIPE } = constants.errno;

const rows: readonly (readonly [rule: string, call: string, errno: number, text: string])[] = [
  [
    'says what was attempted, the call, the name and what to look at',
    'bind',
    EADDRINUSE,
    'cannot listen on [::]:15008: bind: EADDRINUSE (another socket holds this port and does not share it)',
  ],
  ['has a hint for a number whatever the call', 'setns', EPERM, 'cannot listen on [::]:15008: setns: EPERM (a capability is missing'],
  ['says no more than it knows', 'sendmsg', EPIPE, 'cannot listen on [::]:15008: sendmsg: EPIPE'],
  ['shows a number without a name', 'bind', 9_999, 'cannot listen on [::]:15008: bind: errno 9999'],
];

describe('refused', () => {
  test.each(rows)('%s', (_, call, errno, text) => {
    const error = refused(call, errno, 'listen on [::]:15008');
    expect(error.message).toContain(text);
    expect(error.fault).toMatchObject({ code: `host.${call}`, errno, attempted: 'listen on [::]:15008' });
  });
});
