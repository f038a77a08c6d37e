// What the DNS proxy puts on the wire, judged by dns-packet; and that no bytes whatever make it throw.
import type { Ip } from '@ambient-mesh/model/address';
import packet, { type Packet } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answers, errorReply, ownAnswer, type Query, rcodes, readQuery, relay, type Transport, withId } from './message.ts';
import { layoutOf, nameAt, nameBytes } from './walk.ts';

const ask = (over: Partial<Packet> = {}): Buffer =>
  packet.encode({ type: 'query', id: 0x1234, flags: packet.RECURSION_DESIRED, questions: [{ type: 'A', name: 'Echo.Default' }], ...over });
const opt = (udpPayloadSize: number, flags = 0) => ({ type: 'OPT', name: '.', udpPayloadSize, flags });

function queryFrom(bytes: Buffer, transport: Transport = 'udp'): Query {
  const reading = readQuery(bytes, transport);
  if (reading === 'ignore' || !('query' in reading)) throw new Error('not a query');
  return reading.query;
}

describe('a message that is no query', () => {
  const flags = (message: Buffer, value: number): Buffer => {
    message.writeUInt16BE(value, 2);
    return message;
  };
  const twoOpts = ask({ additionals: [opt(512), opt(512)] });
  const pointer = Buffer.concat([ask().subarray(0, 12), Buffer.of(0xc0, 12, 0, 1, 0, 1)]);
  const rows: readonly (readonly [name: string, message: Buffer, transport: Transport, want: number | 'ignore'])[] = [
    ['shorter than a header: silence', ask().subarray(0, 11), 'udp', 'ignore'],
    ['a response over UDP: silence, so that errors cannot go round in circles', flags(ask(), 0x8000), 'udp', 'ignore'],
    ['a response over TCP: FORMERR', flags(ask(), 0x8000), 'tcp', rcodes.formErr],
    ['an opcode other than QUERY: NOTIMP', flags(ask(), 0x2800), 'udp', rcodes.notImp],
    ['no question: FORMERR', ask({ questions: [] }), 'udp', rcodes.formErr],
    [
      'two questions: FORMERR',
      ask({
        questions: [
          { type: 'A', name: 'a' },
          { type: 'A', name: 'b' },
        ],
      }),
      'udp',
      rcodes.formErr,
    ],
    ['cut within the question: FORMERR', ask().subarray(0, 20), 'udp', rcodes.formErr],
    ['a question that points at itself: FORMERR', pointer, 'udp', rcodes.formErr],
    ['counts more records than it has: FORMERR', Buffer.from(ask().fill(9, 6, 8)), 'udp', rcodes.formErr],
    ['two OPT records: FORMERR', twoOpts, 'udp', rcodes.formErr],
  ];
  for (const [name, message, transport, want] of rows) {
    test(name, () => {
      const reading = readQuery(message, transport);
      if (want === 'ignore') return expect(reading).toBe('ignore');
      const reply = packet.decode((reading as { reply: Buffer }).reply);
      expect([reply.id, reply.flag_qr, reply.flag_ra, reply.flags & 15]).toEqual([0x1234, true, true, want]);
    });
  }
});

describe('our own answers', () => {
  test('repeat the question as it came, and are authoritative with a TTL of 30 s', () => {
    const reply = packet.decode(ownAnswer(queryFrom(ask()), { ips: ['10.0.0.1' as Ip, '2001:db8::1' as Ip] }));
    expect(reply).toMatchObject({
      id: 0x1234,
      rcode: 'NOERROR',
      flag_qr: true,
      flag_aa: true,
      flag_ra: true,
      flag_rd: true,
      flag_tc: false,
    });
    expect(reply.questions).toMatchObject([{ type: 'A', name: 'Echo.Default' }]);
    expect(reply.answers).toMatchObject([
      { type: 'A', name: 'Echo.Default', ttl: 30, class: 'IN', data: '10.0.0.1' },
      { type: 'AAAA', name: 'Echo.Default', ttl: 30, data: '2001:db8::1' },
    ]);
    expect(reply.additionals).toEqual([]);
  });
  test('repeat RD and CD, nothing else', () => {
    const reply = packet.decode(ownAnswer(queryFrom(ask({ flags: packet.CHECKING_DISABLED | 0x20 })), { ips: [] }));
    expect([reply.flag_rd, reply.flag_cd, reply.flags & 0x60]).toEqual([false, true, 0]);
  });
  test('of a stripped name: a CNAME, then addresses of that name', () => {
    const reply = packet.decode(ownAnswer(queryFrom(ask()), { alias: 'echo.default.svc', ips: ['10.0.0.1' as Ip] }));
    expect(reply.answers).toMatchObject([
      { type: 'CNAME', name: 'Echo.Default', data: 'echo.default.svc', ttl: 30 },
      { type: 'A', name: 'echo.default.svc', data: '10.0.0.1' },
    ]);
  });
  test('echo EDNS: payload at least 512, DO kept', () => {
    const reply = packet.decode(ownAnswer(queryFrom(ask({ additionals: [opt(100, packet.DNSSEC_OK)] })), { ips: [] }));
    expect(reply.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 512, flag_do: true, ednsVersion: 0 }]);
    expect(packet.decode(errorReply(queryFrom(ask({ additionals: [opt(1232)] })), rcodes.servFail))).toMatchObject({
      rcode: 'SERVFAIL',
      flag_aa: false,
      additionals: [{ udpPayloadSize: 1232 }],
    });
  });
});

describe('an answer of 256 addresses', () => {
  const ips = Array.from({ length: 256 }, (_, i) => `10.0.0.${i}` as Ip);
  const rows: readonly (readonly [name: string, query: Query, limit: number, whole: boolean])[] = [
    ['TCP: whole', queryFrom(ask(), 'tcp'), 65_535, true],
    ['UDP: cut at 512', queryFrom(ask()), 512, false],
    ['UDP with EDNS: cut at the payload size', queryFrom(ask({ additionals: [opt(1232)] })), 1232, false],
    ['UDP with a large EDNS size: whole', queryFrom(ask({ additionals: [opt(65_535)] })), 65_535, true],
  ];
  for (const [name, query, limit, whole] of rows) {
    for (const kind of ['own', 'relayed']) {
      test(`${name} (${kind})`, () => {
        const upstream = packet.encode({
          type: 'response',
          id: 7,
          flags: packet.AUTHORITATIVE_ANSWER,
          questions: [{ type: 'A', name: 'Echo.Default' }],
          answers: ips.map((data) => ({ type: 'A', name: 'Echo.Default', data, ttl: 5 })),
          authorities: [{ type: 'NS', name: 'default', data: 'ns' }],
          additionals: [opt(1232)],
        });
        const bytes = kind === 'own' ? ownAnswer(query, { ips }) : relay(upstream, query);
        const reply = packet.decode(bytes);
        expect(bytes.length).toBeLessThanOrEqual(limit);
        expect(reply.flag_tc).toBe(!whole);
        expect(reply.answers.length === 256).toBe(whole);
        expect(reply.answers.length).toBeGreaterThan(10);
        expect(reply.id).toBe(0x1234);
        if (kind === 'relayed') expect([reply.flag_aa, reply.flag_ra, reply.additionals.length]).toEqual([false, true, 1]);
      });
    }
  }
});

describe('which upstream message answers a query', () => {
  const query = queryFrom(ask());
  const response = (over: Partial<Packet>): Buffer =>
    packet.encode({ type: 'response', id: 7, questions: [{ type: 'A', name: 'echo.DEFAULT' }], ...over });
  const rows: readonly (readonly [name: string, response: Buffer, want: boolean])[] = [
    ['same id and question, in any case', response({}), true],
    ['another id', response({ id: 8 }), false],
    ['another name', response({ questions: [{ type: 'A', name: 'echo.defaulu' }] }), false],
    ['another type', response({ questions: [{ type: 'AAAA', name: 'echo.default' }] }), false],
    ['a query', response({ type: 'query' }), false],
    ['no question, and no error either', response({ questions: [] }), false],
    ['no question, but an error', response({ questions: [], flags: rcodes.refused }), true],
    ['too short', response({}).subarray(0, 11), false],
  ];
  for (const [name, bytes, want] of rows) test(name, () => expect(answers(bytes, query, 7)).toBe(want));
  test('the id is changed in a copy', () => {
    expect(withId(query.bytes, 7).readUInt16BE(0)).toBe(7);
    expect(query.bytes.readUInt16BE(0)).toBe(0x1234);
  });
});

describe('names', () => {
  const wire = (...labels: string[]): Buffer =>
    Buffer.concat([...labels.map((l) => Buffer.concat([Buffer.of(l.length), Buffer.from(l, 'latin1')])), Buffer.of(0)]);
  const rows: readonly (readonly [name: string, bytes: Buffer, want: string | undefined])[] = [
    ['the root', wire(), ''],
    ['lower case, no final dot', wire('Www', 'EXAMPLE', 'com'), 'www.example.com'],
    ['a dot inside a label is not a separator', wire('a.b', 'c'), 'a\\046b.c'],
    ['bytes that no host name has', wire('a b', '\xe9'), 'a\\032b.\\233'],
    ['a label of 63 bytes', wire('x'.repeat(63)), 'x'.repeat(63)],
    ['a label that claims 64 bytes', Buffer.concat([Buffer.of(64), Buffer.alloc(64, 97), Buffer.of(0)]), undefined],
    ['255 bytes', wire(...Array<string>(127).fill('a')), Array(127).fill('a').join('.')],
    ['256 bytes', wire(...Array<string>(126).fill('a'), 'bb'), undefined],
    ['no end', wire('a').subarray(0, 2), undefined],
  ];
  for (const [name, bytes, want] of rows) {
    test(name, () => {
      expect(nameAt(bytes, 0)?.text).toBe(want);
      if (want !== undefined) expect(nameBytes(want)?.toString('latin1').toLowerCase()).toBe(bytes.toString('latin1').toLowerCase());
    });
  }
});

describe('hostile bytes', () => {
  const bytes = fc.uint8Array({ maxLength: 600 }).map((b) => Buffer.from(b));
  const mutated = fc
    .tuple(fc.constantFrom(ask(), ask({ additionals: [opt(1232)] })), fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }))
    .map(([base, edits]) => {
      const copy = Buffer.from(base);
      for (const [at, value] of edits) if (at < copy.length) copy[at] = value;
      return copy;
    });
  test('never throw, and every query that is read can be answered within its limit', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, mutated), fc.constantFrom<Transport>('udp', 'tcp'), bytes, (message, transport, response) => {
        const reading = readQuery(message, transport);
        if (reading === 'ignore') return;
        if ('reply' in reading) return void expect(layoutOf(reading.reply)).toBeDefined();
        const own = ownAnswer(reading.query, { ips: Array<Ip>(50).fill('::1' as Ip) });
        expect(layoutOf(own)).toBeDefined();
        expect(own.length).toBeLessThanOrEqual(reading.query.limit);
        answers(response, reading.query, 1);
        expect(relay(response, reading.query).length).toBeLessThanOrEqual(Math.max(reading.query.limit, 600));
      }),
      { numRuns: 3_000 },
    );
  });
});
