// What is reported by the codes that mean what they mean in Istio, and what is left in peace: a row for each rule.
import {
  gets,
  istio,
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
  waypoint,
  waypointPod,
  whole,
} from '../testing/analysed.ts';

const rows: readonly Row[] = [
  ['a mesh without mistakes', served, [], 'live'],
  ['the same in files', served, []],
  [
    'pods of Deployments in files are assumed, and spoken of as Deployments',
    [
      shop,
      service(),
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: { namespace: shop, name: cart }\nspec: { template: { metadata: { labels: { app: cart } }, spec: { securityContext: { runAsUser: 1337 } } } }',
    ],
    ['IST0144 Deployment shop/cart'],
  ],

  ['a route to nowhere', [...served, route('nobody')], ['IST0101 HTTPRoute shop/r']],
  ['a route at nothing', [...whole, route('cart', 'nobody')], ['IST0101 HTTPRoute shop/r']],
  [
    'a VirtualService that leads to no host',
    [...served, istio('VirtualService', 'hosts: [cart], http: [{ route: [{ destination: { host: nobody } }] }]')],
    ['IST0101 VirtualService shop/x'],
  ],
  [
    'a VirtualService that leads to a subset that nobody defines',
    [...served, istio('VirtualService', 'hosts: [cart], http: [{ route: [{ destination: { host: cart, subset: v9 } }] }]')],
    ['IST0101 VirtualService shop/x'],
  ],
  [
    'a VirtualService and its subset',
    [
      ...served,
      istio('VirtualService', 'hosts: [cart], http: [{ route: [{ destination: { host: cart, subset: one } }] }]'),
      istio('DestinationRule', 'host: cart, subsets: [{ name: one, labels: { version: v1 } }]'),
    ],
    [],
  ],
  ['a DestinationRule for no host', [...whole, istio('DestinationRule', 'host: nobody')], ['IST0101 DestinationRule shop/x']],
  [
    'a subset without pods',
    [...whole, istio('DestinationRule', 'host: cart.shop.svc.cluster.local, subsets: [{ name: two, labels: { version: v2 } }]')],
    ['IST0101 DestinationRule shop/x'],
  ],
  [
    'a source namespace that is not there',
    [...whole, policy('rules: [{ from: [{ source: { namespaces: [shop, gone, "pre*"] } }] }]')],
    ['IST0101 AuthorizationPolicy shop/p'],
    'live',
  ],
  [
    'a target that is not there',
    [...served, policy(`targetRefs: [{ kind: Service, group: "", name: nobody }], ${gets}`)],
    ['IST0101 AuthorizationPolicy shop/p'],
  ],

  [
    'what of a VirtualService means nothing',
    [...served, istio('VirtualService', 'hosts: [cart], http: [{ timeout: soon, route: [{ destination: { host: cart } }] }]')],
    ['IST0106 VirtualService shop/x'],
  ],
  ['what of a route means nothing', [...served, route('cart', 'cart', ', filters: [{ type: Nonsense }]')], ['IST0106 HTTPRoute shop/r']],
  [
    'a policy of the wrong kind of target',
    [...served, policy(`targetRefs: [{ kind: Pod, group: "", name: a }], ${gets}`)],
    ['IST0106 AuthorizationPolicy shop/p'],
  ],

  [
    'a label written as an annotation',
    [...whole, 'apiVersion: v1\nkind: Namespace\nmetadata: { name: other, annotations: { istio.io/dataplane-mode: ambient } }'],
    ['IST0107 Namespace other'],
  ],
  [
    'an annotation on the wrong kind',
    [shop, pod(), service('', ', annotations: { ambient.istio.io/dns-capture: "true" }')],
    ['IST0107 Service shop/cart'],
  ],
  ['an annotation that nobody knows', [shop, pod(', ambient.istio.io/dns-captur: "true"'), service()], ['IST0108 Pod shop/cart-1']],
  ['a value that cannot be read', [shop, pod(', ambient.istio.io/dns-capture: "yes"'), service()], ['IST0125 Pod shop/cart-1']],
  [
    'a mode that does not exist',
    [...whole, 'apiVersion: v1\nkind: Namespace\nmetadata: { name: other, labels: { istio.io/dataplane-mode: on } }'],
    ['IST0125 Namespace other'],
  ],
  [
    'a weight that is no percentage',
    [
      shop,
      pod(),
      service(
        '',
        ', labels: { istio.io/use-waypoint: waypoint, istio.io/use-waypoint-canary: other }, annotations: { istio.io/use-waypoint-canary-weight: "200" }',
      ),
      waypoint(),
      waypointPod(),
    ],
    ['IST0125 Service shop/cart', 'IST0125 Service shop/cart'],
  ],

  [
    'a port whose name says nothing',
    [shop, pod(), service('', '', '{ name: web, port: 80, targetPort: 8080 }')],
    ['IST0118 Service shop/cart'],
  ],
  [
    'a port that says so by appProtocol',
    [shop, pod(), service('', '', '{ name: web, port: 80, targetPort: 8080, appProtocol: http }')],
    [],
  ],
  [
    'a port of UDP, and one that a word of no interest speaks for',
    [shop, pod(), service('', '', '{ name: web, port: 80, protocol: UDP }, { name: redis, port: 6379, targetPort: 8080 }')],
    [],
  ],

  [
    'sidecars and ambient mode at once',
    ['apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { istio.io/dataplane-mode: ambient, istio-injection: enabled } }'],
    ['IST0123 Namespace shop'],
  ],
  [
    'a selector that selects nobody',
    [...whole, policy('selector: { matchLabels: { app: nobody } }, rules: [{}]')],
    ['IST0127 AuthorizationPolicy shop/p'],
  ],
  [
    'a selector that selects somebody outside',
    [
      ...whole,
      pod(', a: b', 'out-1', '', ', istio.io/dataplane-mode: none, who: out').replace('redirection: enabled', 'other: x'),
      policy('selector: { matchLabels: { who: out } }, rules: [{}]'),
    ],
    ['IST0108 Pod shop/out-1', 'IST0127 AuthorizationPolicy shop/p'],
  ],
  [
    'a selector of the root namespace selects everywhere',
    [...whole, policy('selector: { matchLabels: { app: cart } }, rules: [{}]', 'istio-system')],
    [],
  ],
  [
    'a selector that selects a waypoint',
    [...served, policy('selector: { matchLabels: { gateway.networking.k8s.io/gateway-name: waypoint } }, rules: [{}]')],
    ['IST0166 AuthorizationPolicy shop/p'],
  ],
  ['a Sidecar in ambient mode', [...whole, istio('Sidecar', 'egress: []')], ['IST0167 Sidecar shop/x']],

  [
    'TCP to a host without address',
    [istio('ServiceEntry', 'hosts: [a.example], resolution: NONE, ports: [{ number: 5432, name: db, protocol: TCP }]')],
    ['IST0134 ServiceEntry shop/x'],
  ],
  [
    'an address that the mesh may give',
    [istio('ServiceEntry', 'hosts: [a.example], resolution: DNS, ports: [{ number: 5432, name: db, protocol: TCP }]')],
    [],
  ],
  [
    'entries that contradict each other',
    [
      istio('ServiceEntry', 'hosts: [a.example], resolution: DNS, ports: [{ number: 443, name: a, protocol: TLS }]', 'a'),
      istio('ServiceEntry', 'hosts: [a.example], resolution: DNS, ports: [{ number: 443, name: a, protocol: HTTPS }]', 'b'),
    ],
    ['IST0177 ServiceEntry shop/a', 'IST0177 ServiceEntry shop/b'],
  ],
  [
    'an application as the proxies’ user',
    [shop, pod('', 'cart-1', ', securityContext: { runAsUser: 1337 }'), service()],
    ['IST0144 Pod shop/cart-1'],
  ],
  [
    'a status that says no',
    [
      ...served.slice(0, 3),
      waypoint(
        '',
        'Same',
        'addresses: [{ type: IPAddress, value: 10.1.0.9 }], conditions: [{ type: Programmed, status: "False", reason: Pending, message: wait }]',
      ),
      waypointPod(),
    ],
    ['IST0171 Gateway shop/waypoint'],
    'live',
  ],
  [
    'keys from the node itself',
    [
      ...served,
      istio('RequestAuthentication', `${toCart}, jwtRules: [{ issuer: a, jwksUri: "http://169.254.169.254/keys" }]`, 'x', 'shop', security),
    ],
    ['IST0175 RequestAuthentication shop/x'],
  ],
  [
    'keys over plain HTTP',
    [
      ...served,
      istio('RequestAuthentication', `${toCart}, jwtRules: [{ issuer: a, jwksUri: "http://idp.example.com/keys" }]`, 'x', 'shop', security),
    ],
    ['IST0175 RequestAuthentication shop/x'],
  ],
  [
    'keys over TLS, and from a service of the mesh',
    [
      ...served,
      istio(
        'RequestAuthentication',
        `${toCart}, jwtRules: [{ issuer: a, jwksUri: "https://idp.example.com/keys" }, { issuer: b, jwksUri: "http://idp.auth.svc:8080/keys" }]`,
        'x',
        'shop',
        security,
      ),
    ],
    [],
  ],
];

testRows('IST', rows);
