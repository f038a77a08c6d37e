// Stock helm as a test drives it, on the charts of this repository: what it renders, and what it installs into a lab's cluster.
// Used by the tests and scenarios of the charts, and by the script that renders them. It is not installed everywhere: ask hasHelm first.
// Nothing of the user's is read or left behind.
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `helm` of the PATH, or what AMBIENT_HELM names. */
const helmProgram = process.env.AMBIENT_HELM ?? 'helm';

export const hasHelm = (): boolean => spawnSync(helmProgram, ['version', '--short']).status === 0;

const parts = ['base', 'istiod-lite', 'cni-agent', 'ztunnel'] as const;
export type Chart = (typeof parts)[number] | 'waypoint' | 'ambient';
export const charts: readonly Chart[] = [...parts, 'waypoint', 'ambient'];

/** By path, as after `--set`; what is not text is written as JSON. */
export type Values = Readonly<Record<string, string | number | boolean | object>>;

const folder = fileURLToPath(new URL('../../charts', import.meta.url));
/** What is rendered without a cluster is rendered for this one. */
const kubeVersion = '1.34.0';
const timeoutMs = 120_000;

export class Helm implements Disposable {
  readonly #home = mkdtempSync(join(tmpdir(), 'helm-'));
  readonly #kubeconfig: string | undefined;

  /** @param kubeconfig path of a file; none: nothing can be installed */
  constructor(kubeconfig?: string) {
    this.#kubeconfig = kubeconfig;
    // A copy, so that the umbrella may have its parts within it, where helm looks for them.
    cpSync(folder, this.chart(), { recursive: true, filter: (path) => !path.startsWith(join(folder, 'ambient', 'charts')) });
    for (const part of parts) cpSync(join(folder, part), join(this.chart('ambient'), 'charts', part), { recursive: true });
  }

  /** The chart's folder, ready to be rendered. */
  chart(chart: Chart | '' = ''): string {
    return join(this.#home, 'charts', chart);
  }

  template(release: string, chart: Chart, values: Values = {}): Promise<string> {
    return this.run(
      ...['template', release, this.chart(chart), '--namespace', 'istio-system', '--kube-version', kubeVersion],
      ...setting(values),
    );
  }

  /** stdout. @throws with what helm said when it fails */
  run(...args: readonly string[]): Promise<string> {
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: this.#home,
      ...(this.#kubeconfig !== undefined && { KUBECONFIG: this.#kubeconfig }),
    };
    return new Promise((resolve, reject) => {
      execFile(helmProgram, [...args], { env, cwd: this.#home, timeout: timeoutMs, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`helm ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`));
      });
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.#home, { recursive: true, force: true });
  }
}

export const setting = (values: Values): string[] =>
  Object.entries(values).flatMap(([path, value]) =>
    typeof value === 'string' ? ['--set-string', `${path}=${value}`] : ['--set-json', `${path}=${JSON.stringify(value)}`],
  );
