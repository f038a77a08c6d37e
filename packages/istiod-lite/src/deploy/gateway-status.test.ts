// What the status of a Gateway says, for each state that it can be in.
import { gatewayKind } from '@ambient-mesh/translate/kinds/gateway';
import { expect, test } from 'vitest';
import { type Front, gatewayStatus, type StatusFacts } from './gateway-status.ts';

const mesh = { name: 'mesh', port: 15_008, protocol: 'HBONE' };
const web = { name: 'web', port: 80, protocol: 'HTTP' };
const front = (ready: boolean, more: Partial<Front> = {}): Front => ({
  host: 'waypoint.shop.svc.cluster.local',
  exists: true,
  ready,
  clusterIps: ['10.96.0.9', 'fd00::9'],
  ...more,
});
interface Wish extends Partial<Omit<StatusFacts, 'gateway'>> {
  readonly listeners?: readonly object[];
  readonly addresses?: readonly object[];
  readonly wanted?: readonly object[];
}
function statusOf({ listeners = [mesh], addresses = [], wanted = [], ...more }: Wish) {
  const metadata = { name: 'waypoint', namespace: 'shop', uid: 'u-1', generation: 7 };
  const spec = { gatewayClassName: 'istio-waypoint', listeners, addresses: wanted };
  const gateway = gatewayKind.narrow({ metadata, spec, status: { addresses } });
  if (gateway === undefined) throw new Error('no gateway');
  return gatewayStatus({
    gateway,
    plan: { do: 'deploy', objects: [] },
    isRemote: false,
    fronts: [front(true)],
    failure: undefined,
    ...more,
  });
}

const rows: readonly (readonly [rule: string, Wish, accepted: string, programmed: string, message: RegExp])[] = [
  ['all is well', {}, 'True Accepted', 'True Programmed', /service\(s\) waypoint.shop.svc.cluster.local:15008$/],
  ['nothing is ready', { fronts: [front(false)] }, 'True Accepted', 'False Pending', /no pod behind Service waypoint.shop/],
  ['no Service is there', { fronts: [front(false, { exists: false })] }, 'True Accepted', 'False AddressNotAssigned', /does not exist/],
  [
    'nothing was made by hand that has a name',
    { fronts: [], plan: { do: 'tell' } },
    'True Accepted',
    'False AddressNotUsable',
    /host name of a Service/,
  ],
  ['the API server refuses', { failure: 'apply Deployment: no' }, 'True Accepted', 'False Invalid', /apply Deployment: no/],
  [
    'parameters are wrong',
    { plan: { do: 'refuse', reason: 'InvalidParameters', message: 'm' } },
    'False InvalidParameters',
    'False Invalid',
    /^m$/,
  ],
  ['the only listener is not for tunnels', { listeners: [web] }, 'False ListenersNotValid', 'False Invalid', /no listener is valid/],
  ['one listener too many', { listeners: [mesh, web] }, 'True ListenersNotValid', 'True Programmed', /15008/],
  ['two listeners for tunnels', { listeners: [mesh, { ...mesh, name: 'again' }] }, 'True ListenersNotValid', 'True Programmed', /15008/],
  [
    'a gateway of another cluster',
    { isRemote: true, plan: { do: 'tell' }, listeners: [web] },
    'True Accepted',
    'True Programmed',
    /elsewhere/,
  ],
];
test.each(rows)('%s', (_, wish, accepted, programmed, message) => {
  const { conditions } = statusOf(wish);
  expect(conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
    `Accepted ${accepted}`,
    `Programmed ${programmed}`,
  ]);
  expect(conditions[1]?.message).toMatch(message);
  expect(conditions.every(({ observedGeneration }) => observedGeneration === 7)).toBe(true);
});

const told = [{ type: 'Hostname', value: 'old' }];
const now = [
  { type: 'Hostname', value: 'waypoint.shop.svc.cluster.local' },
  { type: 'IPAddress', value: '10.96.0.9' },
  { type: 'IPAddress', value: 'fd00::9' },
];
const addresses: readonly (readonly [rule: string, Wish, readonly object[]])[] = [
  ['none before anything is ready', { fronts: [front(false)] }, []],
  ['host and cluster addresses once something is', {}, now],
  ['those told stay when nothing is ready any more', { fronts: [front(false)], addresses: told }, told],
  ['those told stay when the Service is gone', { fronts: [front(false, { exists: false })], addresses: told }, told],
  ['a Service without an address has a name only', { fronts: [front(true, { clusterIps: ['None', ''] })] }, now.slice(0, 1)],
  [
    'of a gateway elsewhere: those of the specification',
    { isRemote: true, wanted: [{ type: 'IPAddress', value: '1.2.3.4' }] },
    [{ type: 'IPAddress', value: '1.2.3.4' }],
  ],
];
test.each(addresses)('addresses: %s', (_, wish, want) => {
  expect(statusOf(wish).addresses).toEqual(want);
});

test('a listener that is wrong says which port and which protocol it should have', () => {
  const [good, bad] = statusOf({ listeners: [mesh, web] }).listeners;
  expect(good?.conditions.map(({ type, status }) => `${type} ${status}`)).toEqual([
    'Accepted True',
    'Programmed True',
    'ResolvedRefs True',
    'Conflicted False',
  ]);
  expect(bad?.conditions[0]).toMatchObject({
    status: 'False',
    message: expect.stringContaining('port 15008 with protocol HBONE, but this listener has port 80 and protocol HTTP'),
  });
});
