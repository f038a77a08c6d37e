// Files that are there whole or not at all, whoever reads them and whenever we are killed: written beside, then renamed.
// Used by installer.ts.
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** @param mode permission bits, whatever the process's umask. */
export async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const beside = `${path}.tmp.${process.pid}`;
  try {
    const file = await open(beside, 'w', mode);
    try {
      await file.writeFile(text);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (e) {
    await rm(beside, { force: true });
    throw e;
  }
}

/**
 * A copy of an executable; true if it had to be made. The time of its last change tells a copy from anything else, so that 150 MB are not
 * read at every look. A program that is running keeps the file that it was started from.
 */
export async function copyProgram(from: string, to: string): Promise<boolean> {
  const source = await stat(from);
  const there = await stat(to).catch(() => undefined);
  const isSame =
    there?.isFile() === true && there.size === source.size && sameSecond(there.mtimeMs, source.mtimeMs) && (there.mode & 0o777) === 0o755;
  if (isSame) return false;
  await mkdir(dirname(to), { recursive: true });
  await removeLeftovers(to);
  const beside = `${to}.tmp.${process.pid}`;
  try {
    await copyFile(from, beside, constants.COPYFILE_FICLONE);
    await chmod(beside, 0o755);
    await utimes(beside, source.atime, source.mtime);
    await rename(beside, to);
  } catch (e) {
    await rm(beside, { force: true });
    throw e;
  }
  return true;
}

/** What an earlier agent had begun to write when it was killed. */
export async function removeLeftovers(path: string): Promise<void> {
  const prefix = `${basename(path)}.tmp.`;
  const names = await readdir(dirname(path)).catch(() => []);
  await Promise.all(names.filter((name) => name.startsWith(prefix)).map((name) => rm(join(dirname(path), name), { force: true })));
}

const sameSecond = (a: number, b: number): boolean => Math.abs(a - b) < 1_000;
