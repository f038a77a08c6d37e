// How a command ends when it could not do what it was asked to: one sentence that says what is wrong and, where we know it, what to do.
// Commands throw `failure`; program.ts prints `sentenceOf` whatever came. Exit codes are program.ts's affair.
import { isKubeError, statusOf } from '@ambient-mesh/kube/errors';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';

export type CommandFault =
  /** The cluster, the mesh or a file is not what it must be. */
  | { readonly code: 'command.failed' }
  /** The answer was shown, and it is bad enough to fail a script that asked for that. */
  | { readonly code: 'command.found' }
  /** What was typed makes no sense. */
  | { readonly code: 'command.usage' };

export const failure = (text: string, cause?: unknown): MeshError<CommandFault> => new MeshError({ code: 'command.failed' }, text, cause);

/** `analyze` has findings at or above the threshold. */
export const found = (text: string): MeshError<CommandFault> => new MeshError({ code: 'command.found' }, text);

/** For combinations of arguments that the parser cannot refuse by itself. */
export const usage = (text: string): MeshError<CommandFault> => new MeshError({ code: 'command.usage' }, text);

export function sentenceOf(e: unknown): string {
  const text = describeError(e).trim();
  if (!isKubeError(e)) return text;
  if (e.fault.code === 'kube.connect' || e.fault.code === 'kube.timeout') return `the cluster cannot be reached: ${text}`;
  if (e.fault.code === 'kube.access') return `there is no way to a cluster: ${text}; name a kubeconfig with --kubeconfig or KUBECONFIG`;
  const status = statusOf(e);
  if (status === 401) return `the cluster does not accept these credentials: ${text}`;
  if (status === 403) return `you are not allowed to do this: ${text}`;
  return text;
}
