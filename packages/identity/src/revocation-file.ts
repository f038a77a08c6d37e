// Keeps the revocation lists of a file (CRL_PATH) current.
// Owned by ztunnel, which re-checks its open tunnels when onChange tells of a new set.
// A file that cannot be read never weakens what is in force: the last good set stays, and the mistake is reported.
import { readFile, stat } from 'node:fs/promises';
import { describeError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import { RevocationSet } from './revocation.ts';
import { watchFile } from './watched-file.ts';

export interface RevocationFilePorts {
  readonly path: string;
  readonly clock: Pick<Clock, 'after'>;
  /** After each successful load, the first included. */
  readonly onChange: (set: RevocationSet) => void;
  /** One sentence per failed load. */
  readonly onMistake: (text: string) => void;
}

/** A public authority's largest lists have tens of megabytes; a mesh's have kilobytes. */
const maxFileBytes = 64 * 1024 * 1024;

export class RevocationFile implements Disposable {
  readonly #ports: RevocationFilePorts;
  #watch: Disposable | undefined;
  #current = RevocationSet.none;
  #loading = Promise.resolve();

  constructor(ports: RevocationFilePorts) {
    this.#ports = ports;
  }

  /** Watches and loads. Resolves when the first load has succeeded or failed; a missing or bad file is looked at again when it changes. */
  async start(): Promise<void> {
    const { path, clock } = this.#ports;
    this.#watch = watchFile({ path, clock, onChange: () => void this.reload() });
    await this.reload();
  }

  /** The last good set; empty before the first. */
  get current(): RevocationSet {
    return this.#current;
  }

  /** Loads now; loads follow one another. Never rejects. */
  reload(): Promise<void> {
    this.#loading = this.#loading.then(() => this.#load());
    return this.#loading;
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
  }

  async #load(): Promise<void> {
    const { path, onChange, onMistake } = this.#ports;
    const set = await read(path);
    if ('mistake' in set)
      return onMistake(`revocation lists of ${path} not loaded, keeping ${this.#current.size} revoked serials: ${set.mistake}`);
    this.#current = set;
    onChange(set);
  }
}

async function read(path: string): Promise<RevocationSet | { readonly mistake: string }> {
  try {
    const { size } = await stat(path);
    if (size > maxFileBytes) return { mistake: `the file has ${size} bytes, more than ${maxFileBytes}` };
    return RevocationSet.parse(await readFile(path));
  } catch (e) {
    return { mistake: describeError(e) };
  }
}
