// Tells by its first bytes what a client speaks. Pure: bytes in, verdict out.
// Asked by early.ts while the port's protocol is not declared; a client that says nothing for a while is raw TCP (its server speaks first).

export type Sniffed = 'http1' | 'http2' | 'tls' | 'tcp';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** A request line begins with a token, one space, and then something printable (RFC 9112 §3). */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Methods are short; what goes on for longer without a space is none. */
const longestMethod = 24;
/** Of the request line; enough to see its version in nearly all. */
const enough = 4_096;

/** Undefined: more bytes are needed. */
export function sniff(bytes: Buffer): Sniffed | undefined {
  if (bytes.length === 0) return undefined;
  const common = Math.min(bytes.length, preface.length);
  if (bytes.compare(preface, 0, common, 0, common) === 0) return common === preface.length ? 'http2' : undefined;
  if (bytes[0] === 0x16) return bytes.length < 3 ? undefined : bytes[1] === 3 ? 'tls' : 'tcp';
  const space = bytes.indexOf(0x20);
  const method = bytes.toString('latin1', 0, space < 0 ? Math.min(bytes.length, longestMethod + 1) : space);
  if (!token.test(method) || method.length > longestMethod) return 'tcp';
  if (space < 0) return undefined;
  const end = bytes.indexOf(0x0a);
  const line = bytes.toString('latin1', 0, end < 0 ? Math.min(bytes.length, enough) : end);
  if (end >= 0) return /^\S+ \S+ HTTP\/1\.\d\r?$/.test(line) ? 'http1' : 'tcp';
  if (/[^\x20-\x7e\r]/.test(line)) return 'tcp';
  return bytes.length >= enough ? 'http1' : undefined;
}
