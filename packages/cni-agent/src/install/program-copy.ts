// A copy of an executable in another folder, kept equal to its source. Used by installer.ts for the plugin.
// Equal means byte for byte: images that are built reproducibly carry no times worth comparing. A program that runs keeps its old file.
import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import { copyFile, type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { removeLeftovers, replaceWhole } from './atomic-file.ts';

const mode = 0o755;
const pieceBytes = 1 << 20;

export class ProgramCopy {
  readonly #from: string;
  readonly #to: string;
  /** What the kernel says about two files that were compared and found equal, so that 150 MB are not read at every look. */
  #equal = '';

  constructor(from: string, to: string) {
    this.#from = from;
    this.#to = to;
  }

  /** True if the copy had to be made. What was written is compared like anything else, by the next call. */
  async restore(): Promise<boolean> {
    const source = await stat(this.#from, { bigint: true });
    const copy = await stat(this.#to, { bigint: true }).catch(() => undefined);
    const facts = `${stampOf(source)} ${copy === undefined ? '' : stampOf(copy)}`;
    if (facts === this.#equal) return false;
    const mayBeEqual = copy?.isFile() === true && copy.size === source.size && (Number(copy.mode) & 0o7777) === mode;
    if (mayBeEqual && (await areEqual(this.#from, this.#to))) {
      this.#equal = facts;
      return false;
    }
    await mkdir(dirname(this.#to), { recursive: true });
    await removeLeftovers(this.#to);
    await replaceWhole(this.#to, (made) => copyTo(this.#from, made));
    return true;
  }
}

/** No two contents of a file have the same: whoever changes it changes its times or is another file. */
const stampOf = ({ dev, ino, size, mode, mtimeNs, ctimeNs }: BigIntStats): string => [dev, ino, size, mode, mtimeNs, ctimeNs].join(':');

async function copyTo(from: string, made: string): Promise<true> {
  await copyFile(from, made, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  await using file = await open(made, 'r+');
  await file.chmod(mode);
  await file.sync();
  return true;
}

async function areEqual(a: string, b: string): Promise<boolean> {
  await using one = await open(a);
  await using other = await open(b);
  const pieces = [Buffer.alloc(pieceBytes), Buffer.alloc(pieceBytes)] as const;
  for (let at = 0; ; at += pieceBytes) {
    const [x, y] = await Promise.all([pieceAt(one, pieces[0], at), pieceAt(other, pieces[1], at)]);
    if (!x.equals(y)) return false;
    if (x.length < pieceBytes) return true;
  }
}

/** As much as fits; less only at the end. */
async function pieceAt(file: FileHandle, into: Buffer, at: number): Promise<Buffer> {
  let length = 0;
  while (length < into.length) {
    const { bytesRead } = await file.read(into, length, into.length - length, at + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return into.subarray(0, length);
}
