// `waypoint status`: whether waypoints are programmed, and if not, why; waits for them unless told not to.
import type { Command } from 'commander';
import { type Cluster, openCluster } from '../../cluster.ts';
import { failure } from '../../failure.ts';
import { show } from '../../output.ts';
import type { Globals, Shell } from '../../shell.ts';
import { isProgrammed, listWaypoints, type WaypointGateway } from './gateway.ts';
import { allNamespacesOption, readDuration, timeoutOption, waypointName } from './options.ts';
import { untilProgrammed, whyNot } from './wait.ts';

interface Options extends Globals {
  readonly allNamespaces: boolean;
  readonly wait: boolean;
  readonly waypointTimeout: string;
}

export function addStatus(parent: Command, shell: Shell): void {
  parent
    .command('status')
    .description('shows whether waypoints are ready; waits until they are')
    .argument('[name]', 'one waypoint (default: all)', waypointName)
    .addOption(allNamespacesOption())
    .option('-w, --wait', 'wait until they are ready; exit code 1 if they are not', true)
    .option('--no-wait', 'show them as they are')
    .addOption(timeoutOption())
    .action((name: string | undefined, _, command: Command) => status(shell, name, command.optsWithGlobals<Options>()));
}

async function status(shell: Shell, name: string | undefined, options: Options): Promise<void> {
  await using cluster = await openCluster(shell, options);
  const { allNamespaces, wait, waypointTimeout, output } = options;
  const look = () => matching(cluster, name, allNamespaces, shell.signal);
  const patience = { clock: shell.clock, timeout: readDuration(wait ? waypointTimeout : '0s'), signal: shell.signal };
  const seen = await untilProgrammed(look, patience);
  if (name !== undefined && seen.length === 0)
    throw failure(`there is no waypoint ${name} ${allNamespaces ? 'anywhere' : `in namespace ${cluster.namespace}`}`);
  const items = seen.map(({ namespace, name, programmed }) => ({
    namespace,
    name,
    status: programmed?.status ?? 'Unknown',
    type: 'Programmed',
    reason: programmed?.reason ?? '',
    message: programmed?.message ?? '',
  }));
  show(shell, output, {
    columns: [...(allNamespaces ? ['NAMESPACE'] : []), 'NAME', 'STATUS', 'TYPE', 'REASON', 'MESSAGE'],
    rows: items.map(({ namespace, ...rest }) => [...(allNamespaces ? [namespace] : []), ...Object.values(rest)]),
    items,
    whenEmpty: 'No waypoints found.',
  });
  const late = seen.find((each) => !isProgrammed(each));
  if (wait && late !== undefined) throw failure(whyNot(late, waypointTimeout));
}

async function matching(
  { client, namespace }: Cluster,
  name: string | undefined,
  all: boolean,
  signal: AbortSignal,
): Promise<readonly WaypointGateway[]> {
  const found = await listWaypoints(client, all ? '' : namespace, signal);
  return name === undefined ? found : found.filter((each) => each.name === name);
}
