// The frame parser by itself: the same frames come out however the bytes are cut, and what is kept survives its buffer.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { connectHeaders, data, frame, settings, u32 } from '../testing/hbone-frames.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { flag, frameType, preface } from './protocol.ts';

/** Notes every call as text. */
class Notes implements FrameSink {
  readonly all: string[] = [];
  #data = '';
  dataBegins(stream: number, flowBytes: number): void {
    this.#data = `data ${stream} (${flowBytes}): `;
  }
  dataBytes(bytes: Buffer): void {
    this.#data += bytes.toString('latin1');
  }
  dataPadding(bytes: number): void {
    this.#data += `[+${bytes}]`;
  }
  dataEnds(endStream: boolean): void {
    this.all.push(this.#data + (endStream ? ' end' : ''));
  }
  headers(stream: number, block: Buffer, endStream: boolean): void {
    this.all.push(`headers ${stream} ${block.toString('hex')}${endStream ? ' end' : ''}`);
  }
  reset(stream: number, code: number): void {
    this.all.push(`reset ${stream} ${code}`);
  }
  settings(payload: Buffer): void {
    this.all.push(`settings ${payload.toString('hex')}`);
  }
  settingsAcknowledged(): void {
    this.all.push('settings ack');
  }
  ping(payload: Buffer, acknowledges: boolean): void {
    this.all.push(`ping ${payload.toString('hex')} ${acknowledges}`);
  }
  goAway(lastStream: number, code: number): void {
    this.all.push(`goaway ${lastStream} ${code}`);
  }
  windowUpdate(stream: number, increment: number): void {
    this.all.push(`window ${stream} ${increment}`);
  }
  ignored(): void {
    this.all.push('ignored');
  }
}

const limits = { frameBytes: 1 << 20, headerBlockBytes: 100_000 };
const frames = [
  preface,
  settings([4, 100]),
  connectHeaders(1),
  frame(frameType.headers, flag.padded | flag.priority | flag.endStream, 3, Buffer.from('0300000000ff8288000000', 'hex')),
  frame(frameType.continuation, 0, 3, Buffer.from('84', 'hex')),
  frame(frameType.continuation, flag.endHeaders, 3, Buffer.from('86', 'hex')),
  data(1, 'hello'),
  frame(frameType.data, flag.padded | flag.endStream, 1, Buffer.from('\x03bye\0\0\0', 'latin1')),
  frame(frameType.data, flag.padded, 1, Buffer.from('\x03\0\0\0', 'latin1')),
  data(1, ''),
  frame(frameType.settings, flag.ack, 0),
  frame(frameType.ping, 0, 0, Buffer.from('12345678')),
  frame(frameType.priority, 0, 9, Buffer.alloc(5)),
  frame(0xab, 0xff, 7, Buffer.alloc(300)),
  frame(frameType.windowUpdate, 0, 1, u32(77)),
  frame(frameType.reset, 0, 1, u32(8)),
  frame(frameType.goAway, 0, 0, Buffer.concat([u32(5, 11), Buffer.from('because')])),
];
const want = [
  'settings 000400000064',
  expect.stringMatching(/^headers 1 /),
  'headers 3 82888486 end',
  'data 1 (5): hello',
  'data 1 (7): [+4]bye end',
  'data 1 (4): [+4]',
  'data 1 (0): ',
  'settings ack',
  'ping 3132333435363738 false',
  'ignored',
  'ignored',
  'window 1 77',
  'reset 1 8',
  'goaway 5 11',
];

test('all kinds of frames, in one chunk', () => {
  const notes = new Notes();
  new FrameReader(notes, limits, true).feed(Buffer.concat(frames));
  expect(notes.all).toEqual(want);
});

test('the same, however the bytes are cut, and although each chunk is overwritten after its call', () => {
  const bytes = Buffer.concat(frames);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }), (steps) => {
      const notes = new Notes();
      const reader = new FrameReader(notes, limits, true);
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const step = steps[i % steps.length] ?? 1;
        const chunk = Buffer.from(bytes.subarray(at, at + step));
        reader.feed(chunk);
        chunk.fill(0xee);
        at += step;
      }
      expect(notes.all).toEqual(want);
    }),
  );
});
