// Reads one PROXY protocol v2 header from the start of a connection (haproxy proxy-protocol.txt §2.2), TCP over IPv4 or IPv6.
// Independent of the code under test on purpose. Used by servers.ts.
import type { Socket } from 'node:net';

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const identityTlv = 0xd0;

export interface ProxyHeader {
  readonly source: string;
  readonly destination: string;
  /** Text of TLV 0xD0; empty when absent. */
  readonly identity: string;
}

const v6Text = (b: Buffer): string =>
  `[${(b.toString('hex').match(/.{4}/g) ?? []).map((g) => Number.parseInt(g, 16).toString(16)).join(':')}]`;

/** Leaves what follows the header in the socket; undefined when there is none. */
export async function takeProxyHeader(socket: Socket): Promise<ProxyHeader | undefined> {
  const start = await read(socket, 16);
  if (start === undefined || !start.subarray(0, 12).equals(signature) || start.readUInt8(12) !== 0x21) return undefined;
  const body = await read(socket, start.readUInt16BE(14));
  if (body === undefined) return undefined;
  const v4 = start.readUInt8(13) === 0x11;
  const size = v4 ? 4 : 16;
  const address = (at: number): string => (v4 ? [...body.subarray(at, at + 4)].join('.') : v6Text(body.subarray(at, at + 16)));
  let identity = '';
  for (let at = 2 * size + 4; at + 3 <= body.length; at += 3 + body.readUInt16BE(at + 1)) {
    if (body.readUInt8(at) === identityTlv) identity = body.toString('utf8', at + 3, at + 3 + body.readUInt16BE(at + 1));
  }
  return {
    source: `${address(0)}:${body.readUInt16BE(2 * size)}`,
    destination: `${address(size)}:${body.readUInt16BE(2 * size + 2)}`,
    identity,
  };
}

async function read(socket: Socket, bytes: number): Promise<Buffer | undefined> {
  for (;;) {
    const chunk: Buffer | null = socket.read(bytes);
    if (chunk !== null) return chunk;
    if (socket.readableEnded || socket.destroyed) return undefined;
    await new Promise<void>((resolve) => {
      socket.once('readable', resolve);
      socket.once('close', resolve);
    });
  }
}
