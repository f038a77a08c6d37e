// Header blocks of SPDY/3: names and values with lengths, compressed with a dictionary and with all that went before on the same connection.
// Used by session.ts, one of each for a session, blocks strictly in order.
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { headerDictionary } from './dictionary.ts';

/** Lower-case names; several values of one name are separated by NUL. */
export type Headers = ReadonlyMap<string, string>;

const largestBlockBytes = 64 << 10;
const mostHeaders = 100;

/** Undefined when it is not well-formed. */
export function parseHeaders(bytes: Buffer): Headers | undefined {
  let at = 0;
  const number = (): number | undefined => {
    if (at + 4 > bytes.length) return undefined;
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  const text = (): string | undefined => {
    const length = number();
    if (length === undefined || at + length > bytes.length) return undefined;
    at += length;
    return bytes.toString('latin1', at - length, at);
  };
  const count = number();
  if (count === undefined || count > mostHeaders) return undefined;
  const headers = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const name = text();
    const value = text();
    if (name === undefined || value === undefined) return undefined;
    headers.set(name.toLowerCase(), value);
  }
  return at === bytes.length ? headers : undefined;
}

function formatHeaders(headers: Headers): Buffer {
  const sized = (text: string): Buffer => {
    const bytes = Buffer.from(text, 'latin1');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const count = Buffer.alloc(4);
  count.writeUInt32BE(headers.size);
  return Buffer.concat([count, ...[...headers].flatMap(([name, value]) => [sized(name), sized(value)])]);
}

/** Both directions of one session. In each direction, one call at a time. */
export class HeaderBlocks implements Disposable {
  readonly #inflate: Inflate = createInflate({ dictionary: headerDictionary });
  readonly #deflate: Deflate = createDeflate({ dictionary: headerDictionary, flush: constants.Z_SYNC_FLUSH });

  /** Rejects when the block is not what it should be; the session is of no use then. */
  async read(block: Buffer): Promise<Headers> {
    const headers = parseHeaders(await passThrough(this.#inflate, block));
    if (headers === undefined) throw new Error('a malformed SPDY header block');
    return headers;
  }

  write(headers: Headers): Promise<Buffer> {
    return passThrough(this.#deflate, formatHeaders(headers));
  }

  [Symbol.dispose](): void {
    this.#inflate.close();
    this.#deflate.close();
  }
}

function passThrough(codec: Inflate | Deflate, block: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const take = (): void => {
      for (let chunk: unknown = codec.read(); chunk !== null; chunk = codec.read()) {
        if (!Buffer.isBuffer(chunk)) continue;
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > largestBlockBytes) break;
      }
      if (bytes > largestBlockBytes) fail(new Error('a SPDY header block that is too large'));
    };
    const clear = (): void => {
      codec.off('readable', take);
      codec.off('error', fail);
    };
    const fail = (why: Error): void => {
      clear();
      reject(why);
    };
    codec.on('readable', take).on('error', fail);
    codec.write(block, () => {
      take();
      clear();
      resolve(Buffer.concat(chunks));
    });
  });
}
