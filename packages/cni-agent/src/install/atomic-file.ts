// Files that are there whole or not at all, whoever reads them and whenever we are killed: written beside, then renamed.
// Used by installer.ts and program-copy.ts.
import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Never the same twice: an agent that is being replaced may still be writing. */
const beside = (path: string): string => `${path}.tmp.${randomBytes(6).toString('hex')}`;

/** What tells the name of such a file from the one whose place it will take. */
export const besideName: RegExp = /\.tmp\.[0-9a-f]+/g;

/** Lets `fill` make a file, and puts it in the place of the one that is there; true if `fill` says so. @throws what `fill` throws. */
export async function replaceWhole(path: string, fill: (beside: string) => Promise<boolean>): Promise<boolean> {
  const made = beside(path);
  try {
    if (await fill(made)) {
      await rename(made, path);
      return true;
    }
  } catch (e) {
    await rm(made, { force: true });
    throw e;
  }
  await rm(made, { force: true });
  return false;
}

/**
 * @param mode permission bits, whatever the process's umask.
 * @param mayReplace asked when only the rename is left to do. False: all stays as it was, and so is the answer.
 */
export function writeWhole(path: string, text: string, mode: number, mayReplace = async (): Promise<boolean> => true): Promise<boolean> {
  return replaceWhole(path, async (made) => {
    await using file = await open(made, 'wx', mode);
    await file.writeFile(text);
    await file.chmod(mode);
    await file.sync();
    return mayReplace();
  });
}

/** What an earlier agent had begun to write when it was killed. */
export async function removeLeftovers(path: string): Promise<void> {
  const prefix = `${basename(path)}.tmp.`;
  const names = await readdir(dirname(path)).catch(() => []);
  await Promise.all(names.filter((name) => name.startsWith(prefix)).map((name) => rm(join(dirname(path), name), { force: true })));
}
