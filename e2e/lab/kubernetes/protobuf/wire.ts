// The outermost layer of protobuf: a message as its numbered parts, without knowing what they mean.
// Used by decode.ts. Any bytes may come; what is not well-formed gives undefined, never an exception.

export interface Part {
  readonly number: number;
  /** A varint as a signed 64-bit number; everything else as bytes. */
  readonly value: bigint | Buffer;
}

export function readParts(bytes: Buffer): readonly Part[] | undefined {
  const parts: Part[] = [];
  let at = 0;
  const varint = (): bigint | undefined => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    return undefined;
  };
  const take = (length: number): Buffer | undefined => {
    const end = at + length;
    if (!Number.isSafeInteger(length) || length < 0 || end > bytes.length) return undefined;
    const part = bytes.subarray(at, end);
    at = end;
    return part;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === undefined) return undefined;
    const value = readValue(Number(tag & 7n), varint, take);
    if (value === undefined) return undefined;
    parts.push({ number: Number(tag >> 3n), value });
  }
  return parts;
}

function readValue(
  wireType: number,
  varint: () => bigint | undefined,
  take: (length: number) => Buffer | undefined,
): bigint | Buffer | undefined {
  switch (wireType) {
    case 0:
      return varint();
    case 1:
      return take(8);
    case 2: {
      const length = varint();
      return length === undefined ? undefined : take(Number(length));
    }
    case 5:
      return take(4);
    default:
      return undefined;
  }
}
