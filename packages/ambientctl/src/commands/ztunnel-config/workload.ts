// `ztunnel-config workload`: the workloads that a ztunnel knows of, and how it reaches them.
import { textOf, textsOf } from '@ambient-mesh/kube/raw';
import { Option } from 'commander';
import { isWanted } from '../../dump-views.ts';
import { waypointOf } from './dump.ts';
import type { ZtunnelView } from './view.ts';

export const workloads: ZtunnelView = {
  name: 'workload',
  aliases: ['w', 'workloads'],
  about: 'the workloads of the mesh',
  options: [
    new Option('--address <ip>', 'those of this address'),
    new Option('--workload-namespace <name>', 'those of this namespace'),
    new Option('--workload-node <name>', 'those of this node'),
  ],
  answer(dump, flags) {
    const items = dump.workloads.filter(
      (each) =>
        isWanted(flags.workloadNamespace, textOf(each.namespace)) &&
        isWanted(flags.workloadNode, textOf(each.node)) &&
        (flags.address === undefined || textsOf(each.workloadIps).includes(flags.address)),
    );
    return {
      columns: ['NAMESPACE', 'POD NAME', 'ADDRESS', 'NODE', 'WAYPOINT', 'PROTOCOL'],
      rows: items.map((each) => [
        textOf(each.namespace),
        textOf(each.name),
        textsOf(each.workloadIps)[0] ?? textOf(each.hostname),
        textOf(each.node),
        waypointOf(dump, each),
        textOf(each.protocol),
      ]),
      items,
    };
  },
};
