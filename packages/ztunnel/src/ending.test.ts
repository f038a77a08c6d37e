// How each kind of end is told in a report: well, failed with a flag and words, or not at all.
// Beside ending.ts; which flag belongs to which fault is a table of telemetry.
// The first cause wins: a connection that was cut has no other story.
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { Ending, PumpResult } from '@ambient-mesh/wire/pump';
import { describe, expect, test } from 'vitest';
import type { Cut } from './connections.ts';
import { type Told, toldOfCut, toldOfFault, toldOfPump } from './ending.ts';

const cuts: readonly (readonly [rule: string, cut: Cut, want: Told])[] = [
  [
    'a policy that has a name',
    { because: 'policy', policy: 'ns/p', text: 'explicitly denied by: ns/p' },
    { flag: 'DENY', policy: 'ns/p', error: 'connection closed due to policy change: explicitly denied by: ns/p' },
  ],
  [
    'policies that all fail to allow',
    { because: 'policy', text: 'none allowed' },
    { flag: 'DENY', error: 'connection closed due to policy change: none allowed' },
  ],
  [
    'a revoked certificate',
    { because: 'revoked' },
    { flag: 'CERT_REVOKED', error: "connection closed because the peer's certificate was revoked" },
  ],
  ['a drain', { because: 'drain' }, 'cut by drain'],
];
describe('cut by', () => {
  test.each(cuts)('%s', (_, cut, want) => {
    expect(toldOfCut(cut)).toEqual(want);
  });
  test.each(cuts)('%s, whatever else happened', (_, cut, want) => {
    const aborted: Ending = { how: 'aborted', reason: new Error('cut') };
    expect(toldOfPump({ sent: aborted, received: aborted }, cut)).toEqual(want);
    expect(toldOfFault(new Error('cut'), cut, { overHbone: true })).toEqual(want);
  });
});

const eof: Ending = { how: 'eof' };
const gone: Ending = { how: 'gone' };
const failed = (errno: string): Ending => ({ how: 'failed', fault: new MeshError({ code: 'tcp.failed', errno }, `failed: ${errno}`) });
const pumped: readonly (readonly [rule: string, result: PumpResult, want: Told])[] = [
  ['both sides finished', { sent: eof, received: eof }, undefined],
  ['a peer went away', { sent: gone, received: eof }, undefined],
  ['from the client', { sent: eof, received: failed('ETIMEDOUT') }, { flag: 'CONNECT', error: 'send: failed: ETIMEDOUT' }],
  ['from the app', { sent: failed('EHOSTUNREACH'), received: eof }, { flag: 'CONNECT', error: 'receive: failed: EHOSTUNREACH' }],
  ['both: the client is told of', { sent: failed('A'), received: failed('B') }, { flag: 'CONNECT', error: 'send: failed: B' }],
];
test.each(pumped)('moved bytes: %s', (_, result, want) => {
  expect(toldOfPump(result, undefined)).toEqual(want);
});

test('a connection that was never made tells its fault with its causes', () => {
  const fault = new MeshError({ code: 'dial.refused' }, '10.0.0.2:80 refused the connection');
  expect(toldOfFault(fault, undefined, { overHbone: false })).toEqual({
    flag: expect.any(String),
    error: '10.0.0.2:80 refused the connection',
  });
  expect(toldOfFault('odd', undefined, { overHbone: true })).toEqual({ flag: expect.any(String), error: 'odd' });
});
