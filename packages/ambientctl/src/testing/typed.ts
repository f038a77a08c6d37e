// Types a command for a test and brings back what a user would see: the whole program, in this process, against whatever API server it is given.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer } from '@ambient-mesh/kube/testing/api-server';
import { type Clock, systemClock } from '@ambient-mesh/runtime/time';
import { runProgram } from '../program.ts';

export interface Seen {
  readonly code: number;
  /** stdout */
  readonly out: string;
  /** stderr */
  readonly err: string;
}

export interface Typing {
  /** Undefined: there is no cluster to be found. */
  readonly api?: Pick<ApiServer, 'url'> | undefined;
  readonly clock?: Clock;
  readonly isTerminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Ctrl-C. */
  readonly signal?: AbortSignal;
}

/** Words, or a line in which blanks separate them. */
export async function typed(line: string | readonly string[], typing: Typing = {}): Promise<Seen> {
  const { api, clock = systemClock, isTerminal = false, env = {}, signal = new AbortController().signal } = typing;
  using folder = temporaryFolder();
  const kubeconfig = join(folder.path, 'kubeconfig');
  if (api !== undefined) writeFileSync(kubeconfig, kubeconfigOf(api.url));
  const [out, err]: [string[], string[]] = [[], []];
  const shell = {
    print: (text: string) => void out.push(text),
    complain: (text: string) => void err.push(text),
    isTerminal,
    env: { KUBECONFIG: kubeconfig, ...env },
    clock,
    signal,
  };
  const code = await runProgram(typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line, shell, '0.0.0');
  return {
    code,
    out: out.join(''),
    err: err
      .join('')
      .replaceAll(folder.path, '<home>')
      .replaceAll(api?.url ?? '<none>', '<server>'),
  };
}

export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'ambientctl-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const kubeconfigOf = (server: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    // Plain HTTP is refused otherwise.
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token: 'secret' } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'shop' } }],
    'current-context': 'test',
  });
