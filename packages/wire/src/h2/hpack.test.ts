// HPACK: the examples of RFC 7541 appendix C, our encoder read back, and bounds under hostile blocks.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HeaderList } from '../http/message.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { encodeHeaders } from './hpack-encoder.ts';
import { decodeHuffman } from './huffman.ts';
import { Violation } from './protocol.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const limit = 64 * 1024;

describe('RFC 7541 appendix C', () => {
  const series: readonly (readonly [section: string, blocks: readonly (readonly [string, HeaderList])[]])[] = [
    [
      'C.3, requests without Huffman coding',
      [
        [
          '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
          [
            [':method', 'GET'],
            [':scheme', 'http'],
            [':path', '/'],
            [':authority', 'www.example.com'],
          ],
        ],
        [
          '8286 84be 5808 6e6f 2d63 6163 6865',
          [
            [':method', 'GET'],
            [':scheme', 'http'],
            [':path', '/'],
            [':authority', 'www.example.com'],
            ['cache-control', 'no-cache'],
          ],
        ],
        [
          '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
          [
            [':method', 'GET'],
            [':scheme', 'https'],
            [':path', '/index.html'],
            [':authority', 'www.example.com'],
            ['custom-key', 'custom-value'],
          ],
        ],
      ],
    ],
    [
      'C.4, requests with Huffman coding',
      [
        [
          '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
          [
            [':method', 'GET'],
            [':scheme', 'http'],
            [':path', '/'],
            [':authority', 'www.example.com'],
          ],
        ],
        [
          '8286 84be 5886 a8eb 1064 9cbf',
          [
            [':method', 'GET'],
            [':scheme', 'http'],
            [':path', '/'],
            [':authority', 'www.example.com'],
            ['cache-control', 'no-cache'],
          ],
        ],
        [
          '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
          [
            [':method', 'GET'],
            [':scheme', 'https'],
            [':path', '/index.html'],
            [':authority', 'www.example.com'],
            ['custom-key', 'custom-value'],
          ],
        ],
      ],
    ],
  ];
  for (const [section, blocks] of series) {
    test(section, () => {
      const decoder = new HpackDecoder(limit);
      for (const [block, want] of blocks) expect(decoder.decode(hex(block))).toEqual(want);
    });
  }

  test('C.2.2 and C.2.3: literals without indexing, and never indexed', () => {
    const decoder = new HpackDecoder(limit);
    expect(decoder.decode(hex('040c 2f73 616d 706c 652f 7061 7468'))).toEqual([[':path', '/sample/path']]);
    expect(decoder.decode(hex('1008 7061 7373 776f 7264 0673 6563 7265 74'))).toEqual([['password', 'secret']]);
  });
});

test('what we encode reads back, long values and odd octets included', () => {
  const text = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)), maxLength: 300 });
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 8 }), (headers) => {
      expect(new HpackDecoder(2 ** 20).decode(encodeHeaders(headers))).toEqual(headers);
    }),
  );
});

test('a status that the static table knows takes one octet', () => {
  expect(encodeHeaders([[':status', '200']])).toEqual(Buffer.from([0x88]));
});

describe('bounds', () => {
  const rows: readonly (readonly [what: string, block: string])[] = [
    ['index 0', '80'],
    ['an index beyond the tables', 'be'],
    ['an integer without end', 'ffffffffffffffffff'],
    ['a string longer than the block', '007f'],
    ['a table larger than we allow', '3fe21f'],
    ['a table size update after a header', '8220'],
    ['Huffman padding of a whole octet', '0082ffff00'],
    ['Huffman padding with zeros', '00811800'],
    ['a name without a value', '000161'],
  ];
  for (const [what, block] of rows) {
    test(what, () => {
      expect(() => new HpackDecoder(limit).decode(hex(block))).toThrow(Violation);
    });
  }

  test('a list over the limit is told, and the tables stay right', () => {
    const decoder = new HpackDecoder(100);
    expect(decoder.decode(hex(`400161${'7f8101'}${'62'.repeat(256)}`))).toBe('too large');
    expect(new HpackDecoder(1_000).decode(encodeHeaders([['a', 'b'.repeat(256)]]))).toEqual([['a', 'b'.repeat(256)]]);
    expect(decoder.decode(hex('88'))).toEqual([[':status', '200']]);
  });

  test('entries leave the dynamic table when it is full or made smaller', () => {
    const decoder = new HpackDecoder(limit);
    decoder.decode(hex('40016101624001630164'));
    expect(decoder.decode(hex('bf'))).toEqual([['a', 'b']]);
    expect(decoder.decode(hex('3f03be'))).toEqual([['c', 'd']]);
    expect(() => decoder.decode(hex('bf'))).toThrow(Violation);
  });

  test('no block throws anything but a Violation', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (blocks) => {
        const decoder = new HpackDecoder(200);
        try {
          for (const block of blocks) decoder.decode(Buffer.from(block));
        } catch (e) {
          expect(e).toBeInstanceOf(Violation);
        }
      }),
    );
  });
});

test('every octet has a Huffman code, found by its bits', () => {
  // "a" is 00011, "0" is 00000; padding is ones.
  expect(decodeHuffman(hex('1f'))).toBe('a');
  expect(decodeHuffman(hex('07'))).toBe('0');
  expect(decodeHuffman(hex('ff ff ff ff'))).toBeUndefined();
});
