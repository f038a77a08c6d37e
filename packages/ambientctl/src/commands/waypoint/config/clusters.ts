// `waypoint config clusters`: where the waypoint has sent something so far, and how that goes.
import { numberOf, objectOf, objectsOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import type { WaypointView } from './dump.ts';
import { serviceOption } from './service-option.ts';

export const clusters: WaypointView = {
  name: 'clusters',
  aliases: ['c', 'cluster', 'destinations'],
  about: 'the destinations that it has sent to, and how that goes',
  options: [serviceOption()],
  answer(dump, { service = '' }) {
    const items = dump.destinations.filter(({ name }) => textOf(name).includes(service));
    return {
      columns: ['DESTINATION', 'ENDPOINTS', 'ACTIVE', 'CONNECTIONS', 'LOAD BALANCER', 'TLS'],
      rows: items.map((each) => [textOf(each.name), ...stateOf(each), ...policyOf(each)]),
      items,
    };
  },
};

/** `not ejected/total`, and counts of what is under way. */
function stateOf({ endpoints, active }: RawObject): readonly string[] {
  const all = objectsOf(endpoints);
  const connections = all.reduce((sum, each) => sum + (numberOf(each.connections) || 0), 0);
  return [`${all.filter(({ ejected }) => ejected !== true).length}/${all.length}`, `${numberOf(active) || 0}`, `${connections}`];
}

function policyOf({ settings }: RawObject): readonly string[] {
  const { balance, tls } = objectOf(settings);
  return [textOf(objectOf(balance).by) || 'least-request', textOf(objectOf(tls).mode) || '-'];
}
