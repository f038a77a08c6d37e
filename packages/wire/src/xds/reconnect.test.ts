// The back-off table of xDS streams, row by row.
import { MeshError } from '@ambient-mesh/runtime/errors';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import type { CallFault } from '../grpc/call.ts';
import { afterEnd, firstBackoff, type Retry, type StreamEnd } from './reconnect.ts';

const status = (code: number, text = ''): unknown => new MeshError<CallFault>({ code: 'grpc.status', status: code }, text);
const running = (why: unknown): StreamEnd => ({ at: 'running', why });
const soon = (reason: Retry['reason']): object => ({ reason, wait: 10, next: 10 });
const later = (reason: Retry['reason'], wait: number): object => ({ reason, wait, next: wait });

const rows: readonly (readonly [rule: string, end: StreamEnd, current: number, want: object])[] = [
  ['no stream: twice the wait', { at: 'opening', why: new Error('refused') }, 10, later('ConnectionError', 20)],
  ['no stream, again', { at: 'opening', why: new Error('refused') }, 640, later('ConnectionError', 1_280)],
  ['no stream: never more than 15 s', { at: 'opening', why: new Error('refused') }, 8_000, later('ConnectionError', 15_000)],
  ['a status before the answer is no stream either', { at: 'opening', why: status(2) }, 10, later('ConnectionError', 20)],
  ['Unknown: at once', running(status(2)), 5_000, soon('Reconnect')],
  ['Cancelled: at once', running(status(1)), 5_000, soon('Reconnect')],
  ['DeadlineExceeded: at once', running(status(4)), 5_000, soon('Reconnect')],
  ['Unavailable because the server closes: at once', running(status(14, 'transport is closing')), 5_000, soon('Reconnect')],
  ['Unavailable after a GOAWAY: at once', running(status(14, 'error: received prior goaway: NO_ERROR')), 5_000, soon('Reconnect')],
  ['Unavailable otherwise: twice the wait', running(status(14, 'overloaded')), 10, later('Error', 20)],
  ['another status: twice the wait', running(status(13)), 40, later('Error', 80)],
  ['another error: twice the wait, not at once', running(new Error('undecodable')), 40, later('Error', 80)],
  ['a clean end: at once', { at: 'complete' }, 5_000, soon('Complete')],
];

test.each(rows)('%s', (_rule, end, current, want) => {
  expect(afterEnd(end, ms(current))).toEqual(want);
});

test('the first failure waits 20 ms', () => {
  expect(afterEnd({ at: 'opening', why: 'x' }, firstBackoff).wait).toBe(20);
});
