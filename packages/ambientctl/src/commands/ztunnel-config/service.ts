// `ztunnel-config service`: the services that a ztunnel knows of, and how many of their endpoints are well.
import { objectOf, objectsOf, type RawObject, textOf, textsOf } from '@ambient-mesh/kube/raw';
import { Option } from 'commander';
import { isWanted } from '../../dump-views.ts';
import { type Dump, waypointOf, withoutNetwork } from './dump.ts';
import type { ZtunnelView } from './view.ts';

export const services: ZtunnelView = {
  name: 'service',
  aliases: ['s', 'svc', 'services'],
  about: 'the services of the mesh',
  options: [new Option('--service-namespace <name>', 'those of this namespace')],
  answer(dump, flags) {
    const items = dump.services.filter(({ namespace }) => isWanted(flags.serviceNamespace, textOf(namespace)));
    return {
      columns: ['NAMESPACE', 'SERVICE NAME', 'SERVICE VIP', 'WAYPOINT', 'ENDPOINTS'],
      rows: items.map((each) => [textOf(each.namespace), textOf(each.name), vipsOf(each), waypointOf(dump, each), healthOf(dump, each)]),
      items,
    };
  },
};

const vipsOf = ({ vips, cidrVips }: RawObject): string =>
  [...textsOf(vips).map(withoutNetwork), ...objectsOf(cidrVips).map(({ cidr }) => textOf(cidr))].join(',') || 'None';

/** An endpoint is as well as it says, or as its workload is. */
function healthOf({ workloads }: Dump, service: RawObject): string {
  const endpoints = Object.values(objectOf(service.endpoints)).map(objectOf);
  const statusOf = ({ status, workloadUid }: RawObject): unknown => status ?? workloads.find(({ uid }) => uid === workloadUid)?.status;
  const healthy = endpoints.filter((each) => statusOf(each) === 'Healthy');
  return `${healthy.length}/${endpoints.length}`;
}
