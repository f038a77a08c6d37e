// `waypoint list`: the waypoints of a namespace, or of all.
import type { Command } from 'commander';
import { openCluster } from '../../cluster.ts';
import { show } from '../../output.ts';
import type { Globals, Shell } from '../../shell.ts';
import { listWaypoints } from './gateway.ts';
import { allNamespacesOption } from './options.ts';

interface Options extends Globals {
  readonly allNamespaces: boolean;
}

export function addList(parent: Command, shell: Shell): void {
  parent
    .command('list')
    .description('lists waypoints: their revision, what goes through them, and whether they are ready')
    .addOption(allNamespacesOption())
    .action((_, command: Command) => list(shell, command.optsWithGlobals<Options>()));
}

async function list(shell: Shell, options: Options): Promise<void> {
  await using cluster = await openCluster(shell, options);
  const { allNamespaces } = options;
  const found = await listWaypoints(cluster.client, allNamespaces ? '' : cluster.namespace, shell.signal);
  const items = found.map(({ namespace, name, revision, trafficType, programmed }) => ({
    namespace,
    name,
    revision,
    trafficType,
    programmed: programmed?.status ?? 'Unknown',
  }));
  show(shell, options.output, {
    columns: [...(allNamespaces ? ['NAMESPACE'] : []), 'NAME', 'REVISION', 'TRAFFIC TYPE', 'PROGRAMMED'],
    rows: items.map(({ namespace, ...rest }) => [...(allNamespaces ? [namespace] : []), ...Object.values(rest)]),
    items,
    whenEmpty: 'No waypoints found.',
  });
}
