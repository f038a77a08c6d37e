// `npm run bench`: measures the tunnel beside its peers, in one run and over the same pods, and prints one table.
// A missed target is reported and fails nothing; the exit code is 1 when something could not be measured.
// Everything that it starts lives in the lab and goes with it.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { controlPlane } from './control-plane.ts';
import type { Figure } from './figures.ts';
import { isInstalled, packages } from './installed.ts';
import { memory } from './memory.ts';
import { model } from './model.ts';
import { type Plan, readPlan, usage } from './options.ts';
import { table } from './table.ts';
import { Testbed } from './testbed.ts';
import { type Bench, bulkAcrossNodes, bulkOnOneNode, keepAliveRequests, latency, newConnections } from './traffic.ts';
import { MeshBed } from './waypoint/mesh-bed.ts';
import { manyRoutes } from './waypoint/routes.ts';
import { addedLatency, http1Requests, http2Requests, largeBodies, type MeshBench } from './waypoint/traffic.ts';

const onTheLab: Readonly<Record<string, Bench>> = {
  bulk: bulkAcrossNodes,
  local: bulkOnOneNode,
  http: keepAliveRequests,
  connect: newConnections,
  latency,
  memory,
};
/** Selected one by one, or all by what they have in common. */
const onTheMesh: Readonly<Record<string, MeshBench>> = {
  'waypoint-http1': http1Requests,
  'waypoint-http2': http2Requests,
  'waypoint-latency': addedLatency,
  'waypoint-bodies': largeBodies,
  // Last, because what it leaves in memory is not given back at once.
  'waypoint-routes': manyRoutes,
};
const names = [...Object.keys(onTheLab), 'model', 'control', 'waypoint', ...Object.keys(onTheMesh)];

const failures: string[] = [];
const figures: Figure[] = [];

/** Figures that were taken before a bench fails are kept. */
async function collect(name: string, taken: AsyncIterable<readonly Figure[]>): Promise<void> {
  const started = performance.now();
  try {
    for await (const some of taken) figures.push(...some);
  } catch (e) {
    failures.push(`${name}: ${e instanceof Error ? e.message : e}`);
  }
  console.error(`${name} took ${((performance.now() - started) / 1_000).toFixed(0)} s`);
}

async function measure(plan: Plan, signal: AbortSignal): Promise<void> {
  const isChosen = (name: string): boolean => plan.names.length === 0 || plan.names.includes(name);
  if (isChosen('model')) await collect('model', model({ signal }));
  if (isChosen('control')) await collect('control', controlPlane({ plan }));
  const benches = Object.entries(onTheLab).filter(([name]) => isChosen(name));
  if (benches.length > 0) {
    await using bed = await Testbed.start(plan.profile);
    for (const [name, bench] of benches) if (!signal.aborted) await collect(name, bench({ bed, plan, signal }));
  }
  const ofWaypoints = Object.entries(onTheMesh).filter(([name]) => isChosen(name) || isChosen('waypoint'));
  if (ofWaypoints.length === 0 || signal.aborted) return;
  await using bed = await MeshBed.start(plan.profile);
  for (const [name, bench] of ofWaypoints) if (!signal.aborted) await collect(name, bench({ bed, plan, signal }));
}

function report({ json, rounds, seconds }: Plan): void {
  const [cpu] = cpus();
  console.log(
    `Medians of ${rounds} round(s) of ${seconds} s; ${cpus().length} x ${cpu?.model ?? 'unknown CPU'}, Node ${process.versions.node}, one data worker a tunnel.\n`,
  );
  console.log(table(figures));
  if (!isInstalled('haproxy'))
    console.log(`\nHAProxy is not installed (Debian package ${packages.haproxy}): nothing to compare with but the direct way.`);
  for (const failure of failures) console.log(`\nNOT MEASURED  ${failure}`);
  if (json !== undefined) writeFileSync(json, figures.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

const plan = readPlan(process.argv.slice(2), names);
if ('mistake' in plan) {
  console.error(`${plan.mistake}\n${usage}`);
  process.exitCode = 1;
} else {
  // The second signal ends the process at once; the kernel then takes down whatever is left.
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort(new Error('interrupted')));
  await measure(plan.ok, stop.signal).catch((e: unknown) => failures.push(e instanceof Error ? (e.stack ?? e.message) : String(e)));
  report(plan.ok);
  if (failures.length > 0) process.exitCode = 1;
}
