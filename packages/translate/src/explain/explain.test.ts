// Where a connection goes and who decides, row by row: the client's side, and policies of tunnels. What waypoints do is in through-waypoint.test.ts.
// That it is what really happens is shown on the lab (e2e/scenarios/explain.test.ts).
import { describe, expect, test } from 'vitest';
import { explained, pod, service, waypoint } from '../testing/written-mesh.ts';

const shop = [
  pod('shop/web', { ip: '10.0.0.1' }),
  pod('shop/cart-1', { ip: '10.0.0.2', node: 'n2' }),
  pod('shop/cart-2', { ip: '10.0.0.3', node: 'n1' }),
  pod('shop/slow-1', { ip: '10.0.0.4', isReady: false }),
  pod('shop/plain', { ip: '10.0.0.5', isIn: false }),
  pod('lab/probe', { ip: '10.0.9.1', isIn: false }),
  service('shop/cart', '10.1.0.2'),
  service('shop/slow', '10.1.0.3'),
  service('shop/plain', '10.1.0.4'),
  service('shop/nobody', '10.1.0.5'),
];

const policy = (namespace: string, name: string, spec: string, kind = 'AuthorizationPolicy'): string =>
  `apiVersion: security.istio.io/v1\nkind: ${kind}\nmetadata: { namespace: ${namespace}, name: ${name} }\nspec: ${spec}\n---\n`;
const onlyWeb = policy('shop', 'only-web', '{ action: ALLOW, rules: [{ from: [{ source: { principals: ["*/sa/web"] } }] }] }');
const noProbe = policy(
  'shop',
  'no-ports',
  '{ action: DENY, rules: [{ to: [{ operation: { ports: ["1"] } }] }, { to: [{ operation: { ports: ["8080"] } }] }] }',
);
const strict = policy('shop', 'default', '{ mtls: { mode: STRICT } }', 'PeerAuthentication');

/** Its address is given by the mesh. */
const entry = (spec: string): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { namespace: shop, name: out }
spec: { hosts: [api.example.org], ports: [{ number: 443, name: tcp, protocol: TCP }], ${spec} }
status: { addresses: [{ host: api.example.org, value: 240.240.0.7 }] }
---
`;

type Row = readonly [rule: string, objects: readonly string[], question: string, want: string];
const rows: readonly Row[] = [
  ['nothing is said: everything may pass', [], 'shop/web cart:80', 'allowed'],
  ['an ALLOW policy lets in whom it names', [onlyWeb], 'shop/web cart:80', 'allowed by AuthorizationPolicy shop/only-web'],
  [
    'an ALLOW policy shuts out all others',
    [onlyWeb],
    'shop/slow-1 cart:80',
    'denied by no rule of AuthorizationPolicy shop/only-web, which allows others',
  ],
  ['a DENY policy goes before any ALLOW', [onlyWeb, noProbe], 'shop/web cart:80', 'denied by AuthorizationPolicy shop/no-ports'],
  [
    'who is not in the mesh has no identity to be allowed by',
    [onlyWeb],
    'lab/probe cart:80',
    'denied by no rule of AuthorizationPolicy shop/only-web, which allows others',
  ],
  ['STRICT refuses what comes in clear', [strict], 'lab/probe cart:80', 'denied by PeerAuthentication STRICT (mutual TLS only)'],
  ['STRICT lets in what comes by mutual TLS', [strict], 'shop/web cart:80', 'allowed'],
  [
    'a port may be stricter than its pod',
    [
      policy(
        'shop',
        'ports',
        '{ selector: { matchLabels: { app: cart } }, portLevelMtls: { 8080: { mode: STRICT } } }',
        'PeerAuthentication',
      ),
    ],
    'lab/probe cart:80',
    'denied by PeerAuthentication shop/ports',
  ],
  ['STRICT is not enforced outside of the mesh', [strict], 'shop/web plain:80', 'allowed'],
  ['nobody is ready', [], 'shop/web slow:80', 'refused by none of the 1 endpoints of slow.shop.svc.cluster.local is ready'],
  ['a pod that is not ready is reached at its own address', [], 'shop/web pod/slow-1:8080', 'allowed'],
  ['nobody is behind the service', [], 'shop/web nobody:80', 'refused by nobody.shop.svc.cluster.local has no endpoints'],
  ['the service has no such port', [], 'shop/web cart:99', 'refused by cart.shop.svc.cluster.local has no port 99, only 80, 81, 90'],
  [
    'the service has no such port for those outside either',
    [],
    'lab/probe cart.shop:99',
    'refused by cart.shop.svc.cluster.local has no port 99, only 80, 81, 90',
  ],
  ['an address that nobody knows', [onlyWeb], 'shop/web 192.0.2.9:443', 'allowed'],
  ['the pod itself', [noProbe], 'shop/web 10.0.0.1:8080', 'allowed'],
  ['the ports of the tunnel', [], 'shop/web pod/cart-1:15008', 'refused by port 15008 belongs to the tunnel itself'],
  [
    'endpoints of one service may differ',
    [
      policy('shop', 'one', '{ selector: { matchLabels: { pick: me } }, action: DENY, rules: [{}] }'),
      pod('shop/cart-3', { ip: '10.0.0.9', labels: 'pick: me' }),
    ],
    'shop/web cart:80',
    'sometimes by AuthorizationPolicy shop/one',
  ],
  [
    'a pod that takes what comes in clear itself',
    [strict, pod('shop/gate', { ip: '10.0.0.8', annotation: 'ambient.istio.io/bypass-inbound-capture: "true"' })],
    'lab/probe 10.0.0.8:8080',
    'allowed',
  ],
  ['a host outside, found by name when it is used', [entry('resolution: DNS')], 'shop/web api.example.org:443', 'allowed'],
  [
    'addresses that the mesh gave are of no use outside of it',
    [entry('resolution: STATIC, endpoints: [{ address: 192.0.2.1 }]')],
    'lab/probe api.example.org:443',
    'refused by the mesh gave api.example.org the address 240.240.0.7: nobody outside of the mesh can reach it',
  ],
  [
    'a host of the mesh is its pods',
    [entry('resolution: STATIC, workloadSelector: { labels: { app: cart } }'), onlyWeb],
    'shop/web api.example.org:443',
    'allowed by AuthorizationPolicy shop/only-web',
  ],
  [
    'an endpoint of another network needs a gateway',
    [entry('resolution: STATIC, endpoints: [{ address: 192.0.2.1, network: west }]')],
    'shop/web api.example.org:443',
    'refused by no gateway for the remote network: from shop/web to 240.240.0.7:443: Kubernetes/networking.istio.io/ServiceEntry/shop/out/192.0.2.1 on network "west" names no gateway',
  ],
  [
    'a policy of the root namespace holds everywhere',
    [policy('istio-system', 'all', '{ action: DENY, rules: [{}] }')],
    'shop/web cart:80',
    'denied by AuthorizationPolicy istio-system/all',
  ],
];

describe('who may go where', () => {
  test.each(rows)('%s', (_, objects, question, want) => {
    const { outcome, by, status } = explained(
      [...shop, ...objects],
      question.replace('shop/probe', 'lab/probe').replace(/ (cart|slow|plain|nobody):/, ' $1.shop:'),
    );
    expect(`${outcome}${by === '' ? '' : ` by ${by}`}`).toBe(want);
    expect(status).toBeUndefined();
  });
});

const stepsOf = (objects: readonly string[], question: string): readonly string[] =>
  explained([...shop, ...objects], question).steps.map(({ at, says }) => `${at}: ${says}`);

describe('what is said on the way', () => {
  test('who is spoken to, how it is kept secret, and which rule compared what', () => {
    expect(stepsOf([onlyWeb], 'shop/web cart:80')).toEqual([
      'shop/web: goes to cart.shop.svc.cluster.local port 80 directly: no waypoint is between',
      'shop/cart-1: port 8080 lets spiffe://cluster.local/ns/shop/sa/web in, over mutual TLS, by AuthorizationPolicy shop/only-web, rule 0 (principal */sa/web)',
      'shop/cart-2: port 8080 lets spiffe://cluster.local/ns/shop/sa/web in, on the same node: its identity is known, and nothing crosses a wire, by AuthorizationPolicy shop/only-web, rule 0 (principal */sa/web)',
    ]);
  });
  test('which of several rules it was', () => {
    expect(stepsOf([noProbe], 'shop/web pod/cart-1:8080').at(-1)).toBe(
      'shop/cart-1: port 8080 refuses spiffe://cluster.local/ns/shop/sa/web by AuthorizationPolicy shop/no-ports, rule 1 (port 8080)',
    );
  });
  test('a dry run changes nothing and is told', () => {
    const dry = policy('shop', 'try', '{ action: DENY, rules: [{}] }').replace(
      'name: try',
      'name: try, annotations: { istio.io/dry-run: "true" }',
    );
    const { outcome, steps } = explained([...shop, dry], 'shop/web pod/cart-1:8080', { dryRun: true });
    expect([outcome, steps.at(-1)?.says]).toEqual([
      'allowed',
      'port 8080 lets spiffe://cluster.local/ns/shop/sa/web in, over mutual TLS; dry run: shop/try would deny it',
    ]);
  });
  test('many endpoints that say the same are one step', () => {
    const more = [11, 12, 13, 14].map((at) => pod(`shop/cart-${at}`, { ip: `10.0.0.${at}`, node: 'n2' }));
    expect(stepsOf(more, 'shop/web cart:80')[1]).toMatch(/^shop\/cart-1, shop\/cart-11, shop\/cart-12 and 2 more: port 8080 lets/);
  });
  test('a waypoint that is asked for and missing leaves the way open, which is said', () => {
    const lost = service('shop/lost', '10.1.0.9', { labels: 'istio.io/use-waypoint: gone' });
    expect(stepsOf([lost, pod('shop/lost', { ip: '10.0.0.20' })], 'shop/web lost:80')[0]).toBe(
      'shop/web: goes to lost.shop.svc.cluster.local port 80 directly: no waypoint is between, since waypoint "shop/gone" is not ready',
    );
  });
  test('where a waypoint is required, the way past it is shut', () => {
    const annotations = 'ambient-mesh.dev/require-waypoint: "true"';
    const lost = service('shop/lost', '10.1.0.9', { labels: 'istio.io/use-waypoint: gone', annotations });
    const objects = [...shop, lost, pod('shop/lost', { ip: '10.0.0.20' })];
    expect(explained(objects, 'shop/web lost:80')).toMatchObject({ outcome: 'denied', by: 'require-waypoint of Service shop/lost' });
    expect(explained(objects, 'lab/probe lost.shop:80')).toMatchObject({ outcome: 'denied', by: 'require-waypoint of Service shop/lost' });
  });
  test('who is outside of the mesh goes past the waypoint', () => {
    const kept = service('shop/kept', '10.1.0.9', { labels: 'istio.io/use-waypoint: wp' });
    const objects = [...shop, kept, pod('shop/kept', { ip: '10.0.0.20' }), waypoint('shop/wp')];
    expect(explained(objects, 'lab/probe kept.shop:80').steps[0]?.says).toBe(
      'is not in the mesh: connects to kept.shop.svc.cluster.local port 80 in clear, past the waypoint',
    );
  });
  test('what a waypoint itself sends goes to endpoints directly, under its own name', () => {
    const objects = [...shop, waypoint('shop/wp')];
    expect(explained(objects, 'shop/wp cart:80').steps.map(({ says }) => says)).toEqual([
      'opens tunnels by itself: connects to cart.shop.svc.cluster.local port 80 as it sees fit',
      'port 8080 lets spiffe://cluster.local/ns/shop/sa/wp in, over mutual TLS',
    ]);
  });
});
