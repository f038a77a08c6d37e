// SPDY's frames and header blocks: what is written is read again, and whatever else comes is refused.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { headerDictionary } from './dictionary.ts';
import { dataFrame, type Frame, FrameReader, goaway, ping, rstStream, synReply, synStream } from './frames.ts';
import { HeaderBlocks, parseHeaders } from './header-block.ts';

const id = fc.integer({ min: 1, max: 0x7fffffff });
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const written: fc.Arbitrary<readonly [bytes: Buffer, frame: Frame]> = fc.oneof(
  fc
    .tuple(id, bytes(300), fc.boolean())
    .map(([stream, data, fin]) => [dataFrame(stream, data, fin), { type: 'data', stream, fin, data }] as const),
  fc.tuple(id, bytes(50)).map(([stream, block]) => [synStream(stream, block), { type: 'syn-stream', stream, fin: false, block }] as const),
  fc.tuple(id, bytes(50)).map(([stream, block]) => [synReply(stream, block), { type: 'syn-reply', stream, fin: false, block }] as const),
  fc.tuple(id, id).map(([stream, status]) => [rstStream(stream, status), { type: 'rst-stream', stream, status }] as const),
  id.map((number) => [ping(number), { type: 'ping', id: number }] as const),
  id.map((lastStream) => [goaway(lastStream), { type: 'goaway', lastStream, status: 0 }] as const),
);

test('frames come out as they went in, in whatever pieces', () => {
  fc.assert(
    fc.property(fc.array(written, { maxLength: 10 }), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (frames, sizes) => {
      const stream = Buffer.concat(frames.map(([each]) => each));
      const reader = new FrameReader();
      const found: Frame[] = [];
      for (let at = 0, piece = 0; at < stream.length; piece++) {
        const size = sizes[piece % sizes.length] ?? 1;
        found.push(...reader.read(stream.subarray(at, at + size)));
        at += size;
      }
      expect(found).toEqual(frames.map(([, frame]) => frame));
    }),
  );
});

test('whatever else comes is refused or ignored, and nothing worse', () => {
  fc.assert(
    fc.property(bytes(200), (garbage) => {
      try {
        expect([...new FrameReader().read(garbage)].every(({ type }) => type !== undefined)).toBe(true);
      } catch (e) {
        expect(String(e)).toContain('SPDY');
      }
    }),
  );
});

const refused: readonly (readonly [name: string, frame: Buffer])[] = [
  ['another version', Buffer.from('8002000600000004' + '00000001', 'hex')],
  ['a frame of 16 MiB', Buffer.from('0000000100ffffff', 'hex')],
  ['a ping without number', Buffer.from('8003000600000000', 'hex')],
  ['a reset without status', Buffer.from('800300030000000400000001', 'hex')],
  ['a stream without number', Buffer.from('8003000100000004' + '00000001', 'hex')],
];
for (const [name, frame] of refused) test(`${name} is refused`, () => expect(() => [...new FrameReader().read(frame)]).toThrow('SPDY'));

test('settings and window updates are ignored', () => {
  const frames = Buffer.concat([
    Buffer.from('8003000400000004' + '00000000', 'hex'),
    Buffer.from('8003000900000008' + '0000000100001000', 'hex'),
  ]);
  expect([...new FrameReader().read(frames)]).toEqual([{ type: 'ignored' }, { type: 'ignored' }]);
});

test("the dictionary is the protocol's", () => {
  let [a, b] = [1, 0];
  for (const byte of headerDictionary) [a, b] = [(a + byte) % 65_521, (b + a + byte) % 65_521];
  expect([headerDictionary.length, (b * 65_536 + a).toString(16)]).toEqual([1_423, 'e3c6a7c2']);
});

const header = fc.tuple(fc.stringMatching(/^[a-z-]{1,12}$/), fc.string({ maxLength: 60 }));

test('header blocks come out as they went in, one after the other', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(header, { maxLength: 8 }), { maxLength: 6 }), async (blocks) => {
      using near = new HeaderBlocks();
      using far = new HeaderBlocks();
      for (const block of blocks) {
        const headers = new Map(block.filter(([, value]) => /^[\x20-\x7e]*$/.test(value)));
        expect(await far.read(await near.write(headers))).toEqual(headers);
      }
    }),
    { numRuns: 30 },
  );
});

test('a block that is not compressed is refused', async () => {
  using blocks = new HeaderBlocks();
  await expect(blocks.read(Buffer.from('not zlib at all'))).rejects.toThrow();
});

test('a block that grows without end is refused', async () => {
  using near = new HeaderBlocks();
  using far = new HeaderBlocks();
  const bomb = await near.write(new Map([['a', 'x'.repeat(60_000)]]));
  await expect(far.read(bomb)).resolves.toBeDefined();
  const { deflateSync } = await import('node:zlib');
  const larger = deflateSync(Buffer.alloc(10_000_000), { dictionary: headerDictionary });
  using fresh = new HeaderBlocks();
  await expect(fresh.read(larger)).rejects.toThrow('too large');
});

test('malformed headers are told from headers', () => {
  fc.assert(
    fc.property(bytes(60), (garbage) => {
      const headers = parseHeaders(garbage);
      expect(headers === undefined || headers instanceof Map).toBe(true);
    }),
  );
  expect(parseHeaders(Buffer.from('ffffffff', 'hex'))).toBeUndefined();
  expect(parseHeaders(Buffer.from('0000000000', 'hex'))).toBeUndefined();
});
