// A session against a peer that speaks frame by frame: the rules of RFC 9113 that a stranger can keep or break.
import { Duplex } from 'node:stream';
import { isFault } from '@ambient-mesh/runtime/errors';
import { type FakeClock, fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Collector } from '../testing/hbone.ts';
import { connectHeaders, data, frame, headers, linked, RawPeer, settings, u32 } from '../testing/hbone-frames.ts';
import { errorCode, flag, frameType, type HeaderList, maxStreamId, preface } from './protocol.ts';
import { H2Session, type SessionFault, type SessionOptions } from './session.ts';
import { clientSettings, type H2Settings, serverSettings } from './settings.ts';
import type { H2Stream } from './stream.ts';

type Closed = { readonly fault: { readonly fault: SessionFault } | undefined };

interface Rig {
  readonly session: H2Session;
  readonly peer: RawPeer;
  readonly clock: FakeClock;
  /** Streams that were requested (server). */
  readonly requested: H2Stream[];
  readonly closed: Closed[];
  /** Lets everything that is under way arrive. */
  settle(): Promise<void>;
}

function rig(role: 'client' | 'server', changes: Partial<H2Settings> = {}, greet = true): Rig {
  const [near, far] = linked();
  const clock = fakeClock();
  const requested: H2Stream[] = [];
  const closed: Closed[] = [];
  const options: SessionOptions = { role, clock, settings: { ...(role === 'client' ? clientSettings : serverSettings), ...changes } };
  const session = new H2Session(near, options, {
    request: (stream) => void requested.push(stream),
    closed: (fault) => void closed.push({ fault }),
  });
  const peer = new RawPeer(far, role === 'client' ? 'server' : 'client', greet);
  const settle = async () => {
    for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { session, peer, clock, requested, closed, settle };
}

const ok: HeaderList = [[':status', '200']];
const request: HeaderList = [
  [':method', 'CONNECT'],
  [':authority', '10.0.0.2:80'],
];

/** A client session with an answered stream. */
async function openStream(r: Rig): Promise<H2Stream> {
  const stream = r.session.open(request, { answered: () => {}, failed: () => {} });
  if (stream === undefined) throw new Error('not opened');
  r.peer.send(headers(stream.id, ok));
  await r.settle();
  return stream;
}

describe('set-up', () => {
  test('the client announces what facts §2.3 list, and its connection window at once', async () => {
    const r = rig('client');
    await r.settle();
    const [first, second] = r.peer.frames;
    expect(first?.payload).toEqual(settings([2, 0], [4, 4 * 1024 * 1024], [5, 1024 * 1024], [6, 16 * 1024]).subarray(9));
    expect([second?.type, second?.stream, second?.payload.readUInt32BE(0)]).toEqual([frameType.windowUpdate, 0, 16 * 1024 * 1024 - 65_535]);
  });

  test('the server announces its stream limit and header list', async () => {
    const r = rig('server');
    await r.settle();
    expect(r.peer.frames[0]?.payload).toEqual(settings([3, 200], [4, 4 * 1024 * 1024], [5, 1024 * 1024], [6, 64 * 1024]).subarray(9));
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

describe('flow control, sending', () => {
  test('never more than the stream window, nor frames above the peer limit', async () => {
    const r = rig('client', {}, false);
    r.peer.send(settings([4, 20_000]));
    await r.settle();
    const stream = await openStream(r);
    new Collector(stream);
    expect(stream.write(Buffer.alloc(50_000, 1))).toBe(true);
    await r.settle();
    const sent = () => r.peer.of(frameType.data, stream.id);
    expect(sent().map((f) => f.payload.length)).toEqual([16_384, 3_616]);
    r.peer.send(frame(frameType.windowUpdate, 0, stream.id, u32(10_000)));
    await r.settle();
    expect(sent().map((f) => f.payload.length)).toEqual([16_384, 3_616, 10_000]);
  });

  test('never more than the connection window over all streams', async () => {
    const r = rig('client', {}, false);
    r.peer.send(settings([4, 1_000_000], [5, 1_000_000]));
    await r.settle();
    const streams = [await openStream(r), await openStream(r)];
    for (const stream of streams) {
      new Collector(stream);
      stream.write(Buffer.alloc(100_000));
    }
    await r.settle();
    const total = () => r.peer.of(frameType.data).reduce((sum, f) => sum + f.payload.length, 0);
    expect(total()).toBe(65_535);
    r.peer.send(frame(frameType.windowUpdate, 0, 0, u32(134_465)));
    await r.settle();
    expect(total()).toBe(200_000);
  });

  test('a window that shrinks below zero is waited out', async () => {
    const r = rig('client');
    const stream = await openStream(r);
    new Collector(stream);
    stream.write(Buffer.alloc(40_000));
    await r.settle();
    r.peer.send(settings([4, 10_000]));
    stream.write(Buffer.alloc(5_000));
    await r.settle();
    const total = () => r.peer.of(frameType.data).reduce((sum, f) => sum + f.payload.length, 0);
    expect(total()).toBe(40_000);
    r.peer.send(frame(frameType.windowUpdate, 0, stream.id, u32(30_000)));
    await r.settle();
    expect(total()).toBe(40_000);
    r.peer.send(frame(frameType.windowUpdate, 0, stream.id, u32(4_000)));
    await r.settle();
    expect(total()).toBe(44_000);
    r.peer.send(settings([4, 65_535]));
    await r.settle();
    expect(total()).toBe(45_000);
  });

  test('the writer is stopped when too much waits, and told when there is room', async () => {
    const r = rig('client', {}, false);
    r.peer.send(settings([4, 0]));
    await r.settle();
    const stream = await openStream(r);
    const got = new Collector(stream);
    let accepted = 0;
    while (stream.write(Buffer.alloc(10_000))) accepted++;
    expect(accepted).toBe(26);
    r.peer.send(frame(frameType.windowUpdate, 0, 0, u32(1_000_000)), frame(frameType.windowUpdate, 0, stream.id, u32(100_000)));
    await r.settle();
    expect(got.drains).toBe(0);
    r.peer.send(frame(frameType.windowUpdate, 0, stream.id, u32(200_000)));
    await r.settle();
    expect(got.drains).toBe(1);
  });

  test('END_STREAM rides on the last data that had to wait', async () => {
    const r = rig('client', {}, false);
    r.peer.send(settings([4, 10]));
    await r.settle();
    const stream = await openStream(r);
    stream.write(Buffer.from('0123456789abcdef'));
    stream.end();
    await r.settle();
    expect(r.peer.of(frameType.data, stream.id).map((f) => f.flags)).toEqual([0]);
    r.peer.send(frame(frameType.windowUpdate, 0, stream.id, u32(10)));
    await r.settle();
    expect(r.peer.of(frameType.data, stream.id).map((f) => [f.payload.toString(), f.flags])).toEqual([
      ['0123456789', 0],
      ['abcdef', flag.endStream],
    ]);
  });
});

describe('flow control, receiving', () => {
  const small = { streamWindowBytes: 65_535, connectionWindowBytes: 65_535 };

  test('a consumer that keeps up gives window back in halves', async () => {
    const r = rig('server', small);
    r.peer.send(connectHeaders(1));
    await r.settle();
    const [stream] = r.requested;
    new Collector(stream);
    r.peer.send(data(1, Buffer.alloc(16_000)), data(1, Buffer.alloc(16_000)), data(1, Buffer.alloc(16_000)));
    await r.settle();
    expect(r.peer.of(frameType.windowUpdate, 1).map((f) => f.payload.readUInt32BE(0))).toEqual([48_000]);
  });

  test('one that does not keeps its own window and not its siblings from theirs', async () => {
    const r = rig('server', small);
    r.peer.send(connectHeaders(1), connectHeaders(3));
    await r.settle();
    const [slow, quick] = r.requested;
    slow?.receive(new Collector());
    slow?.pause();
    const got = new Collector(quick);
    r.peer.send(...Array.from({ length: 4 }, () => data(1, Buffer.alloc(16_000))));
    await r.settle();
    expect(r.peer.of(frameType.windowUpdate, 1)).toEqual([]);
    expect(r.peer.of(frameType.windowUpdate, 0).length).toBeGreaterThan(0);
    r.peer.send(data(3, 'through'));
    await r.settle();
    expect(got.text).toBe('through');
    slow?.resume();
    await r.settle();
    expect(r.peer.of(frameType.windowUpdate, 1).length).toBeGreaterThan(0);
  });

  test('more than a stream was allowed resets it', async () => {
    const r = rig('server', { streamWindowBytes: 1_000 });
    r.peer.send(connectHeaders(1), data(1, Buffer.alloc(1_001)), connectHeaders(3));
    await r.settle();
    expect(r.peer.resetCode(1)).toBe(errorCode.flowControl);
    expect(r.requested).toHaveLength(2);
  });

  test('more than the connection was allowed ends it', async () => {
    const r = rig('server', { streamWindowBytes: 1_000_000, connectionWindowBytes: 65_535 });
    r.peer.send(connectHeaders(1), data(1, Buffer.alloc(65_536)));
    await r.settle();
    expect(r.peer.goAwayCode).toBe(errorCode.flowControl);
  });

  test('padding counts, and is given back', async () => {
    const r = rig('server', small);
    r.peer.send(connectHeaders(1));
    await r.settle();
    const got = new Collector(r.requested[0]);
    const padded = Buffer.concat([Buffer.from([200]), Buffer.from('body'), Buffer.alloc(200)]);
    for (let i = 0; i < 200; i++) r.peer.send(frame(frameType.data, flag.padded, 1, padded));
    await r.settle();
    expect(got.bytes).toBe(800);
    expect(r.peer.of(frameType.windowUpdate, 1).length).toBeGreaterThan(0);
  });
});

describe('resets are read as facts §2.11 says', () => {
  const rows: readonly (readonly [code: keyof typeof errorCode, want: string])[] = [
    ['noError', 'gone'],
    ['cancel', 'gone'],
    ['streamClosed', 'gone'],
    ['protocol', 'stream.reset'],
    ['internal', 'stream.reset'],
    ['connect', 'stream.reset'],
  ];
  for (const [code, want] of rows) {
    test(`${code}: ${want}`, async () => {
      const r = rig('client');
      const stream = await openStream(r);
      const got = new Collector(stream);
      r.peer.send(data(stream.id, 'before'), frame(frameType.reset, 0, stream.id, u32(errorCode[code])));
      await r.settle();
      expect(got.text).toBe('before');
      expect(typeof got.over === 'string' ? got.over : got.over?.fault.code).toBe(want);
      expect(r.session.streams.size).toBe(0);
    });
  }

  test('what was held for a slow consumer is delivered before a normal end', async () => {
    const r = rig('client');
    const stream = await openStream(r);
    const got = new Collector(stream);
    stream.pause();
    r.peer.send(data(stream.id, 'held'), frame(frameType.reset, 0, stream.id, u32(errorCode.cancel)));
    await r.settle();
    expect([got.text, got.over]).toEqual(['', undefined]);
    stream.resume();
    expect([got.text, got.over]).toEqual(['held', 'gone']);
  });

  test('abort sends CANCEL, or CONNECT_ERROR when the bytes were cut short', async () => {
    const r = rig('client');
    const [one, two] = [await openStream(r), await openStream(r)];
    one?.abort('cancel');
    two?.abort('broken');
    await r.settle();
    expect([r.peer.resetCode(1), r.peer.resetCode(3)]).toEqual([errorCode.cancel, errorCode.connect]);
  });

  test('after close the peer has 10 s to end the stream, or none if it goes on sending', async () => {
    const r = rig('client');
    const [one, two] = [await openStream(r), await openStream(r)];
    const got = new Collector(one);
    one?.close();
    two?.close();
    await r.settle();
    expect(got.over).toBe('gone');
    r.peer.send(data(3, 'more'));
    await r.settle();
    expect([r.peer.resetCode(1), r.peer.resetCode(3)]).toEqual([undefined, errorCode.cancel]);
    await r.clock.advance(ms(10_000));
    await r.settle();
    expect(r.peer.resetCode(1)).toBe(errorCode.cancel);
  });
});

describe('going away', () => {
  test('the server says so twice, serves what came in between, and closes when it is done', async () => {
    const r = rig('server');
    r.peer.send(connectHeaders(1));
    await r.settle();
    r.session.shutdown();
    await r.settle();
    expect(r.peer.of(frameType.goAway).map((f) => f.payload.readUInt32BE(0))).toEqual([maxStreamId]);
    const ping = r.peer.of(frameType.ping)[0];
    r.peer.send(connectHeaders(3), frame(frameType.ping, flag.ack, 0, ping?.payload));
    await r.settle();
    expect(r.peer.of(frameType.goAway).map((f) => f.payload.readUInt32BE(0))).toEqual([maxStreamId, 3]);
    r.peer.send(connectHeaders(5));
    await r.settle();
    expect(r.requested.map((s) => s.id)).toEqual([1, 3]);
    for (const stream of r.requested) stream.reset(errorCode.noError);
    await r.settle();
    expect(r.peer.closed).toBe(true);
    await r.clock.advance(ms(1_000));
    expect(r.closed).toEqual([{ fault: undefined }]);
  });

  test('a peer that does not answer the PING delays it by 1 s', async () => {
    const r = rig('server');
    await r.settle();
    r.session.shutdown();
    await r.clock.advance(ms(1_000));
    await r.settle();
    expect(r.peer.of(frameType.goAway).length).toBeGreaterThanOrEqual(2);
    expect(r.peer.closed).toBe(true);
  });

  test('a client that is told so opens no more; streams above the last id may be tried elsewhere', async () => {
    const r = rig('client');
    const kept = await openStream(r);
    const got = new Collector(kept);
    let refused: unknown;
    r.session.open(request, { answered: () => {}, failed: (fault) => void (refused = fault) });
    r.peer.send(frame(frameType.goAway, 0, 0, u32(kept.id, errorCode.noError)));
    await r.settle();
    expect(isFault(refused, 'stream.refused')).toBe(true);
    expect([r.session.usable, r.session.open(request, { answered: () => {}, failed: () => {} })]).toEqual([false, undefined]);
    r.peer.send(data(kept.id, 'still', true));
    kept.end();
    await r.settle();
    expect([got.text, got.over]).toEqual(['still', 'finished']);
    expect(r.peer.closed).toBe(true);
  });

  test('a lost connection is a fault for every stream, not an end', async () => {
    const r = rig('client');
    const got = new Collector(await openStream(r));
    r.peer.socket.destroy();
    r.peer.socket.emit('close');
    r.session.destroy();
    await r.settle();
    expect(isFault(got.over, 'tunnel.lost')).toBe(true);
  });
});

describe('whatever bytes come, nothing is thrown and the session ends in order', () => {
  const anyFrame = fc
    .tuple(
      fc.integer({ min: 0, max: 11 }),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 0, max: 9 }),
      fc.uint8Array({ maxLength: 40 }),
    )
    .map(([type, flags, stream, payload]) => frame(type, flags, stream, payload));
  const known = fc.constantFrom(
    connectHeaders(1),
    connectHeaders(3),
    data(1, 'x'),
    data(3, 'y', true),
    settings([4, 5]),
    frame(frameType.ping, 0, 0, Buffer.alloc(8)),
  );
  const junk = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));

  for (const role of ['client', 'server'] as const) {
    test(role, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.oneof(anyFrame, known, junk), { maxLength: 30 }),
          fc.integer({ min: 1, max: 50 }),
          async (frames, step) => {
            const r = rig(role);
            if (role === 'client') new Collector(r.session.open(request, { answered: () => {}, failed: () => {} }));
            const all = Buffer.concat(frames);
            for (let at = 0; at < all.length; at += step) r.peer.send(all.subarray(at, at + step));
            for (const stream of r.requested) new Collector(stream);
            await r.settle();
            r.session.destroy();
            expect(r.closed).toHaveLength(1);
            expect(r.clock.pending).toBe(0);
          },
        ),
        { numRuns: 150 },
      );
    });
  }
});
