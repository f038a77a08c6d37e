// One status from whatever ended a call.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { statusOf, statusOfBreak, statusOfHttp } from './status.ts';

describe('from trailers', () => {
  const rows: readonly (readonly [rule: string, headers: Record<string, string>, want: object | undefined])[] = [
    ['none', {}, undefined],
    ['OK', { 'grpc-status': '0' }, { code: 0, message: '' }],
    ['a message is percent-decoded', { 'grpc-status': '16', 'grpc-message': 'who%20are%20you%3F' }, { code: 16, message: 'who are you?' }],
    ['a badly encoded message stays as it is', { 'grpc-status': '13', 'grpc-message': '%zz' }, { code: 13, message: '%zz' }],
    ['what is no number is Unknown', { 'grpc-status': 'x' }, { code: 2, message: '' }],
    ['nor is a huge one', { 'grpc-status': '99999999999' }, { code: 2, message: '' }],
  ];
  test.each(rows)('%s', (_rule, headers, want) => {
    expect(statusOf(headers)).toEqual(want);
  });
});

test('any trailers mean one status or none', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('0', '16', '-1', '1e3', '%', '%E2%82', '%00'));
  const trailers = fc.record({ 'grpc-status': fc.oneof(text, fc.array(text)), 'grpc-message': text }, { requiredKeys: [] });
  fc.assert(
    fc.property(trailers, (headers) => {
      const status = statusOf(headers);
      if (status === undefined) expect(typeof headers['grpc-status']).not.toBe('string');
      else expect(status.code).toSatisfy((code: number) => Number.isInteger(code) && code >= 0 && code <= 9_999);
    }),
  );
});

test.each([
  [400, 13],
  [401, 16],
  [403, 7],
  [404, 12],
  [429, 14],
  [503, 14],
  [500, 2],
])('HTTP %d is %d', (http, code) => {
  expect(statusOfHttp(http).code).toBe(code);
});

describe('from a broken stream', () => {
  const reset = Object.assign(new Error('reset'), { code: 'ERR_HTTP2_STREAM_ERROR' });
  test.each([
    ['CANCEL is Cancelled', reset, 8, 1],
    ['REFUSED_STREAM is Unavailable', reset, 7, 14],
    ['ENHANCE_YOUR_CALM is ResourceExhausted', reset, 11, 8],
    ['INTERNAL_ERROR is Internal', reset, 2, 13],
    ['an unknown reset is Unknown', reset, 99, 2],
    ['a connection that broke is Unknown', new Error('ECONNRESET'), 8, 2],
  ])('%s', (_rule, error, code, want) => {
    expect(statusOfBreak(error, code).code).toBe(want);
  });
});
