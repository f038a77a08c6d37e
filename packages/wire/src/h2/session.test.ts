// A session against a peer that speaks frame by frame: set-up, keepalive, and the rules of RFC 9113 that a stranger can break.
import { Duplex } from 'node:stream';
import { isFault } from '@ambient-mesh/runtime/errors';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { describe, expect, test } from 'vitest';
import { connectHeaders, data, frame, headers, settings, u32 } from '../testing/hbone-frames.ts';
import { type Rig, request, rig } from '../testing/hbone-session.ts';
import { errorCode, flag, frameType, preface } from './protocol.ts';
import { H2Session } from './session.ts';
import { serverSettings } from './settings.ts';

describe('set-up', () => {
  test('the client announces what facts §2.3 list, and its connection window at once', async () => {
    const r = rig('client');
    await r.settle();
    const [first, second] = r.peer.frames;
    expect(first?.payload).toEqual(settings([2, 0], [4, 256 * 1024], [5, 1024 * 1024], [6, 16 * 1024]).subarray(9));
    expect([second?.type, second?.stream, second?.payload.readUInt32BE(0)]).toEqual([frameType.windowUpdate, 0, 16 * 1024 * 1024 - 65_535]);
  });

  test('the server announces its stream limit and header list', async () => {
    const r = rig('server');
    await r.settle();
    expect(r.peer.frames[0]?.payload).toEqual(settings([3, 200], [4, 256 * 1024], [5, 1024 * 1024], [6, 64 * 1024]).subarray(9));
  });

  test('SETTINGS and PING are acknowledged', async () => {
    const r = rig('server');
    r.peer.send(frame(frameType.ping, 0, 0, Buffer.from('12345678')));
    await r.settle();
    expect(r.peer.of(frameType.settings).some((f) => f.flags === flag.ack)).toBe(true);
    expect(r.peer.of(frameType.ping)[0]).toMatchObject({ flags: flag.ack, payload: Buffer.from('12345678') });
  });

  test('a client that does not begin within 10 s is dropped', async () => {
    const r = rig('server', {}, false);
    await r.clock.advance(ms(9_999));
    expect(r.closed).toEqual([]);
    await r.clock.advance(ms(2_000));
    expect(isFault(r.closed[0]?.fault, 'h2.preface-timeout')).toBe(true);
  });
});

describe('keepalive', () => {
  const answerPings = (r: Rig): void => {
    for (const ping of r.peer.of(frameType.ping)) if (ping.flags === 0) r.peer.send(frame(frameType.ping, flag.ack, 0, ping.payload));
  };

  test('PING after 10 s, then 10 s after each PONG', async () => {
    const r = rig('client');
    await r.clock.advance(ms(10_000));
    await r.settle();
    expect(r.peer.of(frameType.ping)).toHaveLength(1);
    answerPings(r);
    await r.settle();
    await r.clock.advance(ms(9_999));
    await r.settle();
    expect(r.peer.of(frameType.ping)).toHaveLength(1);
    await r.clock.advance(ms(1));
    await r.settle();
    expect(r.peer.of(frameType.ping)).toHaveLength(2);
  });

  for (const role of ['client', 'server'] as const) {
    test(`no PONG within 20 s ends the connection (${role})`, async () => {
      const r = rig(role);
      await r.settle();
      await r.clock.advance(ms(29_999));
      expect(r.closed).toEqual([]);
      await r.clock.advance(ms(1_500));
      await r.settle();
      expect(isFault(r.closed[0]?.fault, 'h2.ping-timeout')).toBe(true);
      expect(r.peer.goAwayCode).toBe(role === 'server' ? errorCode.noError : undefined);
    });
  }
});

describe('violations end the connection with the right code', () => {
  const rows: readonly (readonly [rule: string, bytes: readonly Uint8Array[], code: number])[] = [
    ['a frame larger than we allow', [Buffer.from([0x10, 0, 1, 0, 0, 0, 0, 0, 1])], errorCode.frameSize],
    ['DATA on stream 0', [data(0, 'x')], errorCode.protocol],
    ['DATA on an idle stream', [data(5, 'x')], errorCode.protocol],
    ['RST_STREAM on an idle stream', [frame(frameType.reset, 0, 5, u32(8))], errorCode.protocol],
    ['WINDOW_UPDATE on an idle stream', [frame(frameType.windowUpdate, 0, 5, u32(8))], errorCode.protocol],
    ['WINDOW_UPDATE by 0 on the connection', [frame(frameType.windowUpdate, 0, 0, u32(0))], errorCode.protocol],
    ['a connection window above 2^31-1', [frame(frameType.windowUpdate, 0, 0, u32(2 ** 31 - 1))], errorCode.flowControl],
    ['a request on an even stream', [connectHeaders(2)], errorCode.protocol],
    ['CONTINUATION out of nowhere', [frame(frameType.continuation, 4, 1)], errorCode.protocol],
    [
      'a frame in the middle of a header block',
      [frame(frameType.headers, 0, 1, Buffer.from([0x82])), frame(frameType.ping, 0, 0, Buffer.alloc(8))],
      errorCode.protocol,
    ],
    ['PUSH_PROMISE', [frame(frameType.pushPromise, 4, 1, u32(2))], errorCode.protocol],
    ['a PING of 7 octets', [frame(frameType.ping, 0, 0, Buffer.alloc(7))], errorCode.frameSize],
    ['a PING on a stream', [frame(frameType.ping, 0, 1, Buffer.alloc(8))], errorCode.protocol],
    ['a SETTINGS frame of 5 octets', [frame(frameType.settings, 0, 0, Buffer.alloc(5))], errorCode.frameSize],
    ['an acknowledging SETTINGS with a payload', [frame(frameType.settings, flag.ack, 0, Buffer.alloc(6))], errorCode.frameSize],
    ['ENABLE_PUSH of 2', [settings([2, 2])], errorCode.protocol],
    ['INITIAL_WINDOW_SIZE above 2^31-1', [settings([4, 2 ** 31])], errorCode.flowControl],
    ['MAX_FRAME_SIZE below 16,384', [settings([5, 16_383])], errorCode.protocol],
    [
      'a malformed header block',
      [frame(frameType.headers, 4, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
      errorCode.compression,
    ],
    ['more padding than frame', [connectHeaders(1), frame(frameType.data, flag.padded, 1, Buffer.from([9, 1]))], errorCode.protocol],
    [
      'an endless header block',
      Array.from({ length: 40 }, (_, i) => frame(i === 0 ? frameType.headers : frameType.continuation, 0, 1, Buffer.alloc(1))),
      errorCode.enhanceYourCalm,
    ],
    [
      'a huge header block',
      [frame(frameType.headers, 0, 1, Buffer.alloc(50_000)), frame(frameType.continuation, 0, 1, Buffer.alloc(50_000))],
      errorCode.enhanceYourCalm,
    ],
  ];
  for (const [rule, bytes, code] of rows) {
    test(rule, async () => {
      const r = rig('server');
      r.peer.send(...bytes);
      await r.settle();
      expect(r.peer.goAwayCode).toBe(code);
      await r.clock.advance(ms(1_000));
      expect(r.closed).toHaveLength(1);
      expect(isFault(r.closed[0]?.fault, 'h2.violation')).toBe(true);
    });
  }

  test('another preface', async () => {
    const r = rig('server', {}, false);
    r.peer.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await r.settle();
    expect(r.peer.goAwayCode).toBe(errorCode.protocol);
  });

  test('a first frame that is not SETTINGS', async () => {
    const r = rig('server', {}, false);
    r.peer.send(preface, frame(frameType.ping, 0, 0, Buffer.alloc(8)));
    await r.settle();
    expect(r.peer.goAwayCode).toBe(errorCode.protocol);
  });
});

describe('what a stream gets wrong ends only the stream', () => {
  const rows: readonly (readonly [rule: string, bytes: readonly Uint8Array[], code: number])[] = [
    ['CONNECT with a path', [headers(1, [...request, [':path', '/']])], errorCode.protocol],
    ['CONNECT without authority', [headers(1, [[':method', 'CONNECT']])], errorCode.protocol],
    ['an unknown pseudo-header', [headers(1, [...request, [':protocol', 'x']])], errorCode.protocol],
    [
      'a pseudo-header after others',
      [
        headers(1, [
          [':method', 'CONNECT'],
          ['a', 'b'],
          [':authority', 'x:1'],
        ]),
      ],
      errorCode.protocol,
    ],
    ['an upper-case name', [headers(1, [...request, ['Baggage', 'x']])], errorCode.protocol],
    ['a line feed in a value', [headers(1, [...request, ['baggage', 'a\nb']])], errorCode.protocol],
    ['a connection header', [headers(1, [...request, ['connection', 'close']])], errorCode.protocol],
    ['DATA after END_STREAM', [connectHeaders(1), data(1, 'x', true), data(1, 'y')], errorCode.streamClosed],
    ['trailers without END_STREAM', [connectHeaders(1), headers(1, [['a', 'b']])], errorCode.protocol],
    ['WINDOW_UPDATE by 0', [connectHeaders(1), frame(frameType.windowUpdate, 0, 1, u32(0))], errorCode.protocol],
    ['a stream window above 2^31-1', [connectHeaders(1), frame(frameType.windowUpdate, 0, 1, u32(2 ** 31 - 1))], errorCode.flowControl],
    [
      'a header list above the limit',
      [frame(frameType.headers, 4, 1, Buffer.concat([Buffer.from([0x82]), Buffer.alloc(60_000, 0x90)]))],
      errorCode.enhanceYourCalm,
    ],
  ];
  for (const [rule, bytes, code] of rows) {
    test(rule, async () => {
      const r = rig('server');
      r.peer.send(...bytes, connectHeaders(3));
      await r.settle();
      expect(r.peer.resetCode(1)).toBe(code);
      expect(r.requested.some((s) => s.id === 3)).toBe(true);
      expect(r.closed).toEqual([]);
    });
  }

  test('a stream above the announced limit is refused', async () => {
    const r = rig('server', { concurrentStreams: 2 });
    r.peer.send(connectHeaders(1), connectHeaders(3), connectHeaders(5));
    await r.settle();
    expect(r.peer.resetCode(5)).toBe(errorCode.refusedStream);
    expect(r.requested).toHaveLength(2);
  });

  test('frames for a stream that has just ended are ignored', async () => {
    const r = rig('server');
    r.peer.send(connectHeaders(1));
    await r.settle();
    r.requested[0]?.reset(errorCode.cancel);
    r.peer.send(data(1, 'late'), frame(frameType.windowUpdate, 0, 1, u32(5)), frame(frameType.reset, 0, 1, u32(8)), connectHeaders(3));
    await r.settle();
    expect([r.requested.length, r.closed.length]).toEqual([2, 0]);
  });
});

describe('floods', () => {
  const rows: readonly (readonly [what: string, make: (i: number) => Uint8Array])[] = [
    ['PING', () => frame(frameType.ping, 0, 0, Buffer.alloc(8))],
    ['SETTINGS', () => settings()],
    ['PRIORITY', () => frame(frameType.priority, 0, 1, Buffer.alloc(5))],
    ['frames of an unknown type', () => frame(0xfa, 0, 0)],
    ['empty DATA', () => data(1, '')],
    ['requests reset at once', (i) => Buffer.concat([connectHeaders(3 + 2 * i), frame(frameType.reset, 0, 3 + 2 * i, u32(8))])],
    ['malformed requests', (i) => headers(3 + 2 * i, [['bad', 'x']])],
  ];
  for (const [what, make] of rows) {
    test(`${what}: GOAWAY(ENHANCE_YOUR_CALM)`, async () => {
      const r = rig('server');
      r.peer.send(connectHeaders(1));
      for (let i = 0; i < 12_000; i++) if (!r.peer.closed) r.peer.send(make(i));
      await r.settle();
      expect(r.peer.goAwayCode).toBe(errorCode.enhanceYourCalm);
    });
  }

  test('a peer that makes us answer and does not read is dropped', async () => {
    const stuck = new Duplex({ read() {}, write() {} });
    const clock = fakeClock();
    const closed: unknown[] = [];
    new H2Session(stuck, { role: 'server', clock, settings: serverSettings }, { closed: (fault) => void closed.push(fault) });
    const ping = frame(frameType.ping, 0, 0, Buffer.alloc(8));
    stuck.push(Buffer.concat([preface, settings()]));
    for (let round = 0; round < 40 && closed.length === 0; round++) {
      const pong = frame(frameType.ping, flag.ack, 0, Buffer.from('keepaliv'));
      stuck.push(Buffer.concat([pong, ...Array.from({ length: 9_000 }, () => ping)]));
      await clock.advance(ms(2_000));
    }
    expect(isFault(closed[0], 'h2.violation') && closed[0].message).toContain('does not read');
  });
});
