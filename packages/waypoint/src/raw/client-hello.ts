// The server name that a TLS client asks for, read from its first bytes (RFC 8446 §4.1.2, RFC 6066 §3). Pure.
// Used for TLSRoutes and policies about `connection.sni`. Bounded by what the caller has gathered; nothing is decrypted.

/** Undefined: more bytes are needed. `sni` is empty when the client names none, or what came is no ClientHello. */
export function readServerName(bytes: Buffer): { readonly sni: string } | undefined {
  const hello = handshakeOf(bytes);
  if (hello === undefined || hello === 'no') return hello === 'no' ? { sni: '' } : undefined;
  let at = 4 + 2 + 32;
  at += 1 + (hello[at] ?? 0);
  at += 2 + u16(hello, at);
  at += 1 + (hello[at] ?? 0);
  const end = Math.min(hello.length, at + 2 + u16(hello, at));
  for (at += 2; at + 4 <= end; ) {
    const length = u16(hello, at + 2);
    if (u16(hello, at) === 0) return { sni: nameIn(hello.subarray(at + 4, Math.min(end, at + 4 + length))) };
    at += 4 + length;
  }
  return { sni: '' };
}

/** The handshake message, put together from its records. */
function handshakeOf(bytes: Buffer): Buffer | 'no' | undefined {
  const parts: Buffer[] = [];
  let have = 0;
  for (let at = 0; ; ) {
    if (at + 5 > bytes.length) return undefined;
    if (bytes[at] !== 0x16) return 'no';
    const length = u16(bytes, at + 3);
    const part = bytes.subarray(at + 5, at + 5 + length);
    parts.push(part);
    have += part.length;
    const message = Buffer.concat(parts);
    if (message.length > 0 && message[0] !== 1) return 'no';
    if (have >= 4 && have >= 4 + message.readUIntBE(1, 3)) return message;
    if (part.length < length) return undefined;
    at += 5 + length;
  }
}

/** The first host name of the list, lower case. */
function nameIn(list: Buffer): string {
  if (list.length < 5 || list[2] !== 0) return '';
  const name = list.toString('latin1', 5, Math.min(list.length, 5 + u16(list, 3))).toLowerCase();
  return /^[a-z0-9_.-]{1,253}$/.test(name) ? name : '';
}

const u16 = (bytes: Buffer, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
