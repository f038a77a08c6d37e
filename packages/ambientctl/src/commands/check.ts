// `ambientctl check`: whether the cluster is ready for a mesh, and whether the mesh that is in it is whole. One line for each thing; exit code 1 when one is wrong.
// Looks and changes nothing. What is looked at, and what is thought of it, is in check/.
import type { Command } from 'commander';
import { judgeCertificates } from '../check/certificates.ts';
import { judgeCluster } from '../check/cluster.ts';
import { clusterFacts } from '../check/cluster-facts.ts';
import { judgeConfiguration, judgeWaypoints } from '../check/configuration.ts';
import { judgeMembers } from '../check/members.ts';
import { meshFacts } from '../check/mesh-facts.ts';
import { isInstalled, judgeClients, judgeControlPlane, judgeNodePrograms, judgeVersions, notInstalled } from '../check/programs.ts';
import { type Check, counted, topics, type Verdict } from '../check/result.ts';
import { type Cluster, openCluster } from '../cluster.ts';
import { failure } from '../failure.ts';
import { isColourful, show } from '../output.ts';
import { meshNamespaceOption } from '../pods.ts';
import type { Globals, Shell } from '../shell.ts';
import { oneLine } from '../table.ts';

interface Options extends Globals {
  readonly istioNamespace: string;
  readonly pre: boolean;
}

export function addCheck(program: Command, shell: Shell): void {
  program
    .command('check')
    .description('says whether all is well: cluster, control plane, nodes, certificates, pods, waypoints, configuration')
    .option('--pre', 'only what must hold before the mesh is installed', false)
    .addOption(meshNamespaceOption())
    .action((_, command: Command) => check(shell, command.optsWithGlobals<Options>()));
}

async function check(shell: Shell, options: Options): Promise<void> {
  await using cluster = await openCluster(shell, options);
  const checks = await allChecks(shell, cluster, options);
  if (options.output === 'json' || options.output === 'yaml') show(shell, options.output, { columns: [], rows: [], items: checks });
  else tell(shell, checks);
  const bad = checks.filter(({ verdict }) => verdict === 'wrong').length;
  if (bad > 0) throw failure(`${counted(bad, 'thing')} ${bad === 1 ? 'is' : 'are'} wrong`);
}

async function allChecks(shell: Shell, { client }: Cluster, { istioNamespace, pre }: Options): Promise<readonly Check[]> {
  const { signal, clock } = shell;
  const cluster = await clusterFacts(client, istioNamespace, pre, signal);
  const ofCluster = judgeCluster(cluster, pre);
  if (pre) return ofCluster;
  const mesh = await meshFacts(client, istioNamespace, clock.now(), signal);
  if (!isInstalled(mesh)) return [...ofCluster, notInstalled(mesh)];
  return [
    ...ofCluster,
    ...judgeControlPlane(mesh),
    ...judgeNodePrograms(mesh, cluster.nodes),
    ...judgeVersions(mesh),
    ...judgeClients(mesh),
    ...judgeCertificates(mesh),
    ...judgeMembers(mesh),
    ...judgeWaypoints(mesh.world),
    ...judgeConfiguration(mesh.world),
  ];
}

const signs: Readonly<Record<Verdict, readonly [sign: string, colour: number]>> = { ok: ['✔', 32], warning: ['!', 33], wrong: ['✘', 31] };

function tell(shell: Shell, checks: readonly Check[]): void {
  const isColoured = isColourful(shell);
  const width = Math.max(...topics.map(({ length }) => length)) + 2;
  for (const { topic, verdict, text, advice } of checks) {
    const [sign, colour] = signs[verdict];
    const shown = isColoured ? `\u001b[${colour}m${sign}\u001b[0m` : sign;
    shell.print(`${shown} ${topic.padEnd(width)}${oneLine(text)}\n`);
    if (advice !== undefined) shell.print(`  ${' '.repeat(width)}${oneLine(advice)}\n`);
  }
  const counts = (verdict: Verdict): number => checks.filter((each) => each.verdict === verdict).length;
  shell.print(`\n${counts('ok')} right, ${counts('warning')} to look at, ${counts('wrong')} wrong\n`);
}
