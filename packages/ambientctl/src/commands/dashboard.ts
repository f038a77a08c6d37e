// `ambientctl dashboard`: the live graph of who talks to whom, served to the user's own browser until Ctrl-C.
// Everything is read with the user's own rights, so that it shows what they may see. What the graph is, is the package dashboard.
import { execFile } from 'node:child_process';
import { type Admit, seenOf, Verdicts } from '@ambient-mesh/dashboard/access';
import { serveGraph } from '@ambient-mesh/dashboard/serve';
import { isSecret, randomSecret } from '@ambient-mesh/dashboard/sessions';
import { mayGetNamespace, ownName } from '@ambient-mesh/kube/access-review';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import { type Command, InvalidArgumentError } from 'commander';
import { openCluster } from '../cluster.ts';
import { explained } from '../dashboard/explained.ts';
import { Figures } from '../dashboard/figures.ts';
import { lastLines } from '../dashboard/last-lines.ts';
import { meshNamespaceOption } from '../pods.ts';
import { type Globals, type Shell, warn } from '../shell.ts';

interface Options extends Globals {
  readonly istioNamespace: string;
  readonly port: number;
  readonly prometheus?: string;
  readonly open: boolean;
}

export function addDashboard(program: Command, shell: Shell, version: string): void {
  program
    .command('dashboard')
    .description('serves the live graph of who talks to whom, and opens it in a browser; ends with Ctrl-C')
    .option('--port <port>', 'of 127.0.0.1; 0 is any free one', readPort, 0)
    .option('--prometheus <url>', 'draw the graph from this Prometheus instead of asking the proxies', readUrl)
    .option('--no-open', 'print the address only')
    .addOption(meshNamespaceOption())
    .action((_, command: Command) => dashboard(shell, command.optsWithGlobals<Options>(), version));
}

async function dashboard(shell: Shell, { istioNamespace, port, prometheus, open, ...globals }: Options, version: string): Promise<void> {
  const { clock, signal } = shell;
  await using cluster = await openCluster(shell, globals);
  const { client } = cluster;
  const viewer = await nameOf(client, signal);
  await using figures = new Figures({ client, meshNamespace: istioNamespace, prometheus, clock, signal });
  // Before anything is served: whoever cannot list the proxies is told so, and not by an empty graph.
  if ((await figures.proxies()).length === 0) warn(shell, `no ztunnel runs in namespace ${istioNamespace}: is the mesh installed there?`);
  const invitation = { token: randomSecret(), credential: randomSecret() };
  await using server = await serveGraph({
    listen: { ip: '127.0.0.1', port },
    answers: {
      source: figures.source,
      measure: figures.measure,
      known: () => figures.known(),
      logs: lastLines({ client, proxies: () => figures.proxies(), signal }),
      explain: explained(client, clock, signal),
      version,
      now: () => clock.now(),
    },
    admit: admission(client, clock, { viewer, credential: invitation.credential }),
    invitation,
    clock,
  });
  const url = `http://127.0.0.1:${server.address.port}/?token=${invitation.token}`;
  shell.print(`${url}\n`);
  shell.complain('The address works once. Ctrl-C ends it.\n');
  if (open && shell.isTerminal) openBrowser(url);
  await ended(signal);
}

/** Everybody who was invited is the user of this command. */
function admission(client: KubeClient, clock: Clock, own: { readonly viewer: string; readonly credential: string }): Admit {
  const verdicts = new Verdicts<boolean>(clock);
  return async (credential) => {
    if (!isSecret(credential, own.credential)) return { refused: 'this credential is of another run of "ambientctl dashboard"' };
    const mayGet = (namespace: string): Promise<boolean> => verdicts.answer(namespace, () => mayGetNamespace(client, namespace));
    return { name: own.viewer, sees: (namespaces) => seenOf(namespaces, mayGet) };
  };
}

/** API servers before 1.28 cannot say. */
async function nameOf(client: KubeClient, signal: AbortSignal): Promise<string> {
  try {
    return await ownName(client, { signal });
  } catch (e) {
    if (statusOf(e) === 404 || statusOf(e) === 403) return 'you';
    throw e;
  }
}

/** Where there is none, the address was printed. */
function openBrowser(url: string): void {
  const openers: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = { darwin: ['open'], win32: ['explorer'] };
  const [program = 'xdg-open', ...args] = openers[process.platform] ?? [];
  execFile(program, [...args, url], () => {}).unref();
}

/** Ctrl-C is how it ends, and no failure. */
const ended = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('It is no port.');
  return port;
}

function readUrl(text: string): string {
  if (!URL.parse(text)?.protocol.startsWith('http')) throw new InvalidArgumentError('It is no URL such as http://127.0.0.1:9090.');
  return text;
}
