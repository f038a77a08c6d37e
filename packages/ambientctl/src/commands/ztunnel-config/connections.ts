// `ztunnel-config connections`: the connections that are open through a ztunnel, with names in place of addresses where they are known.
import { objectOf, objectsOf, type RawObject, textOf, textsOf } from '@ambient-mesh/kube/raw';
import { Option } from 'commander';
import { isWanted } from '../../dump-views.ts';
import { type Dump, withoutNetwork } from './dump.ts';
import type { ViewFlags, ZtunnelView } from './view.ts';

export const connections: ZtunnelView = {
  name: 'connections',
  aliases: ['cons'],
  about: 'the connections that are open',
  options: [
    new Option('--workload-namespace <name>', 'those of the pods of this namespace'),
    new Option('--workload-node <name>', 'those of the pods of this node'),
    new Option('--direction <direction>', 'those of one direction').choices(['inbound', 'outbound']),
    new Option('--raw', 'addresses rather than names'),
  ],
  answer(dump, flags) {
    const nodes = new Map(dump.workloads.map((each) => [`${textOf(each.namespace)}/${textOf(each.name)}`, textOf(each.node)]));
    const items = dump.pods.filter(({ info }) => {
      const { name, namespace } = objectOf(info);
      const node = nodes.get(`${textOf(namespace)}/${textOf(name)}`) ?? '';
      return isWanted(flags.workloadNamespace, textOf(namespace)) && isWanted(flags.workloadNode, node);
    });
    const name = flags.raw ? (address: string): string => address : namesOf(dump);
    return {
      columns: ['WORKLOAD', 'DIRECTION', 'LOCAL', 'REMOTE', 'REMOTE TARGET', 'PROTOCOL'],
      rows: items.flatMap((pod) => rowsOf(pod, flags, name)).toSorted((a, b) => (a.join('\n') < b.join('\n') ? -1 : 1)),
      items,
    };
  },
};

function rowsOf(
  { info, connections }: RawObject,
  { direction }: Partial<ViewFlags>,
  name: (address: string) => string,
): readonly (readonly string[])[] {
  const workload = `${textOf(objectOf(info).name)}.${textOf(objectOf(info).namespace)}`;
  const { inbound, outbound } = objectOf(connections);
  const row = (way: string, local: unknown, remote: unknown, { originalDst, protocol }: RawObject): readonly string[] => [
    workload,
    way,
    ...[local, remote, originalDst].map((each) => name(textOf(each))),
    textOf(protocol),
  ];
  return [
    ...(direction === 'outbound' ? [] : objectsOf(inbound).map((each) => row('Inbound', each.actualDst, each.src, each))),
    ...(direction === 'inbound' ? [] : objectsOf(outbound).map((each) => row('Outbound', each.src, each.actualDst, each))),
  ];
}

/** `web.shop:8080` for `10.0.0.1:8080` when a workload or a service has that address. */
function namesOf({ workloads, services }: Dump): (address: string) => string {
  const names = new Map<string, string>();
  for (const { vips, hostname } of services) for (const vip of textsOf(vips)) names.set(withoutNetwork(vip), textOf(hostname));
  for (const { workloadIps, name, namespace } of workloads)
    for (const ip of textsOf(workloadIps)) names.set(ip, `${textOf(name)}.${textOf(namespace)}`);
  return (address) => {
    const [, v6, v4, port] = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(address) ?? [];
    const known = names.get(v6 ?? v4 ?? '');
    return known === undefined ? address : `${known}:${port}`;
  };
}
