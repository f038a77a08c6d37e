// Measures what the model costs: loading a mesh (time and heap), look-ups, next hops and policy decisions.
// Run with `node model.bench.ts [--json]`; with --json one line per figure, as e2e/bench reads it.
// Budgets (2 cores of a virtual machine): 100,000 workloads in 3 s and 200 MB; 500,000 look-ups/s; 200,000 decisions/s with 100 policies.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { authorize } from './authorize.ts';
import type { MeshDelta } from './delta.ts';
import { Mesh } from './mesh.ts';
import { nextHop } from './next-hop.ts';
import { delta, ip, match, meshOf, policy, service, workload } from './testing/index.ts';
import type { Workload } from './workload.ts';

interface Figure {
  readonly case: string;
  readonly metric: string;
  readonly unit: string;
  readonly ours: number;
}

const endpointsPerService = 20;
const podsPerNode = 50;

const addressOf = (net: number, at: number): string => `${net}.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`;

/** As it comes off the wire: no two workloads share a string or an object. */
function pod(at: number): Workload {
  const of = Math.floor(at / endpointsPerService);
  const made = workload({
    name: `app-${of}-5d8f7c9b4-${at.toString(36).padStart(5, '0')}`,
    namespace: `team-${of % 100}`,
    ips: [addressOf(10, at)],
    serviceAccount: `app-${of}`,
    protocol: 'HBONE',
    node: `node-${Math.floor(at / podsPerNode)}.example.com`,
    canonicalName: `app-${of}`,
    canonicalRevision: 'latest',
    workloadName: `app-${of}`,
    serves: { [`team-${of % 100}/app-${of}.team-${of % 100}.svc.cluster.local`]: { 80: 8080, 9090: 9090 } },
    locality: { region: 'eu-north-1', zone: `eu-north-1${'abc'[at % 3]}`, subzone: '' },
  });
  return structuredClone(made);
}

const serviceOf = (of: number) =>
  service({
    hostname: `app-${of}.team-${of % 100}.svc.cluster.local`,
    namespace: `team-${of % 100}`,
    vips: [addressOf(11, of)],
    ports: { 80: 8080, 9090: 9090 },
  });

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function usedHeap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** In pushes of 1,000, each dropped after use as the xDS client does, so that the heap holds the mesh and nothing else. */
function load(workloads: number): { readonly mesh: Mesh; readonly figures: readonly Figure[] } {
  const mesh = new Mesh({ node: 'node-0.example.com' });
  const before = usedHeap();
  let spent = 0;
  const push = (part: MeshDelta): void => {
    const start = performance.now();
    mesh.apply(part);
    spent += performance.now() - start;
  };
  for (let from = 0; from < workloads; from += 1000) push(delta({ workloads: Array.from({ length: 1000 }, (_, at) => pod(from + at)) }));
  push(delta({ services: Array.from({ length: workloads / endpointsPerService }, (_, of) => serviceOf(of)) }));
  const heap = (usedHeap() - before) / 1e6;
  const name = `load ${workloads} workloads`;
  return {
    mesh,
    figures: [
      { case: name, metric: 'time', unit: 'ms', ours: round(spent) },
      { case: name, metric: 'heap', unit: 'MB', ours: round(heap) },
    ],
  };
}

/** Calls per second, of the best of three rounds. */
function rate(calls: number, call: (at: number) => unknown): number {
  let best = 0;
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    let answered = 0;
    for (let at = 0; at < calls; at++) if (call(at) !== undefined) answered++;
    if (answered !== calls) throw new Error(`only ${answered} of ${calls} calls were answered`);
    best = Math.max(best, calls / ((performance.now() - start) / 1000));
  }
  return best;
}

function lookUps(mesh: Mesh, workloads: number): readonly Figure[] {
  const ips = Array.from({ length: workloads }, (_, at) => ip(addressOf(10, at)));
  const vips = Array.from({ length: workloads / endpointsPerService }, (_, of) => ip(addressOf(11, of)));
  const uids = [...mesh.workloads()].map(({ uid }) => uid);
  const source = mesh.workload(uids[0] ?? '') as Workload;
  const sourceIp = source.addresses[0] ?? ip('10.0.0.0');
  const jump = 7919;
  const of = <V>(values: readonly V[], at: number): V => values[(at * jump) % values.length] as V;
  const hop = (destination: typeof sourceIp) =>
    nextHop(mesh, { source, sourceIp, destination: { ip: destination, port: 80 }, network: '', random: Math.random });
  const name = `${workloads} workloads`;
  const figure = (metric: string, ours: number): Figure => ({ case: name, metric, unit: '1/s', ours: round(ours) });
  return [
    figure(
      'look-up by address',
      rate(500_000, (at) => mesh.workloadAt('', of(ips, at))),
    ),
    figure(
      'look-up by virtual address',
      rate(500_000, (at) => mesh.serviceAt('', of(vips, at), { clientNamespace: 'team-1' })),
    ),
    figure(
      'look-up by uid',
      rate(500_000, (at) => mesh.workload(of(uids, at))),
    ),
    figure(
      'next hop to a pod',
      rate(200_000, (at) => hop(of(ips, at))),
    ),
    figure(
      `next hop to a service of ${endpointsPerService}`,
      rate(200_000, (at) => hop(of(vips, at))),
    ),
  ];
}

function pushOfOneService(endpoints: number): Figure {
  const host = 'ns/big.example.com';
  const mesh = meshOf({ services: [service({ hostname: 'big.example.com', vips: ['10.9.9.9'] })] });
  const workloads = Array.from({ length: endpoints }, (_, at) =>
    workload({ name: `w${at}`, ips: [addressOf(12, at)], serves: { [host]: {} } }),
  );
  const start = performance.now();
  mesh.apply(delta({ workloads }));
  return { case: `push ${endpoints} endpoints of one service`, metric: 'time', unit: 'ms', ours: round(performance.now() - start) };
}

/** Half of the policies deny by namespace, half allow by principal; the connection is allowed by the very last. */
function decisions(policies: number): Figure {
  const rule = (m: Parameters<typeof match>[0]) => [[[match(m)]]];
  const server = workload({ name: 'server', ips: ['10.0.0.2'] });
  const client = workload({ name: 'client', ips: ['10.0.0.1'], serviceAccount: `caller-${policies - 1}` });
  const mesh = meshOf({
    workloads: [server],
    policies: Array.from({ length: policies }, (_, at) =>
      at % 2 === 0
        ? policy({ name: `deny-${at}`, action: 'Deny', rules: rule({ namespaces: [{ exact: `other-${at}` }], destinationPorts: [8080] }) })
        : policy({
            name: `allow-${at}`,
            rules: rule({ principals: [{ exact: `cluster.local/ns/ns/sa/caller-${at}` }], sourceIps: [{ ip: ip('10.0.0.0'), length: 8 }] }),
          }),
    ),
  });
  const known = mesh.workload(server.uid) as Workload;
  const connection = { source: { ip: ip('10.0.0.1') }, destination: { ip: ip('10.0.0.2'), port: 8080 }, identity: client.identity };
  const perSecond = rate(200_000, () => (authorize(mesh, known, connection).allow ? true : undefined));
  return { case: `${policies} policies`, metric: 'decisions', unit: '1/s', ours: round(perSecond) };
}

const round = (value: number): number => Math.round(value * 10) / 10;

const small = load(10_000);
const large = load(100_000);
const figures = [
  ...small.figures,
  ...large.figures,
  ...lookUps(small.mesh, 10_000),
  ...lookUps(large.mesh, 100_000),
  pushOfOneService(20_000),
  decisions(1),
  decisions(100),
];
const asJson = process.argv.includes('--json');
for (const figure of figures) {
  const line = { bench: 'model', ...figure };
  console.log(
    asJson ? JSON.stringify(line) : `${line.case.padEnd(44)} ${line.metric.padEnd(32)} ${String(line.ours).padStart(14)} ${line.unit}`,
  );
}
