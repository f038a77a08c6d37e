// The node's folder of CNI configurations: read as a whole, changed by one step of a plan (plan.ts). Used by installer.ts.
// It is not ours alone: whatever somebody else writes meanwhile wins, and is planned for anew.
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { removeLeftovers, writeWhole } from './atomic-file.ts';
import { type ConfChange, type ConfFiles, isConfName } from './plan.ts';

export interface ConfFolderWishes {
  readonly netDir: string;
  /** Of the one configuration that is meant, whatever its ending; '' for none. */
  readonly confName: string;
  /** Of files that are made from no other. */
  readonly confMode: number;
}

const largestBytes = 1 << 20;

export class ConfFolder {
  readonly #wishes: ConfFolderWishes;

  constructor(wishes: ConfFolderWishes) {
    this.#wishes = wishes;
  }

  /** @throws if the folder cannot be read. */
  async files(): Promise<ConfFiles> {
    const { netDir, confName } = this.#wishes;
    const names = (await readdir(netDir)).filter((name) => isConfName(name, confName));
    const read = await Promise.all(names.map(async (name) => [name, await readConfFile(join(netDir, name))] as const));
    return new Map(read.flatMap(([name, file]) => (file === undefined ? [] : [[name, file.text]])));
  }

  /**
   * @param files what the plan was made from.
   * @returns false if that is not so any more; then nothing was done.
   */
  async carryOut(plan: ConfChange, files: ConfFiles): Promise<boolean> {
    const path = this.#at(plan.name);
    if (plan.do === 'remove') {
      await rm(path, { force: true });
      return true;
    }
    const { text, like, remove } = plan;
    await removeLeftovers(path);
    if (like === undefined) return writeWhole(path, text, this.#wishes.confMode);
    const isAsPlanned = async (): Promise<boolean> => (await readConfFile(this.#at(like)))?.text === files.get(like);
    const facts = await stat(this.#at(like)).catch(() => undefined);
    const isWritten = facts !== undefined && (await writeWhole(path, text, facts.mode & 0o777, isAsPlanned));
    if (isWritten && remove !== undefined) await rm(this.#at(remove), { force: true });
    return isWritten;
  }

  #at(name: string): string {
    return join(this.#wishes.netDir, name);
  }
}

/** Undefined: it is not there, or went while we looked. Without a text: it is no file, too large, or cannot be read. */
async function readConfFile(path: string): Promise<{ readonly text: string | undefined } | undefined> {
  try {
    const facts = await stat(path);
    return { text: facts.isFile() && facts.size <= largestBytes ? await readFile(path, 'utf8') : undefined };
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : { text: undefined };
  }
}
