// The protocols of external authorization and rate limits: messages as other implementations write and read them, octet by octet.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppendAction, CheckRequestSchema, CheckResponseSchema } from '../messages/generated/external_authorization_pb.js';
import { RateLimitRequestSchema, RateLimitResponse_Code, RateLimitResponseSchema, Unit } from '../messages/generated/rate_limit_pb.js';
import { type CheckQuestion, decodeCheck, encodeCheck } from './check.ts';
import { decodeShouldRateLimit, encodeShouldRateLimit } from './should-rate-limit.ts';

const peer = { address: '10.0.0.1', port: 1234, principal: 'spiffe://td/ns/ns/sa/client' };
const http = { id: 'r', method: 'GET', scheme: 'http', host: 'app', path: '/x?y', protocol: 'HTTP/1.1', size: -1, body: '' };
const question: CheckQuestion = { source: peer, destination: { ...peer, port: 80 }, time: 1_500, sni: '', http: { ...http, headers: [] } };
const sent = (asked: CheckQuestion) => fromBinary(CheckRequestSchema, encodeCheck(asked)).attributes;

describe('a question about a request', () => {
  test('says who, where, when and what', () => {
    expect(sent(question)).toMatchObject({
      source: { principal: peer.principal, address: { socketAddress: { address: '10.0.0.1', portValue: 1234 } } },
      destination: { address: { socketAddress: { portValue: 80 } } },
      request: { time: { seconds: 1n, nanos: 500_000_000 }, http: { id: 'r', method: 'GET', path: '/x?y', host: 'app', size: -1n } },
    });
    expect(sent(question)?.tlsSession).toBeUndefined();
    expect(sent({ ...question, sni: 'a.com' })?.tlsSession?.sni).toBe('a.com');
  });

  test('joins headers, has pseudo-headers among them, and texts in place of octets', () => {
    const headers = [
      ['x', 'a'],
      ['y', 'Zo\u00c3\u00ab'],
      ['x', 'b'],
      ['z', '\xff'],
    ] as const;
    expect(sent({ ...question, http: { ...http, headers } })?.request?.http?.headers).toEqual({
      ':authority': 'app',
      ':method': 'GET',
      ':path': '/x?y',
      ':scheme': 'http',
      x: 'a,b',
      y: 'Zoë',
      z: '\ufffd',
    });
  });

  test('has a body as text or as octets', () => {
    expect(sent({ ...question, http: { ...http, headers: [], body: 'text' } })?.request?.http?.body).toBe('text');
    const raw = sent({ ...question, http: { ...http, headers: [], body: Buffer.from([0xff]) } })?.request?.http?.rawBody;
    expect([...(raw ?? [])]).toEqual([0xff]);
  });

  test('of a connection has no request', () => {
    const { http: _, ...connection } = question;
    expect(sent(connection)?.request?.http).toBeUndefined();
  });

  test('is laid out with the numbers of Envoy', () => {
    const bytes = encodeCheck({
      source: { address: 'a', port: 1, principal: 'p' },
      destination: { address: 'b', port: 2, principal: '' },
      time: 1_000,
      sni: 's',
    });
    expect(Buffer.from(bytes).toString('hex')).toBe('0a240a0c0a070a05120161180122017012090a070a05120162180222040a02080162030a0173');
  });
});

const answer = (given: object) => decodeCheck(toBinary(CheckResponseSchema, create(CheckResponseSchema, given)));
const header = (key: string, value: string) => ({ header: { key, value } });

describe('an answer about a request', () => {
  test('yes, with changes', () => {
    const value = {
      headers: [header('a', '1'), { ...header('b', 'ë'), append: true }],
      headersToRemove: ['c'],
      responseHeadersToAdd: [
        header('d', '1'),
        { ...header('e', '1'), append: false },
        { ...header('f', '1'), appendAction: AppendAction.ADD_IF_ABSENT },
        { ...header('g', '1'), appendAction: AppendAction.OVERWRITE_IF_EXISTS },
      ],
    };
    expect(answer({ status: { code: 0 }, httpResponse: { case: 'okResponse', value } })).toEqual({
      allow: true,
      request: [
        ['a', '1', 'set'],
        ['b', '\u00c3\u00ab', 'add'],
      ],
      removed: ['c'],
      response: [
        ['d', '1', 'add'],
        ['e', '1', 'set'],
        ['f', '1', 'if-absent'],
        ['g', '1', 'if-present'],
      ],
    });
  });
  test('yes, with nothing else', () => expect(answer({})).toEqual({ allow: true, request: [], removed: [], response: [] }));
  test('no', () => {
    const value = { status: { code: 401 }, headers: [header('www-authenticate', 'x')], body: 'go away' };
    expect(answer({ status: { code: 16 }, httpResponse: { case: 'deniedResponse', value } })).toEqual({
      allow: false,
      status: 401,
      headers: [['www-authenticate', 'x', 'set']],
      body: 'go away',
    });
  });
  test('no, though the rest says yes', () =>
    expect(answer({ status: { code: 7 }, httpResponse: { case: 'okResponse', value: {} } })).toEqual({
      allow: false,
      headers: [],
      body: '',
    }));
  test('that is no message', () => expect(decodeCheck(Buffer.from('ffff', 'hex'))).toBeUndefined());
});

describe('limits', () => {
  test('are asked for with what counts, and with the limit where its unit has a name', () => {
    const counted = { entries: [['k', 'v'] as const], requests: 5, every: 60_000 };
    const message = fromBinary(RateLimitRequestSchema, encodeShouldRateLimit('d', [counted, { ...counted, every: 7_000 }]));
    expect(message).toMatchObject({
      domain: 'd',
      hitsAddend: 1,
      descriptors: [{ limit: { requestsPerUnit: 5, unit: Unit.MINUTE } }, { entries: [{ key: 'k', value: 'v' }] }],
    });
    expect(message.descriptors[1]?.limit).toBeUndefined();
  });
  test('are answered with a wait', () => {
    const { OK, OVER_LIMIT } = RateLimitResponse_Code;
    const until = (code: RateLimitResponse_Code, seconds: number) => ({
      code,
      durationUntilReset: { seconds: BigInt(seconds), nanos: 500_000_000 },
    });
    const said = {
      overallCode: OVER_LIMIT,
      statuses: [until(OK, 90), until(OVER_LIMIT, 7)],
      responseHeadersToAdd: [{ key: 'a', value: 'b' }],
    };
    const decoded = decodeShouldRateLimit(toBinary(RateLimitResponseSchema, create(RateLimitResponseSchema, said)));
    expect(decoded).toMatchObject({ allow: false, wait: 7_500, headers: [['a', 'b']] });
  });
  test('an answer that decides nothing is none', () => expect(decodeShouldRateLimit(new Uint8Array())).toBeUndefined());
});

test('any octets are an answer or none, never a failure', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      decodeCheck(bytes);
      decodeShouldRateLimit(bytes);
    }),
    { numRuns: 2_000 },
  );
});
