// `ambientctl top`: live connections, bytes per second and denials, by workload or by service, from the counters of every ztunnel and waypoint.
// Two samples make a table; on a terminal it is refreshed until Ctrl-C. What is summed how is top/.

import { type Place, placeOf } from '@ambient-mesh/dashboard/series';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { keyText } from '@ambient-mesh/kube/kind';
import { describeError } from '@ambient-mesh/runtime/errors';
import { type Ms, ms } from '@ambient-mesh/runtime/time';
import { Argument, type Command, Option } from 'commander';
import { askAdmin } from '../admin-page.ts';
import { openCluster } from '../cluster.ts';
import { failure } from '../failure.ts';
import { type Answer, show } from '../output.ts';
import { labelOf, meshNamespaceOption, runningPods } from '../pods.ts';
import { type Globals, type Shell, warn } from '../shell.ts';
import { type TopRow, topRows, type What } from '../top/rows.ts';
import { measuredBetween, type Sample, sampleOf } from '../top/sample.ts';
import { bytesText } from '../units.ts';
import { durationParser, readDuration } from './waypoint/options.ts';

interface Options extends Globals {
  readonly istioNamespace: string;
  readonly interval: string;
  readonly once: boolean;
}

const statsPort = 15_020;
const shortest = ms(100);
const clearScreen = '\u001b[H\u001b[2J';

export function addTop(program: Command, shell: Shell): void {
  program
    .command('top')
    .description('shows live connections, bytes per second and denials; with -n, of one namespace')
    .addArgument(new Argument('[what]', 'by what').choices(['workloads', 'pods', 'services']).default('workloads'))
    .addOption(new Option('--interval <duration>', 'between two samples').default('2s').argParser(durationParser))
    .option('--once', 'one table (default where nobody looks at a terminal)', false)
    .addOption(meshNamespaceOption())
    .action((what: string, _, command: Command) =>
      top(shell, what === 'services' ? 'services' : 'workloads', command.optsWithGlobals<Options>()),
    );
}

interface Moment {
  readonly at: Ms;
  /** By pod. */
  readonly samples: ReadonlyMap<string, { readonly sample: Sample; readonly waypoint: Place | undefined }>;
}

async function top(shell: Shell, what: What, options: Options): Promise<void> {
  const { clock, signal, isTerminal } = shell;
  const { output, once } = options;
  const interval = ms(Math.max(shortest, readDuration(options.interval)));
  const goesOn = isTerminal && !once && output !== 'json' && output !== 'yaml';
  await using cluster = await openCluster(shell, options);
  for (let before = await sampled(shell, cluster.client, options); ; ) {
    await clock.sleep(interval, signal);
    const after = await sampled(shell, cluster.client, options);
    const answer = answerOf(what, before, after, options.namespace);
    if (goesOn) shell.print(clearScreen);
    show(shell, output, answer);
    if (!goesOn) return;
    before = after;
  }
}

/** A proxy that does not answer costs a warning, unless none does. */
async function sampled(shell: Shell, client: KubeClient, { istioNamespace: namespace }: Options): Promise<Moment> {
  const { clock, signal } = shell;
  const [ztunnels, waypoints] = await Promise.all([
    runningPods(client, { namespace, labelSelector: labelOf.ztunnel }, signal),
    runningPods(client, { labelSelector: labelOf.waypoint }, signal),
  ]);
  if (ztunnels.length === 0) throw failure(`no ztunnel runs in namespace ${namespace}: is the mesh installed there?`);
  const samples: (readonly [string, { readonly sample: Sample; readonly waypoint: Place | undefined }])[] = [];
  const failures: unknown[] = [];
  const at = clock.monotonic();
  await Promise.all(
    [...ztunnels, ...waypoints].map(async (pod) => {
      try {
        const text = await askAdmin(client, pod, { port: statsPort, method: 'GET', path: '/metrics' }, signal);
        const waypoint = pod.gateway === '' ? undefined : placeOf(pod.namespace, pod.gateway);
        samples.push([keyText(pod), { sample: sampleOf(text), waypoint }]);
      } catch (e) {
        if (signal.aborted || statusOf(e) === 403) throw e;
        failures.push(e);
      }
    }),
  );
  if (samples.length === 0) throw failures[0];
  for (const e of failures) warn(shell, describeError(e));
  return { at, samples: new Map(samples) };
}

function answerOf(what: What, before: Moment, after: Moment, namespace: string | undefined): Answer {
  const measured = [...after.samples].flatMap(([pod, { sample, waypoint }]) => {
    // One that has just come has not moved in this interval whatever it counted before.
    const earlier = before.samples.get(pod)?.sample ?? sample;
    return [...measuredBetween(earlier, sample, waypoint)];
  });
  const waypoints = new Set([...after.samples.values()].flatMap(({ waypoint }) => waypoint?.key ?? []));
  const rows = topRows(what, measured, (after.at - before.at) / 1_000, waypoints).filter(
    (row) => namespace === undefined || row.namespace === namespace,
  );
  const open = what === 'workloads' ? ['OPEN IN', 'OPEN OUT'] : ['OPEN'];
  return {
    columns: ['NAMESPACE', what === 'workloads' ? 'WORKLOAD' : 'SERVICE', ...open, 'IN/S', 'OUT/S', 'REQUESTS/S', 'DENIED', 'DENIED BY'],
    rows: rows.map((row) => cells(what, row)),
    items: rows.map((row) => itemOf(what, row)),
    whenEmpty: 'Nothing moves.',
  };
}

function cells(what: What, row: TopRow): readonly string[] {
  const open = what === 'workloads' ? [row.openIn, row.openOut] : [row.openIn];
  return [
    row.namespace,
    row.name,
    ...open.map(String),
    bytesText(row.bytesInPerSecond),
    bytesText(row.bytesOutPerSecond),
    `${Math.round(row.requestsPerSecond * 10) / 10}`,
    `${row.denied}`,
    [...row.deniedBy].sort().join(','),
  ];
}

function itemOf(
  what: What,
  { openIn, openOut, deniedBy, bytesInPerSecond, bytesOutPerSecond, requestsPerSecond, ...rest }: TopRow,
): object {
  return {
    namespace: rest.namespace,
    name: rest.name,
    ...(what === 'workloads' ? { openIn, openOut } : { open: openIn }),
    bytesInPerSecond: Math.round(bytesInPerSecond),
    bytesOutPerSecond: Math.round(bytesOutPerSecond),
    requestsPerSecond: Math.round(requestsPerSecond * 10) / 10,
    denied: rest.denied,
    deniedBy: [...deniedBy].sort(),
  };
}
