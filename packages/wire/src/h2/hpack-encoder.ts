// Encodes header lists (RFC 7541) as literals that no table remembers: the headers of tunnels and of proxied requests differ each time.
// Used by session.ts. Stateless, so that a refused or late block can never put two tables out of step.
import type { HeaderList } from '../http/message.ts';
import { staticNames } from './hpack-table.ts';

const statusIndex = new Map([
  ['200', 8],
  ['400', 12],
  ['404', 13],
  ['500', 14],
]);

/** Values are written as latin1. */
export function encodeHeaders(headers: HeaderList): Buffer {
  let bytes = 0;
  for (const [name, value] of headers) bytes += name.length + value.length + 12;
  const out = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const [name, value] of headers) {
    const whole = name === ':status' ? statusIndex.get(value) : undefined;
    if (whole !== undefined) {
      out[at++] = 0x80 | whole;
      continue;
    }
    // Literal without indexing, §6.2.2.
    const index = staticNames.get(name) ?? 0;
    out[at++] = Math.min(index, 15);
    if (index >= 15) out[at++] = index - 15;
    else if (index === 0) at = writeText(out, at, name);
    at = writeText(out, at, value);
  }
  return out.subarray(0, at);
}

function writeText(out: Buffer, at: number, text: string): number {
  let next = at;
  if (text.length < 127) out[next++] = text.length;
  else {
    out[next++] = 127;
    let rest = text.length - 127;
    for (; rest >= 128; rest >>>= 7) out[next++] = (rest & 0x7f) | 0x80;
    out[next++] = rest;
  }
  return next + out.write(text, next, 'latin1');
}
