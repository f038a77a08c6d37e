// Maps of headers as Proxy-Wasm writes them into a plugin's memory: a count, the lengths, then names and values, each ended by a zero. Pure.
// Used by the host functions; what a plugin wrote is read with care.
import type { Pairs } from './messages.ts';

/** Octets from latin1 text. */
export function octets(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

export function writePairs(pairs: Pairs): Uint8Array {
  const size = pairs.reduce((sum, [name, value]) => sum + 10 + name.length + value.length, 4);
  const out = Buffer.alloc(size);
  out.writeUInt32LE(pairs.length, 0);
  let [lengths, texts] = [4, 4 + pairs.length * 8];
  for (const [name, value] of pairs) {
    lengths = out.writeUInt32LE(name.length, lengths);
    lengths = out.writeUInt32LE(value.length, lengths);
    texts += out.write(name, texts, 'latin1') + 1;
    texts += out.write(value, texts, 'latin1') + 1;
  }
  return out;
}

/** Undefined: this is no such map. Names come back in lower case. */
export function readPairs(bytes: Uint8Array): Pairs | undefined {
  if (bytes.length < 4) return bytes.length === 0 || (bytes.length === 1 && bytes[0] === 0) ? [] : undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0, true);
  let at = 4 + count * 8;
  if (at > bytes.length) return undefined;
  const text = (length: number): string | undefined => {
    const [from, to] = [at, at + length];
    at = to + 1;
    return at > bytes.length ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset + from, length).toString('latin1');
  };
  const pairs: (readonly [string, string])[] = [];
  for (let n = 0; n < count; n++) {
    const name = text(view.getUint32(4 + n * 8, true));
    const value = text(view.getUint32(8 + n * 8, true));
    if (name === undefined || value === undefined) return undefined;
    pairs.push([name.toLowerCase(), value]);
  }
  return pairs;
}
