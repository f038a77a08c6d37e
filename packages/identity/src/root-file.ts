// The root certificates that the control plane is checked against, from a file that may be replaced at any time.
// Used by wire's clients through ztunnel: they read before each connect, and drop their connection when the file changes.
// Not for peers in the mesh: their roots come with each certificate (credentials.ts).
import { readFile } from 'node:fs/promises';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import { pemBlocks, toPem } from './pem.ts';
import { watchFile } from './watched-file.ts';

export type RootFileFault = { readonly code: 'roots.unreadable'; readonly path: string };

export class RootFile implements Disposable {
  readonly #path: string;
  readonly #watch: Disposable;

  /** `onChange` is called once the file's folder has been quiet for 2 s after a change. */
  constructor(path: string, clock: Pick<Clock, 'after'>, onChange: () => void) {
    this.#path = path;
    this.#watch = watchFile({ path, clock, onChange });
  }

  /**
   * One PEM per certificate, at least one; read anew on each call.
   * @throws MeshError<RootFileFault> when the file cannot be read or holds no certificate.
   */
  async read(): Promise<readonly string[]> {
    const unreadable = (why: string, cause?: unknown): MeshError<RootFileFault> =>
      new MeshError({ code: 'roots.unreadable', path: this.#path }, `no root certificates from ${this.#path}: ${why}`, cause);
    const text = await readFile(this.#path, 'latin1').catch((e: unknown) => {
      throw unreadable(describeError(e), e);
    });
    const roots = pemBlocks(text, 'CERTIFICATE');
    if (roots.length === 0) throw unreadable('it holds no certificate');
    return roots.map((der) => toPem(der, 'CERTIFICATE'));
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }
}
