// `waypoint config endpoints`: each endpoint of the destinations that a waypoint has sent to.
import { numberOf, objectsOf, type RawObject, textOf, textsOf } from '@ambient-mesh/kube/raw';
import type { WaypointView } from './dump.ts';
import { serviceOption } from './service-option.ts';

export const endpoints: WaypointView = {
  name: 'endpoints',
  aliases: ['ep', 'endpoint'],
  about: 'the endpoints of those destinations',
  options: [serviceOption()],
  answer(dump, { service = '' }) {
    const items = dump.destinations
      .filter(({ name }) => textOf(name).includes(service))
      .flatMap(({ name, endpoints }) => objectsOf(endpoints).map((each): RawObject => ({ destination: textOf(name), ...each })));
    return {
      columns: ['DESTINATION', 'WORKLOAD', 'ADDRESS', 'STATUS', 'ACTIVE', 'CONNECTIONS'],
      rows: items.map((each) => [
        textOf(each.destination),
        // `cluster/group/Kind/namespace/name`
        textOf(each.workload).split('/').slice(3).join('/') || textOf(each.workload),
        `${hostOf(textsOf(each.addresses)[0] ?? '')}:${numberOf(each.port)}`,
        each.ejected === true ? 'Ejected' : 'Healthy',
        `${numberOf(each.active) || 0}`,
        `${numberOf(each.connections) || 0}`,
      ]),
      items,
    };
  },
};

const hostOf = (ip: string): string => (ip.includes(':') ? `[${ip}]` : ip);
