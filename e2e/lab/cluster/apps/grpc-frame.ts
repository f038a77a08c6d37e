// The frame around a gRPC message: a zero (not compressed), its length, itself. Pure; one whole message at a time.
// Used by both ends of the echo images.

const headBytes = 5;

export function frame(message: string | Buffer): Buffer {
  const bytes = typeof message === 'string' ? Buffer.from(message) : message;
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Undefined: not exactly one message, or compressed. */
export function unframeBytes(bytes: Buffer): Buffer | undefined {
  if (bytes.length < headBytes || bytes[0] !== 0 || bytes.readUInt32BE(1) !== bytes.length - headBytes) return undefined;
  return bytes.subarray(headBytes);
}

/** The same, of a text. */
export const unframe = (bytes: Buffer): string | undefined => unframeBytes(bytes)?.toString();
