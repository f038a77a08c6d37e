// What is reported by our own codes, and what is left in peace: a row for each rule.
import {
  gets,
  istio,
  networkPolicy,
  pod,
  policy,
  type Row,
  route,
  security,
  served,
  service,
  shop,
  testRows,
  toCart,
  uses,
  waypoint,
  waypointPod,
  whole,
} from '../testing/analysed.ts';

const rows: readonly Row[] = [
  [
    'a policy of requests for tunnels',
    [...whole, policy(`selector: { matchLabels: { app: cart } }, ${gets}`)],
    ['AMB0001 AuthorizationPolicy shop/p'],
  ],
  [
    'a policy of requests at a service without a waypoint',
    [...whole, policy(`${toCart}, ${gets}`)],
    ['AMB0001 AuthorizationPolicy shop/p'],
  ],
  ['a policy of requests at a service that has one', [...served, policy(`${toCart}, ${gets}`)], []],
  [
    'a policy at a Gateway',
    [...served, policy(`targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: waypoint }], ${gets}`)],
    [],
  ],
  [
    'a policy of requests that sidecars enforce',
    [
      pod(', sidecar.istio.io/status: "{}"').replace('redirection: enabled', 'dns-capture: "true"'),
      service(),
      policy(`selector: { matchLabels: { app: cart } }, ${gets}`),
    ],
    [],
    'live',
  ],
  [
    'an external authorizer for tunnels',
    [...whole, policy('action: CUSTOM, provider: { name: x }, rules: [{}]')],
    ['AMB0001 AuthorizationPolicy shop/p'],
  ],
  [
    'tokens that nobody checks',
    [...whole, istio('RequestAuthentication', 'selector: { matchLabels: { app: cart } }, jwtRules: []', 'x', 'shop', security)],
    ['AMB0001 RequestAuthentication shop/x'],
  ],
  ['a route at a service without a waypoint', [...whole, route()], ['AMB0002 HTTPRoute shop/r']],
  [
    'a VirtualService of a service without a waypoint',
    [...whole, istio('VirtualService', 'hosts: [cart], http: [{ route: [{ destination: { host: cart } }] }]')],
    ['AMB0002 VirtualService shop/x'],
  ],
  [
    'a VirtualService of a gateway',
    [...whole, istio('VirtualService', 'hosts: [a.example], gateways: [g], http: [{ route: [{ destination: { host: cart } }] }]')],
    [],
  ],

  ['a waypoint that is not there', [shop, pod(), service('', uses)], ['AMB0003 Service shop/cart']],
  [
    'a waypoint that is not there, asked for by a namespace',
    [...whole, 'apiVersion: v1\nkind: Namespace\nmetadata: { name: other, labels: { istio.io/use-waypoint: gone } }'],
    ['AMB0003 Namespace other'],
  ],
  ['a waypoint without an address', [...whole, waypoint('', 'Same', '')], ['AMB0004 Gateway shop/waypoint'], 'live'],
  ['a waypoint without an address is ready once files are applied', [shop, pod(), service('', uses), waypoint('', 'Same', '')], []],
  ['a waypoint without pods', [...whole, waypoint()], ['AMB0004 Gateway shop/waypoint'], 'live'],
  ['a waypoint whose pods are not ready', [...whole, waypoint(), waypointPod('"False"')], ['AMB0004 Gateway shop/waypoint'], 'live'],
  [
    'a waypoint that does not admit the namespace',
    [
      shop,
      pod(),
      service('', ', labels: { istio.io/use-waypoint: waypoint, istio.io/use-waypoint-namespace: infra }'),
      waypoint('', 'Same', 'addresses: []', 'infra'),
    ],
    ['AMB0005 Service shop/cart'],
  ],
  [
    'a waypoint that admits all',
    [
      shop,
      pod(),
      service('', ', labels: { istio.io/use-waypoint: waypoint, istio.io/use-waypoint-namespace: infra }'),
      waypoint('', 'All', 'addresses: []', 'infra'),
    ],
    [],
  ],
  [
    'a waypoint for workloads',
    [shop, pod(), service('', uses), waypoint(', istio.io/waypoint-for: workload')],
    ['AMB0006 Service shop/cart'],
  ],
  [
    'a waypoint for workloads is right for a namespace',
    [
      shop.replace('ambient }', 'ambient, istio.io/use-waypoint: waypoint }'),
      pod(),
      service(),
      waypoint(', istio.io/waypoint-for: workload'),
    ],
    [],
  ],
  [
    'a waypoint that is required and not named',
    [shop, pod(), service('', ', annotations: { ambient-mesh.dev/require-waypoint: "true" }')],
    ['AMB0007 Service shop/cart'],
  ],

  [
    'a NetworkPolicy without the mesh’s port',
    [...whole, networkPolicy('np', 'podSelector: {}, ingress: [{ ports: [{ port: 8080 }] }]')],
    ['AMB0008 NetworkPolicy shop/np'],
  ],
  [
    'out of pods too',
    [...whole, networkPolicy('np', 'podSelector: {}, policyTypes: [Egress], egress: [{ ports: [{ port: 443 }] }]')],
    ['AMB0008 NetworkPolicy shop/np'],
  ],
  [
    'another one opens it',
    [
      ...whole,
      networkPolicy('np', 'podSelector: {}, ingress: [{ ports: [{ port: 8080 }] }]'),
      networkPolicy('mesh', 'podSelector: {}, ingress: [{ ports: [{ port: 15000, endPort: 15010 }] }]'),
    ],
    [],
  ],
  [
    'one that opens all ports, or none at all',
    [...whole, networkPolicy('all', 'podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }]')],
    [],
  ],
  ['one that denies everything is meant so', [...whole, networkPolicy('none', 'podSelector: {}, policyTypes: [Ingress]')], []],
  [
    'one for pods outside of the mesh',
    [
      networkPolicy('np', 'podSelector: {}, ingress: [{ ports: [{ port: 8080 }] }]'),
      shop.replace('ambient', 'none'),
      pod().replace('enabled', 'pending'),
    ],
    [],
    'live',
  ],

  [
    'a named port that pods do not have',
    [shop, pod(), service('', '', '{ name: http, port: 80, targetPort: nothing }')],
    ['AMB0009 Service shop/cart'],
  ],
  ['a service that selects nothing', [shop, service()], ['AMB0010 Service shop/cart']],
  ['a service without ready pods', [shop, pod().replace('"True"', '"False"'), service()], ['AMB0010 Service shop/cart'], 'live'],
  ['a service without selector and slices', [shop, service().replace('{ app: cart }', '{}')], ['AMB0010 Service shop/cart'], 'live'],
  [
    'a network that nothing leads to',
    [
      ...whole,
      istio('WorkloadEntry', 'address: 1.2.3.4, network: far'),
      'apiVersion: v1\nkind: Namespace\nmetadata: { name: istio-system, labels: { topology.istio.io/network: near } }',
    ],
    ['AMB0011 WorkloadEntry shop/x'],
  ],
  [
    'strictness behind a load balancer',
    [shop, pod(), service(', type: LoadBalancer'), istio('PeerAuthentication', 'mtls: { mode: STRICT }', 'x', 'shop', security)],
    ['AMB0012 Service shop/cart'],
  ],
  [
    'strictness beside pods outside of the mesh',
    [
      ...whole,
      pod('', 'out-1', '', ', istio.io/dataplane-mode: none').replace('enabled', 'pending'),
      istio('PeerAuthentication', 'mtls: { mode: STRICT }', 'x', 'shop', security),
    ],
    ['AMB0012 Namespace shop'],
  ],
  [
    'strictness that a port is exempt from is somebody’s decision',
    [
      shop,
      pod(),
      service(', type: NodePort'),
      istio(
        'PeerAuthentication',
        'selector: { matchLabels: { app: cart } }, mtls: { mode: STRICT }, portLevelMtls: { 8080: { mode: PERMISSIVE } }',
        'x',
        'shop',
        security,
      ),
    ],
    [],
  ],
  [
    'a PeerAuthentication of the root namespace that selects',
    [istio('PeerAuthentication', 'selector: { matchLabels: { app: cart } }, mtls: { mode: STRICT }', 'x', 'istio-system', security)],
    ['AMB0018 PeerAuthentication istio-system/x'],
  ],
  [
    'a PeerAuthentication that says DISABLE',
    [istio('PeerAuthentication', 'mtls: { mode: DISABLE }', 'x', 'shop', security)],
    ['AMB0018 PeerAuthentication shop/x'],
  ],
  [
    'a pod in the network of its node',
    [...whole, pod('', 'host-1', ', hostNetwork: true').replace('enabled', 'pending')],
    ['AMB0013 Pod shop/host-1'],
  ],
  ['a pod that nobody enrolled', [shop, pod().replace('enabled', 'pending'), service()], ['AMB0014 Pod shop/cart-1'], 'live'],
  ['a dry run', [...whole, policy('rules: [{}]', 'shop', ', istio.io/dry-run: "true"')], ['AMB0015 AuthorizationPolicy shop/p']],
  [
    'principals with a scheme, and in another form',
    [...whole, policy('rules: [{ from: [{ source: { principals: ["spiffe://cluster.local/ns/shop/sa/cart", "cart"] } }] }]')],
    ['AMB0016 AuthorizationPolicy shop/p', 'AMB0016 AuthorizationPolicy shop/p'],
  ],
  [
    'an account that nobody runs as',
    [
      ...whole,
      policy('rules: [{ from: [{ source: { principals: ["cluster.local/ns/shop/sa/cart", "cluster.local/ns/shop/sa/nobody"] } }] }]'),
    ],
    ['AMB0016 AuthorizationPolicy shop/p'],
    'live',
  ],
  [
    'the port of the service instead of the pod’s',
    [...whole, policy('selector: { matchLabels: { app: cart } }, rules: [{ to: [{ operation: { ports: ["80", "8080"] } }] }]')],
    ['AMB0017 AuthorizationPolicy shop/p'],
  ],
];

testRows('AMB', rows);
