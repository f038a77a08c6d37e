// Descriptors in a socket's control message (SCM_RIGHTS), to and from bytes.
// Used by seqpacket.ts. Pure: neither opens nor closes anything.
// Layout of 64-bit Linux: an 8-byte length with the header in it, level and type of 4 bytes each, then the numbers; padded to 8 bytes.
import { SCM_RIGHTS, SOL_SOCKET } from './libc.ts';

const headerBytes = 16;

/** Exactly the length of a message with one descriptor: with the usual padding the kernel would fit a second one into it. */
export const roomForOneDescriptor = headerBytes + 4;

export function encodeDescriptors(fds: readonly number[]): Buffer {
  const bytes = Buffer.alloc(headerBytes + 4 * fds.length);
  bytes.writeBigUInt64LE(BigInt(bytes.length), 0);
  bytes.writeInt32LE(SOL_SOCKET, 8);
  bytes.writeInt32LE(SCM_RIGHTS, 12);
  fds.forEach((fd, at) => {
    bytes.writeInt32LE(fd, headerBytes + 4 * at);
  });
  return bytes;
}

/** Every descriptor in the bytes, whatever else is among them; stops at the first message whose length makes no sense. */
export function decodeDescriptors(control: Buffer): number[] {
  const fds: number[] = [];
  for (let at = 0; at + headerBytes <= control.length; ) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < headerBytes || at + length > control.length) break;
    if (control.readInt32LE(at + 8) === SOL_SOCKET && control.readInt32LE(at + 12) === SCM_RIGHTS) {
      for (let fd = at + headerBytes; fd + 4 <= at + length; fd += 4) fds.push(control.readInt32LE(fd));
    }
    at += Math.ceil(length / 8) * 8;
  }
  return fds;
}
