// The frame around a gRPC message: a zero (not compressed), its length, itself. Pure; one whole message at a time.
// Used by both ends of the echo image, echo.ts and echo-caller.ts.

const headBytes = 5;

export function frame(message: string): Buffer {
  const bytes = Buffer.from(message);
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Undefined: not exactly one message, or compressed. */
export function unframe(bytes: Buffer): string | undefined {
  if (bytes.length < headBytes || bytes[0] !== 0 || bytes.readUInt32BE(1) !== bytes.length - headBytes) return undefined;
  return bytes.toString('utf8', headBytes);
}
