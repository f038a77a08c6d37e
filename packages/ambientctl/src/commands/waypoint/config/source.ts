// Where a waypoint's dump comes from: a saved file, or the first running pod of the waypoint that is named.
// A live one is asked over a port-forward, since its admin page listens on the pod's loopback only.
import type { Command } from 'commander';
import { adminPortOption, askAdmin } from '../../../admin-page.ts';
import { openCluster } from '../../../cluster.ts';
import { failure, usage } from '../../../failure.ts';
import { textOfFile } from '../../../files.ts';
import { labelOf, runningPods } from '../../../pods.ts';
import type { Globals, Shell } from '../../../shell.ts';
import { waypointName } from '../options.ts';
import { parseDump, type WaypointDump } from './dump.ts';

interface Options extends Globals {
  readonly file?: string;
  readonly proxyAdminPort: number;
}

export const addSource = (command: Command): Command =>
  command
    .argument('[name]', 'the waypoint (default: waypoint)', waypointName)
    .addOption(adminPortOption())
    .option('-f, --file <file>', 'a saved config_dump in place of a live one');

export async function readDump(shell: Shell, name: string | undefined, options: Options): Promise<WaypointDump> {
  const { file, proxyAdminPort: port } = options;
  if (file !== undefined && name !== undefined) throw usage('say one of a waypoint and --file');
  if (file !== undefined) return parseDump(await textOfFile(file), `the file ${file}`);
  await using cluster = await openCluster(shell, options);
  const { client, namespace } = cluster;
  const gateway = name ?? 'waypoint';
  const labelSelector = `${labelOf.waypoint},gateway.networking.k8s.io/gateway-name=${gateway}`;
  const [pod] = await runningPods(client, { namespace, labelSelector }, shell.signal);
  if (pod === undefined)
    throw failure(`no pod of waypoint ${namespace}/${gateway} runs: see ambientctl waypoint status ${gateway} -n ${namespace}`);
  const text = await askAdmin(client, pod, { port, method: 'GET', path: '/config_dump' }, shell.signal);
  return parseDump(text, `what ${pod.namespace}/${pod.name} answers`);
}
