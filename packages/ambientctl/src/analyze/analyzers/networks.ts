// AMB0011: workloads in networks that nothing leads to.
import type { Analyzer } from '../analyzer.ts';
import { finding, type Subject } from '../finding.ts';
import { isOver } from '../membership.ts';
import type { World } from '../world.ts';

const networkLabel = 'topology.istio.io/network';

export const networks: Analyzer = {
  name: 'topology.NetworkAnalyzer',
  about: 'workloads are in the network of the cluster, or in one that a gateway leads to',
  codes: ['AMB0011'],
  *run(world) {
    const { namespaces, gateways } = world.objects;
    const system = namespaces.get(world.settings.systemNamespace);
    // Files without the system namespace do not say which network the cluster is in.
    if (system === undefined && !world.isLive) return;
    const own = system?.meta.labels[networkLabel] ?? '';
    const reachable = new Set([own, ...[...gateways.values()].map(({ meta }) => meta.labels[networkLabel] ?? own)]);
    const here = own === '' ? 'the cluster is in none' : `the cluster is in ${own}`;
    for (const [network, subject] of networked(world))
      if (!reachable.has(network)) yield finding('AMB0011', subject, `It is in network ${network}; ${here}, and no Gateway leads there.`);
  },
};

function* networked({ objects }: World): Iterable<readonly [network: string, subject: Subject]> {
  for (const pod of objects.pods.values()) {
    const network = pod.meta.labels[networkLabel];
    if (network !== undefined && !isOver(pod)) yield [network, { kind: 'Pod', ...pod.meta }];
  }
  for (const { meta, network } of objects.workloadEntries.values()) if (network !== '') yield [network, { kind: 'WorkloadEntry', ...meta }];
  for (const { meta, endpoints } of objects.serviceEntries.values())
    for (const { network } of endpoints) if (network !== '') yield [network, { kind: 'ServiceEntry', ...meta }];
}
