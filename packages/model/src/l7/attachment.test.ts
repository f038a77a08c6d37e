// Which policies apply to traffic for a service, and which to traffic for a workload's own address.
import { expect, test } from 'vitest';
import { attachedTo, type Chain } from './attachment.ts';
import type { Target } from './policy.ts';

const chain: Chain = { waypoint: 'ns/wp', waypointClass: 'istio-waypoint', service: 'ns/app.ns.svc' };
const direct: Chain = { waypoint: 'ns/wp', waypointClass: 'istio-waypoint' };
const policy = (name: string, targets: readonly Target[], namespace = 'ns', createdAt = 0) => ({ name, namespace, createdAt, targets });

const all = [
  policy('service', [{ service: 'ns/app.ns.svc' }]),
  policy('other-service', [{ service: 'ns/other.ns.svc' }]),
  policy('waypoint', [{ waypoint: 'ns/wp' }]),
  policy('other-waypoint', [{ waypoint: 'ns/else' }]),
  policy('class', [{ waypointClass: 'istio-waypoint' }], 'root'),
  policy('class-outside-the-root', [{ waypointClass: 'istio-waypoint' }]),
  policy('other-class', [{ waypointClass: 'else' }], 'root'),
  policy('both', [{ service: 'ns/app.ns.svc' }, { waypoint: 'ns/wp' }], 'ns', 5),
  policy('nothing', []),
];
const names = (asked: Chain) => attachedTo(all, asked, 'root').map(({ name }) => name);

test('for a service: those of the class, of the waypoint, of the service', () =>
  expect(names(chain)).toEqual(['class', 'waypoint', 'both', 'service']));
test('for a workload: not those of services', () => expect(names(direct)).toEqual(['class', 'waypoint', 'both']));
test('the order is by age, then by name, and not by arrival', () => {
  const [a, b, c] = [
    policy('b', [{ waypoint: 'ns/wp' }], 'ns', 1),
    policy('a', [{ waypoint: 'ns/wp' }], 'ns', 1),
    policy('z', [{ waypoint: 'ns/wp' }]),
  ];
  expect(attachedTo([a, b, c], chain, 'root').map(({ name }) => name)).toEqual(['z', 'a', 'b']);
  expect(attachedTo([c, b, a], chain, 'root').map(({ name }) => name)).toEqual(['z', 'a', 'b']);
});
