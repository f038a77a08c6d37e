// `ambientctl proxy-status`: what each ztunnel and waypoint was sent by the control plane, and whether it took it.
// Asks every istiod-lite for its clients, and the cluster for proxies that are nobody's client. How a client's state is told is proxy-status/.
import type { Command } from 'commander';
import { askAdmin } from '../admin-page.ts';
import { type Cluster, openCluster } from '../cluster.ts';
import { failure } from '../failure.ts';
import { show } from '../output.ts';
import { labelOf, meshNamespaceOption, runningPods } from '../pods.ts';
import { type ClientStatus, clientsIn, disconnected, type TypeStatus } from '../proxy-status/client-status.ts';
import type { Globals, Shell } from '../shell.ts';
import { ageText } from '../units.ts';

interface Options extends Globals {
  readonly istioNamespace: string;
}

const debugPort = 15_000;

export function addProxyStatus(program: Command, shell: Shell): void {
  program
    .command('proxy-status')
    .alias('ps')
    .description('shows what each ztunnel and waypoint was sent by the control plane, and whether it took it')
    .argument('[name]', 'one of them: a pod, as name or name.namespace (default: all)')
    .addOption(meshNamespaceOption())
    .action((name: string | undefined, _, command: Command) => proxyStatus(shell, name, command.optsWithGlobals<Options>()));
}

async function proxyStatus(shell: Shell, name: string | undefined, options: Options): Promise<void> {
  await using cluster = await openCluster(shell, options);
  const all = await everyProxy(cluster, options.istioNamespace, shell.signal);
  const items = name === undefined ? all : all.filter((each) => each.name === name || each.name.startsWith(`${name}.`));
  if (name !== undefined && items.length === 0) throw failure(`no ztunnel and no waypoint is called ${name}`);
  show(shell, options.output, {
    columns: ['NAME', 'TYPE', 'NODE', 'ISTIOD', 'ADDRESSES', 'POLICIES', 'L7', 'REFUSED BECAUSE'],
    rows: items.map(rowOf),
    items,
  });
}

async function everyProxy({ client }: Cluster, namespace: string, signal: AbortSignal): Promise<readonly ClientStatus[]> {
  const istiods = await runningPods(client, { namespace, labelSelector: labelOf.controlPlane }, signal);
  if (istiods.length === 0) throw failure(`no control plane runs in namespace ${namespace}: is the mesh installed there?`);
  const connected = await Promise.all(
    istiods.map(async (pod) => {
      const clients = clientsIn(await askAdmin(client, pod, { port: debugPort, method: 'GET', path: '/debug/clients' }, signal), pod.name);
      if (clients === undefined) throw failure(`${namespace}/${pod.name} has no page of clients that can be read: is it istiod-lite?`);
      return clients;
    }),
  );
  const known = connected.flat();
  const running = await Promise.all([
    runningPods(client, { namespace, labelSelector: labelOf.ztunnel }, signal).then((pods) =>
      pods.map((pod) => disconnected(pod, 'ztunnel')),
    ),
    runningPods(client, { labelSelector: labelOf.waypoint }, signal).then((pods) => pods.map((pod) => disconnected(pod, 'waypoint'))),
  ]);
  const lost = running.flat().filter(({ name }) => !known.some((each) => each.name === name));
  return [...known, ...lost].sort((a, b) => (`${a.type} ${a.name}` < `${b.type} ${b.name}` ? -1 : 1));
}

function rowOf({ name, type, node, istiod, types }: ClientStatus): readonly string[] {
  const { addresses, policies, l7 } = types;
  const refusals = [addresses, policies, l7].flatMap(({ refusal }) => refusal ?? []);
  return [name, type, node, istiod || '-', cell(addresses), cell(policies), cell(l7), refusals.join('; ')];
}

function cell({ state, ageSeconds }: TypeStatus): string {
  if (state === 'NOT SENT') return '-';
  return ageSeconds === undefined ? state : `${state} (${ageText(ageSeconds)})`;
}
