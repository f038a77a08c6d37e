// Where a dump comes from: a saved file, the ztunnel pod that is named, that of a node, or the first one that is found.
// Used by every command of ztunnel-config. A live one is asked over a port-forward, since its admin page listens on the pod's loopback only.
import type { Key } from '@ambient-mesh/kube/kind';
import { type Command, Option } from 'commander';
import { adminPortOption, askAdmin } from '../../admin-page.ts';
import { type Cluster, openCluster } from '../../cluster.ts';
import { failure, usage } from '../../failure.ts';
import { textOfFile } from '../../files.ts';
import { labelOf, meshNamespaceOption, podNamed, runningPods } from '../../pods.ts';
import type { Globals, Shell } from '../../shell.ts';
import { type Dump, parseDump } from './dump.ts';

export interface PodOptions extends Globals {
  readonly node?: string;
  readonly istioNamespace: string;
  readonly proxyAdminPort: number;
}

export interface SourceOptions extends PodOptions {
  readonly file?: string;
}

export function addPodOptions(command: Command): Command {
  return command
    .argument('[pod]', 'pod of the ztunnel, as name or name.namespace (default: the first that is found)')
    .addOption(new Option('--node <name>', 'the ztunnel of this node'))
    .addOption(meshNamespaceOption())
    .addOption(adminPortOption());
}

export const addSource = (command: Command): Command =>
  addPodOptions(command).addOption(new Option('-f, --file <file>', 'a saved config_dump in place of a live one'));

export async function readDump(shell: Shell, pod: string | undefined, options: SourceOptions): Promise<Dump> {
  const { file, node } = options;
  if ([file, node, pod].filter((each) => each !== undefined).length > 1) throw usage('say one of a pod, --node and --file');
  if (file !== undefined) return parseDump(await textOfFile(file), `the file ${file}`);
  await using cluster = await openCluster(shell, options);
  const [ztunnel] = await ztunnelPods(cluster, pod, options, shell.signal);
  if (ztunnel === undefined) throw failure(noneFound(options));
  const text = await askAdmin(cluster.client, ztunnel, { port: options.proxyAdminPort, method: 'GET', path: '/config_dump' }, shell.signal);
  return parseDump(text, `what ${ztunnel.namespace}/${ztunnel.name} answers`);
}

/** The one that is named, whether it exists or not, or those that run. */
export async function ztunnelPods(
  { client }: Cluster,
  pod: string | undefined,
  { namespace, node, istioNamespace }: PodOptions,
  signal: AbortSignal,
): Promise<readonly Key[]> {
  if (pod !== undefined) return [podNamed(pod, namespace ?? istioNamespace)];
  return runningPods(client, { namespace: istioNamespace, labelSelector: labelOf.ztunnel, node }, signal);
}

export const noneFound = ({ node, istioNamespace }: PodOptions): string =>
  `no ztunnel runs ${node === undefined ? '' : `on node ${node} `}in namespace ${istioNamespace}: is the mesh installed there?`;
