// Rules of descriptors in control messages.
// Beside rights.ts; needs no privilege.
// Real descriptors travel in seqpacket.test.ts.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeDescriptors, encodeDescriptors, roomForOneDescriptor } from './rights.ts';

test('descriptors come back from their bytes', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 20 }), (fds) => {
      expect(decodeDescriptors(encodeDescriptors(fds))).toEqual(fds);
    }),
  );
});

test('a message with one descriptor fills the room for one exactly', () => {
  expect(encodeDescriptors([7]).length).toBe(roomForOneDescriptor);
});

test('descriptors are found behind another message', () => {
  const other = Buffer.alloc(24);
  other.writeBigUInt64LE(20n, 0);
  expect(decodeDescriptors(Buffer.concat([other, encodeDescriptors([3, 4])]))).toEqual([3, 4]);
});

test('any bytes decode without an exception or an endless loop', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(80), (bytes, length) => {
      if (bytes.length >= 8) Buffer.from(bytes.buffer, bytes.byteOffset).writeBigUInt64LE(BigInt(length), 0);
      expect(decodeDescriptors(Buffer.from(bytes)).length).toBeLessThanOrEqual(16);
    }),
  );
});
