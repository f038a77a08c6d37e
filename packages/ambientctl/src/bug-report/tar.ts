// A tar archive (ustar, POSIX.1-1988) as bytes, file after file. Pure.
// Used by archive.ts. Names are ours: ASCII, and short enough for the two fields that hold them.

export interface TarFile {
  /** `folder/file`; up to 255 bytes, of which the last part up to 100. */
  readonly name: string;
  readonly content: Buffer;
}

const blockBytes = 512;

/** Its header, its content, and zeroes up to the next block. @param at seconds since 1970 */
export function tarEntry({ name, content }: TarFile, at: number): Buffer {
  const header = Buffer.alloc(blockBytes);
  const [prefix, last] = split(name);
  header.write(last, 0, 100, 'latin1');
  writeOctal(header, 0o600, 100, 8);
  writeOctal(header, 0, 108, 8);
  writeOctal(header, 0, 116, 8);
  writeOctal(header, content.length, 124, 12);
  writeOctal(header, Math.max(0, Math.floor(at)), 136, 12);
  header.write('        ', 148, 8, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 8, 'latin1');
  header.write(prefix, 345, 155, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return Buffer.concat([header, content, Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes)]);
}

/** Two blocks of zeroes. */
export const tarEnd = (): Buffer => Buffer.alloc(2 * blockBytes);

/** With leading zeroes, and a zero byte at the end. */
function writeOctal(header: Buffer, value: number, at: number, length: number): void {
  header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, length, 'latin1');
}

/** @throws RangeError for a name that does not fit */
function split(name: string): readonly [prefix: string, last: string] {
  if (!/^[\x20-\x7e]+$/.test(name)) throw new RangeError(`${JSON.stringify(name)} cannot be the name of a file in an archive`);
  if (name.length <= 100) return ['', name];
  const slash = name.indexOf('/', name.length - 101);
  if (slash < 0 || slash > 155) throw new RangeError(`${JSON.stringify(name)} is too long for a file in an archive`);
  return [name.slice(0, slash), name.slice(slash + 1)];
}
