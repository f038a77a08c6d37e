// The user's own helm: whether there is one, and running it with what it prints handed on. Used by install, upgrade and uninstall.
import { spawn, spawnSync } from 'node:child_process';
import { failure } from '../failure.ts';
import type { Globals, Shell } from '../shell.ts';

/** Name of the release that install makes. */
export const releaseName = 'ambient';
export const defaultNamespace = 'istio-system';

/** `helm` of the PATH; AMBIENT_HELM names another, or none when it is empty. */
const programOf = ({ env }: Shell): string => env.AMBIENT_HELM ?? 'helm';

export const hasHelm = (shell: Shell): boolean => {
  const program = programOf(shell);
  return program !== '' && spawnSync(program, ['version', '--short'], { env: { ...shell.env }, stdio: 'ignore' }).status === 0;
};

/** Helm says itself what it did and what is wrong. @throws MeshError `command.failed` when it fails */
export async function runHelm(shell: Shell, { kubeconfig, context }: Globals, args: readonly string[]): Promise<void> {
  const access = [
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === undefined ? [] : ['--kube-context', context]),
  ];
  const child = spawn(programOf(shell), [...args, ...access], { env: { ...shell.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  // Interrupted, it marks its release as failed; killed, it would leave it pending.
  const stop = (): void => void child.kill('SIGINT');
  shell.signal.addEventListener('abort', stop, { once: true });
  try {
    child.stdout.setEncoding('utf8').on('data', shell.print);
    child.stderr.setEncoding('utf8').on('data', shell.complain);
    const code = await new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject));
    shell.signal.throwIfAborted();
    if (code !== 0) throw failure(`helm ${args[0]} failed`);
  } finally {
    shell.signal.removeEventListener('abort', stop);
  }
}
