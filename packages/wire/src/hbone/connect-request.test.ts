// The CONNECT request's headers, written and read (facts: ztunnel §2.4, §2.7, §2.8).
import { canonicalIp } from '@ambient-mesh/model/address';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ConnectRequest, encodeConnect, forwardedHost, headerOf, makeTraceparent } from './connect-request.ts';

const base: ConnectRequest = {
  authority: '10.0.0.2:80',
  baggage: '',
  client: { ip: canonicalIp('10.0.0.1'), port: 4242 },
  traceparent: 't',
};

describe('what is sent', () => {
  test('baggage always, even empty; then forwarded and traceparent; nothing else', () => {
    expect(encodeConnect(base)).toEqual([
      [':method', 'CONNECT'],
      [':authority', '10.0.0.2:80'],
      ['baggage', ''],
      ['forwarded', 'for="10.0.0.1:4242"'],
      ['traceparent', 't'],
    ]);
  });

  test('the service that the client meant is named without quotes', () => {
    expect(headerOf(encodeConnect({ ...base, service: 'a.b.svc' }), 'forwarded')).toBe('for="10.0.0.1:4242";host=a.b.svc');
  });

  test('an IPv6 client is bracketed', () => {
    expect(headerOf(encodeConnect({ ...base, client: { ip: canonicalIp('::1'), port: 80 } }), 'forwarded')).toBe('for="[::1]:80"');
  });

  test('the inner request of a double tunnel names its network', () => {
    expect(headerOf(encodeConnect({ ...base, network: 'n1' }), 'x-forwarded-network')).toBe('n1');
  });
});

describe('forwarded', () => {
  const rows: readonly (readonly [value: string, host: string | undefined])[] = [
    ['for="10.0.0.1:80";host=a.b.svc', 'a.b.svc'],
    ['host="a.b.svc"', 'a.b.svc'],
    ['for=x; host=a ;host=b', 'a'],
    ['host=', undefined],
    ['host=""', undefined],
    ['for="10.0.0.1:80"', undefined],
    ['', undefined],
    ['host=\xe4', undefined],
  ];
  for (const [value, host] of rows) {
    test(`${JSON.stringify(value)} means ${host}`, () => {
      expect(forwardedHost(value)).toBe(host);
    });
  }
});

test('a traceparent is of version 00, not sampled, and all chance', () => {
  const random = Buffer.from('000102030405060708090a0b0c0d0e0f1011121314151617', 'hex');
  expect(makeTraceparent(random)).toBe('00-000102030405060708090a0b0c0d0e0f-1011121314151617-00');
});

test('no header value makes a reader throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (value) => {
      forwardedHost(value);
    }),
  );
});
