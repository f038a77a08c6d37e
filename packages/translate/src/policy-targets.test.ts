// What the status of a policy for waypoints says: the rows of WaypointAccepted.
import { describe, expect, test } from 'vitest';
import { type TargetLookUp, targetVerdict } from './policy-targets.ts';
import { authorizationPolicy } from './testing/policies.ts';
import { plainSettings } from './testing/services.ts';

const gatewayApi = 'gateway.networking.k8s.io';
const istio = 'networking.istio.io';
const service = (name: string) => ({ kind: 'Service', name });
const entry = (name: string) => ({ group: istio, kind: 'ServiceEntry', name });
const gateway = (name: string) => ({ group: gatewayApi, kind: 'Gateway', name });
const gatewayClass = (name: string) => ({ group: gatewayApi, kind: 'GatewayClass', name });

const known = new Map([
  ['ns/bound', 'infra/wp'],
  ['ns/unbound', ''],
  ['other/bound', 'infra/wp'],
]);
const look: TargetLookUp = {
  service: (namespace, name) => known.get(`${namespace}/${name}`),
  serviceEntry: (namespace, name) => known.get(`${namespace}/${name}`),
  gateway: (namespace, name) => `${namespace}/${name}` === 'ns/wp',
  gatewayClass: (name) => ({ 'istio-waypoint': 'istio.io/mesh-controller', nginx: 'example.com/nginx' })[name],
};

const verdict = (spec: object, namespace = 'ns') => targetVerdict(authorizationPolicy({ namespace, spec }), look, plainSettings);

type Row = readonly [rule: string, targets: readonly object[], status: string, message: string, namespace?: string];

describe('one target', () => {
  const rows: readonly Row[] = [
    ['a service with a waypoint', [service('bound')], 'True Accepted', 'bound to infra/wp'],
    ['a service of the group named core', [{ ...service('bound'), group: 'core' }], 'True Accepted', 'bound to infra/wp'],
    ['a service without one', [service('unbound')], 'False AncestorNotBound', 'Service ns/unbound is not bound to a waypoint'],
    ['no such service', [service('none')], 'False TargetNotFound', 'Service ns/none was not found'],
    ['an entry with a waypoint', [entry('bound')], 'True Accepted', 'bound to infra/wp'],
    ['an entry without one', [entry('unbound')], 'False AncestorNotBound', 'ServiceEntry ns/unbound is not bound to a waypoint'],
    ['no such entry', [entry('none')], 'False TargetNotFound', 'ServiceEntry ns/none was not found'],
    ['a waypoint', [gateway('wp')], 'True Accepted', 'bound to ns/wp'],
    ['a gateway that is none, or not ready', [gateway('ingress')], 'False TargetNotFound', 'Gateway ns/ingress is not bound'],
    ['a class, of the root namespace', [gatewayClass('istio-waypoint')], 'True Accepted', 'bound to istio-waypoint', 'istio-system'],
    ['no such class', [gatewayClass('none')], 'False TargetNotFound', 'GatewayClass none is not bound', 'istio-system'],
    [
      'a class of somebody else',
      [gatewayClass('nginx')],
      'False Invalid',
      'GatewayClass nginx is of controller example.com/nginx, not of istio.io/mesh-controller',
      'istio-system',
    ],
    [
      'a class, of another namespace',
      [gatewayClass('istio-waypoint')],
      'False Invalid',
      'a policy for GatewayClass istio-waypoint belongs in the root namespace istio-system',
    ],
    [
      'a service elsewhere',
      [{ ...service('bound'), namespace: 'other' }],
      'False Invalid',
      'Service other/bound is in another namespace than the policy',
    ],
    ['another kind', [{ kind: 'Deployment', group: 'apps', name: 'x' }], 'False Invalid', 'Deployment of group apps cannot be a target'],
  ];
  for (const row of rows) check(row);
});

describe('several', () => {
  const rows: readonly Row[] = [
    ['all are fine', [service('bound'), gateway('wp')], 'True Accepted', ''],
    [
      'some are',
      [service('bound'), service('none'), entry('none')],
      'True PartiallyInvalid',
      'Invalid targetRefs: Service.core:ns/none, ServiceEntry.networking.istio.io:ns/none',
    ],
    [
      'none is',
      [service('none'), service('unbound')],
      'False Invalid',
      'Invalid targetRefs: Service.core:ns/none, Service.core:ns/unbound',
    ],
  ];
  for (const row of rows) check(row);
});

function check([rule, targetRefs, status, message, namespace]: Row): void {
  test(rule, () => {
    const { condition, unenforced } = verdict({ targetRefs }, namespace) ?? {};
    expect(condition).toMatchObject({ type: 'WaypointAccepted', message, observedGeneration: 3 });
    expect(`${condition?.status} ${condition?.reason}`).toBe(status);
    expect(unenforced?.reason).toBe(status.startsWith('True') ? undefined : 'NoWaypoint');
  });
}

test('a single targetRef counts like a list of one', () => {
  expect(verdict({ targetRef: gateway('wp') })?.condition.message).toBe('bound to ns/wp');
});

test('without targets there is nothing to say', () => expect(verdict({ rules: [{}] })).toBeUndefined());

test('a policy of another revision is not ours', () => {
  const policy = authorizationPolicy({ labels: { 'istio.io/rev': 'b' }, spec: { targetRefs: [service('bound')] } });
  expect(targetVerdict(policy, look, { ...plainSettings, revision: 'a' })).toBeUndefined();
});
