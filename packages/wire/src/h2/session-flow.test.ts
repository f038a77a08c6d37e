// A session against a peer that speaks frame by frame: flow control in both directions (RFC 9113 §5.2).
// The peer and its session are testing/hbone-session.ts.
import { describe, expect, test } from 'vitest';
import { Collector } from '../testing/hbone.ts';
import { connectHeaders, data, frame, settings, u32 } from '../testing/hbone-frames.ts';
import { openStream, rig } from '../testing/hbone-session.ts';
import { errorCode, flag, frameType } from './protocol.ts';

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

  test('one that has taken eight windows without a pause gets twice the window; one that never reads never does', async () => {
    const r = rig('server');
    r.peer.send(connectHeaders(1));
    await r.settle();
    const [stream] = r.requested;
    new Collector(stream);
    const half = 128 * 1024;
    for (let n = 0; n < 16; n++) {
      r.peer.send(data(1, Buffer.alloc(half)));
      await r.settle();
    }
    const given = r.peer.of(frameType.windowUpdate, 1).map((f) => f.payload.readUInt32BE(0));
    expect(given).toEqual([...new Array(15).fill(half), half + 2 * half]);
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
