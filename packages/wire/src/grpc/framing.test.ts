// Messages in a byte stream: however it is cut, the same messages come out, and no length makes us hold more than the limit.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Deframer, frame } from './framing.ts';

function deframed(chunks: readonly Uint8Array[], limit = 1 << 20): string[] {
  const deframer = new Deframer(limit);
  const messages = chunks.flatMap((chunk) => [...deframer.push(Buffer.from(chunk))]);
  deframer.finish();
  return messages.map((message) => message.toString('hex'));
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('a message is flag 0, four octets of length, and itself', () => {
  expect(hex(frame(Buffer.from('abc')))).toBe('0000000003616263');
});

test('messages come out as they went in, wherever the stream is cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
  fc.assert(
    fc.property(messages, fc.array(fc.nat(300)), (list, cuts) => {
      const stream = Buffer.concat(list.map(frame));
      const at = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).sort((x, y) => x - y), stream.length];
      const chunks = at.slice(1).map((end, n) => stream.subarray(at[n], end));
      expect(deframed(chunks)).toEqual(list.map(hex));
    }),
  );
});

describe('is refused:', () => {
  const rows: readonly (readonly [what: string, bytes: string, code: string])[] = [
    ['a message beyond the limit, before anything of it has come', '0000000011', 'grpc.message-too-long'],
    ['a length of 4 GiB', '00ffffffff', 'grpc.message-too-long'],
    ['a compressed message', '010000000100', 'grpc.compressed'],
    ['an unknown flag', '800000000100', 'grpc.compressed'],
    ['a prefix that is cut short', '000000', 'grpc.cut-short'],
    ['a message that is cut short', '000000000261', 'grpc.cut-short'],
  ];
  test.each(rows)('%s', (_what, bytes, code) => {
    expect(() => deframed([Buffer.from(bytes, 'hex')], 16)).toThrow(expect.objectContaining({ fault: expect.objectContaining({ code }) }));
  });

  test('never anything but a fault of ours', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          deframed([bytes], 32);
        } catch (e) {
          expect(e).toHaveProperty('fault.code');
        }
      }),
    );
  });
});
