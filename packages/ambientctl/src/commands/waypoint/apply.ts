// `waypoint apply`: deploys a waypoint, waits for it if asked to, and sends the namespace's traffic through it if asked to.
// The order is the promise: a namespace is enrolled only after its waypoint was applied, and with --wait only once it is ready.
import { statusOf } from '@ambient-mesh/kube/errors';
import type { Kind } from '@ambient-mesh/kube/kind';
import { objectOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import type { Command } from 'commander';
import { type Cluster, openCluster } from '../../cluster.ts';
import { failure } from '../../failure.ts';
import { type Globals, type Shell, warn } from '../../shell.ts';
import { gatewayOf, gateways, isProgrammed, manager, nameOf, type TrafficType, type WaypointGateway, waypointClass } from './gateway.ts';
import { forOption, nameOption, readDuration, revisionOption, timeoutOption } from './options.ts';
import { untilProgrammed, whyNot } from './wait.ts';

interface Options extends Globals {
  readonly name: string;
  readonly for?: TrafficType;
  readonly enrollNamespace: boolean;
  readonly overwrite: boolean;
  readonly revision?: string;
  readonly wait: boolean;
  readonly waypointTimeout: string;
}

const useWaypointLabel = 'istio.io/use-waypoint';
const modeLabel = 'istio.io/dataplane-mode';

/** Its labels are all that is read. */
const namespaces: Kind<RawObject> = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
  narrow: (raw) => objectOf(objectOf(objectOf(raw).metadata).labels),
};

const gatewayClasses: Kind<RawObject> = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural: 'gatewayclasses',
  kind: 'GatewayClass',
  namespaced: false,
  narrow: objectOf,
};

export function addApply(parent: Command, shell: Shell): void {
  parent
    .command('apply')
    .description('deploys a waypoint, or changes it')
    .addOption(nameOption())
    .addOption(forOption())
    .option('--enroll-namespace', 'send the traffic of the namespace through it', false)
    .option('--overwrite', 'take over a namespace that uses another waypoint, and a Gateway that others have written', false)
    .addOption(revisionOption('revision of the control plane that deploys it'))
    .option('-w, --wait', 'wait until it is ready', false)
    .addOption(timeoutOption())
    .action((_, command: Command) => apply(shell, command.optsWithGlobals<Options>()));
}

async function apply(shell: Shell, options: Options): Promise<void> {
  await using cluster = await openCluster(shell, options);
  if (options.enrollNamespace && !(await mayEnrol(shell, cluster, options))) return;
  await mustHaveClass(cluster, shell.signal);
  await applyGateway(cluster, options, shell.signal);
  const key = { namespace: cluster.namespace, name: options.name };
  shell.print(`✅ waypoint ${nameOf(key)} applied\n`);
  if (options.wait) {
    await ready(shell, cluster, options);
    shell.print(`✅ waypoint ${nameOf(key)} is ready!\n`);
  }
  if (!options.enrollNamespace) return;
  const body = { metadata: { labels: { [useWaypointLabel]: options.name } } };
  await cluster.client.patch(namespaces, { namespace: '', name: cluster.namespace }, { type: 'merge', body, manager }, shell);
  shell.print(`✅ namespace ${cluster.namespace} labeled with "${useWaypointLabel}: ${options.name}"\n`);
}

/** False, with a warning, for a namespace that uses a waypoint already: then nothing at all is done. */
async function mayEnrol(shell: Shell, { client, namespace }: Cluster, { overwrite }: Options): Promise<boolean> {
  const labels = await client.get(namespaces, { namespace: '', name: namespace }, shell);
  if (labels === undefined) throw failure(`there is no namespace ${namespace}`);
  const used = labels[useWaypointLabel];
  if (used !== undefined && !overwrite) {
    warn(
      shell,
      `namespace ${namespace} has the label ${useWaypointLabel}=${textOf(used)} already: nothing was applied. Say --overwrite to change it.`,
    );
    return false;
  }
  if (labels[modeLabel] !== 'ambient')
    warn(shell, `namespace ${namespace} is not in the mesh, so its pods reach no waypoint: label it with ${modeLabel}=ambient`);
  return true;
}

/** Who may not read classes is believed. */
async function mustHaveClass({ client }: Cluster, signal: AbortSignal): Promise<void> {
  const found = await client.get(gatewayClasses, { namespace: '', name: waypointClass }, { signal }).catch((e: unknown) => {
    if (statusOf(e) === 403) return {};
    throw e;
  });
  if (found === undefined)
    throw failure(
      `nothing in this cluster deploys waypoints: there is no GatewayClass ${waypointClass}; install the Gateway API and istiod-lite first`,
    );
}

async function applyGateway({ client, namespace }: Cluster, options: Options, signal: AbortSignal): Promise<void> {
  const { name, overwrite, revision, for: trafficType } = options;
  const gateway = gatewayOf({ namespace, name, trafficType, revision });
  try {
    await client.apply(gateways, { namespace, name }, gateway, { manager, force: overwrite, signal });
  } catch (e) {
    if (statusOf(e) === 404) throw failure(`there is no namespace ${namespace}`, e);
    if (statusOf(e) === 409)
      throw failure(`Gateway ${namespace}/${name} exists and was written otherwise; say --overwrite to change it`, e);
    throw e;
  }
}

async function ready(shell: Shell, { client, namespace }: Cluster, { name, waypointTimeout }: Options): Promise<void> {
  const look = async (): Promise<readonly WaypointGateway[]> => {
    const seen = await client.get(gateways, { namespace, name }, shell);
    if (seen === undefined) throw failure(`waypoint ${namespace}/${name} was removed by somebody else`);
    return [seen];
  };
  const [seen] = await untilProgrammed(look, { clock: shell.clock, timeout: readDuration(waypointTimeout), signal: shell.signal });
  if (seen !== undefined && !isProgrammed(seen)) throw failure(whyNot(seen, waypointTimeout));
}
