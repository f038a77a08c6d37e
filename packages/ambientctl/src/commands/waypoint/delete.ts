// `waypoint delete`: removes waypoints by name, by revision, or all of a namespace. Gateways that are no waypoints are left alone.
import type { Command } from 'commander';
import { type Cluster, openCluster } from '../../cluster.ts';
import { failure, usage } from '../../failure.ts';
import type { Globals, Shell } from '../../shell.ts';
import { gateways, listWaypoints, nameOf, waypointClass } from './gateway.ts';
import { revisionOption } from './options.ts';

interface Options extends Globals {
  readonly all: boolean;
  readonly revision?: string;
}

export function addDelete(parent: Command, shell: Shell): void {
  parent
    .command('delete')
    .description('removes waypoints of a namespace')
    .argument('[names...]', 'those of these names')
    .option('--all', 'all of them', false)
    .addOption(revisionOption('those of this revision'))
    .action((names: readonly string[], _, command: Command) => remove(shell, names, command.optsWithGlobals<Options>()));
}

async function remove(shell: Shell, names: readonly string[], options: Options): Promise<void> {
  const { all, revision } = options;
  if (names.length > 0 && all) throw usage('either name waypoints or say --all, not both');
  if (names.length > 0 && revision !== undefined) throw usage('either name waypoints or a revision, not both');
  if (names.length === 0 && !all && revision === undefined) throw usage('say which waypoints: names, --revision or --all');
  await using cluster = await openCluster(shell, options);
  const found = await listWaypoints(cluster.client, cluster.namespace, shell.signal);
  const wanted =
    names.length > 0 ? names : found.filter((each) => revision === undefined || each.revision === revision).map(({ name }) => name);
  if (wanted.length === 0) shell.print('No waypoints found.\n');
  const waypoints = new Set(found.map(({ name }) => name));
  for (const name of new Set(wanted)) shell.print(`waypoint ${await removed(cluster, name, waypoints.has(name), shell.signal)}\n`);
}

async function removed({ client, namespace }: Cluster, name: string, isWaypoint: boolean, signal: AbortSignal): Promise<string> {
  const key = { namespace, name };
  if (isWaypoint) return `${nameOf(key)} ${(await client.remove(gateways, key, { signal })) ? 'deleted' : 'not found'}`;
  const other = await client.get(gateways, key, { signal });
  if (other === undefined) return `${nameOf(key)} not found`;
  throw failure(`Gateway ${nameOf(key)} is no waypoint, so it stays: its class is ${other.className}, not ${waypointClass}`);
}
