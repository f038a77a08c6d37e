// Stock kubectl as a test drives it: with a home and a discovery cache of its own, so that nothing of the user's is read or left behind.
// The lab's tests and demo call it; what it talks to is said by the kubeconfig.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const hasKubectl = (): boolean => spawnSync('kubectl', ['version', '--client']).status === 0;

export interface KubectlResult {
  /** 0 = well. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const timeoutMs = 30_000;

export class Kubectl implements Disposable {
  readonly #home = mkdtempSync(join(tmpdir(), 'kubectl-'));

  readonly #cwd: string | undefined;

  /** @param cwd where it is run; default: where we are */
  constructor(kubeconfig: string, cwd?: string) {
    this.#cwd = cwd;
    writeFileSync(join(this.#home, 'kubeconfig'), kubeconfig, { mode: 0o600 });
  }

  /** @param input for `-f -`. */
  run(args: readonly string[], input?: string): Promise<KubectlResult> {
    const env = { PATH: process.env.PATH ?? '', HOME: this.#home, KUBECONFIG: join(this.#home, 'kubeconfig') };
    return new Promise((resolve) => {
      const child = execFile(
        'kubectl',
        [...args],
        { env, cwd: this.#cwd, timeout: timeoutMs, maxBuffer: 2 ** 26 },
        (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr });
        },
      );
      // A kubectl that fails early does not read its input.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
  }

  /** stdout of a command that must go well; words are separated by blanks. @throws with what kubectl said otherwise. */
  async ok(command: string, input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(words(command), input);
    if (code !== 0) throw new Error(`kubectl ${command}: exit code ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** stderr of a command that must fail. */
  async fails(command: string, input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(words(command), input);
    if (code === 0) throw new Error(`kubectl ${command} should have failed:\n${stdout}`);
    return stderr;
  }

  [Symbol.dispose](): void {
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/** At blanks that are not within single quotes; the quotes go. */
const words = (command: string): readonly string[] =>
  [...command.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ''));
