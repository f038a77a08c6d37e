// The graph of a lab's mesh, as a user gets it: the page is built where it has changed, then `ambientctl dashboard` serves it on loopback.
// Used by the demo and its tour. The process dies with us.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ambientctl, type MeshLab } from './mesh-lab.ts';

export interface ServedGraph extends AsyncDisposable {
  /** Opens once. */
  readonly url: string;
}

export async function serveGraph({ cluster, lab }: MeshLab): Promise<ServedGraph> {
  await promisify(execFile)(process.execPath, [fileURLToPath(new URL('../../scripts/build-page.ts', import.meta.url))]);
  const command = [ambientctl, 'dashboard', '--no-open', '--kubeconfig', cluster.kubeconfigPath];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', process.execPath, ...command], {
    env: { PATH: process.env.PATH ?? '', HOME: lab.folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = `${said}${text}`.slice(-2_000)));
  const [url] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), exited]);
  if (typeof url !== 'string') throw new Error(`ambientctl dashboard ended at once: ${said}`);
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
