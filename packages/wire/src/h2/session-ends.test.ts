// A session against a peer that speaks frame by frame: resets, going away, and whatever bytes may come.
// The peer and its session are testing/hbone-session.ts.
import { Duplex } from 'node:stream';
import { isFault } from '@ambient-mesh/runtime/errors';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Collector } from '../testing/hbone.ts';
import { connectHeaders, data, frame, settings, u32 } from '../testing/hbone-frames.ts';
import { openStream, request, rig } from '../testing/hbone-session.ts';
import { errorCode, flag, frameType, maxStreamId, preface } from './protocol.ts';
import { H2Session } from './session.ts';
import { serverSettings } from './settings.ts';

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
    r.session.open(request, {
      answered: () => {},
      failed: (fault) => {
        refused = fault;
      },
    });
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

  test('a stream whose last bytes never went out is a fault, although both sides had ended it', async () => {
    const stuck = new Duplex({ read() {}, write() {} });
    const session = new H2Session(
      stuck,
      { role: 'server', clock: fakeClock(), settings: serverSettings },
      {
        request: (stream) => {
          stream.receive(got);
          stream.sendHead([[':status', '200']], false);
          stream.end();
        },
      },
    );
    const got = new Collector();
    stuck.push(Buffer.concat([preface, settings(), connectHeaders(1), data(1, 'all', true)]));
    await got.until(() => got.ended);
    expect([session.streams.size, got.over]).toEqual([0, undefined]);
    session.destroy();
    expect(isFault(got.over, 'tunnel.lost')).toBe(true);
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
