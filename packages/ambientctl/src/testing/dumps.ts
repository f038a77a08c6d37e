// Dumps as proxies write them, small enough to be read: used by tests of what shows them.
import { ms } from '@ambient-mesh/runtime/time';

const leaf = { pem: 'x', serialNumber: '255', validFrom: '2026-01-01T00:00:00.000Z', expirationTime: '2026-01-02T00:00:00.000Z' };
const root = { pem: 'x', serialNumber: '16', validFrom: '2025-01-01T00:00:00.000Z', expirationTime: '2035-01-01T00:00:00.000Z' };

/** A moment at which `leaf` is valid. */
export const noon = ms(Date.parse('2026-01-01T12:00:00Z'));

const service = { vips: ['/10.96.0.1'], ports: { 80: 8080 }, loadBalancer: null, subjectAltNames: [], ipFamilies: 'IPv4' };
const workload = { protocol: 'HBONE', serviceAccount: 'default', clusterId: 'Kubernetes', trustDomain: 'cluster.local', network: '' };

export const ztunnelDump = {
  workloads: [
    { ...workload, uid: 'w2', name: 'web-1', namespace: 'shop', workloadIps: ['10.0.0.2'], node: 'node-a', status: 'Healthy' },
    {
      ...workload,
      uid: 'w1',
      name: 'cart-1',
      namespace: 'shop',
      workloadIps: ['10.0.1.2'],
      node: 'node-b',
      status: 'Healthy',
      waypoint: { destination: '/10.96.0.9', hboneMtlsPort: 15_008 },
    },
    { ...workload, uid: 'w3', name: 'old', namespace: 'legacy', workloadIps: [], hostname: 'db.example.com', protocol: 'TCP', node: '' },
  ],
  services: [
    {
      ...service,
      name: 'cart',
      namespace: 'shop',
      hostname: 'cart.shop.svc.cluster.local',
      vips: ['/10.96.0.1', '/fd00::1'],
      waypoint: { destination: 'shop/waypoint.shop.svc.cluster.local', hboneMtlsPort: 15_008 },
      endpoints: { w1: { workloadUid: 'w1', port: { 80: 8080 } }, w9: { workloadUid: 'w9', port: { 80: 8080 }, status: 'Unhealthy' } },
    },
    { ...service, name: 'waypoint', namespace: 'shop', hostname: 'waypoint.shop.svc.cluster.local', vips: ['/10.96.0.9'], endpoints: {} },
  ],
  policies: [
    { name: 'deny-all', namespace: 'shop', scope: 'Namespace', action: 'Deny', rules: [] },
    { name: 'allow', namespace: 'other', scope: 'WorkloadSelector', action: 'Allow', rules: [] },
  ],
  certificates: [
    { identity: 'spiffe://cluster.local/ns/shop/sa/default', state: 'Available', certChain: [leaf, root], rootCerts: [root] },
    { identity: 'spiffe://cluster.local/ns/shop/sa/late', state: 'Unavailable: nobody answers', certChain: [], rootCerts: [] },
  ],
  workloadState: {
    'uid-1': {
      state: 'Up',
      info: { name: 'web-1', namespace: 'shop', trustDomain: '', serviceAccount: 'default' },
      connections: {
        inbound: [],
        outbound: [{ src: '10.0.0.2:40000', originalDst: '10.96.0.1:80', actualDst: '10.0.1.2:15008', protocol: 'HBONE' }],
      },
    },
    'uid-2': {
      state: 'Up',
      info: { name: 'api-1', namespace: 'other', trustDomain: '', serviceAccount: 'default' },
      connections: {
        inbound: [{ src: '[fd00::5]:40000', originalDst: null, actualDst: '10.0.0.7:8080', protocol: 'HBONE' }],
        outbound: [],
      },
    },
  },
  config: { proxyMode: 'Shared' },
  version: { version: 'test' },
} as const;

const createdAt = 1;

export const waypointDump = {
  waypoint: { namespace: 'shop', name: 'waypoint', class: 'istio-waypoint', includeClientIdentity: false },
  settings: { trustDomain: 'cluster.local' },
  self: 'Kubernetes//Pod/shop/waypoint-1',
  certificates: [{ identity: 'spiffe://cluster.local/ns/shop/sa/waypoint', state: 'Available', certChain: [leaf], rootCerts: [root] }],
  tunnels: 2,
  resources: [
    {
      name: 'route/HTTPRoute/shop/cart',
      is: 'route',
      route: {
        kind: 'HTTPRoute',
        namespace: 'shop',
        name: 'cart',
        createdAt,
        parents: [{ service: 'shop/cart.shop.svc.cluster.local', port: 80 }],
        http: [
          {
            matches: [
              { path: { prefix: '/v2/' }, method: { exact: 'GET' }, headers: [{ name: 'x-user', match: { exact: 'a' } }] },
              { path: { exact: '/new' }, query: [{ name: 'q', match: { regex: '.+' } }] },
            ],
            filters: [],
            backends: [
              { weight: 9, to: { service: 'shop/cart-v2.shop.svc.cluster.local', port: 80 }, filters: [] },
              { weight: 1, to: { invalid: 'no such Service' }, filters: [] },
            ],
          },
          { matches: [{}], filters: [{ filter: 'redirect', status: 302 }], backends: [] },
        ],
        tcp: [],
      },
    },
    {
      name: 'route/TLSRoute/shop/db',
      is: 'route',
      route: {
        kind: 'TLSRoute',
        namespace: 'shop',
        name: 'db',
        createdAt,
        parents: [{ service: 'shop/db.shop.svc.cluster.local' }],
        http: [],
        tcp: [
          {
            hostnames: ['db.example.com'],
            backends: [{ weight: 1, to: { service: 'shop/db.shop.svc.cluster.local', port: 5432 }, filters: [] }],
          },
        ],
      },
    },
    {
      name: 'authorization/shop/no-posts',
      is: 'authorization',
      policy: {
        namespace: 'shop',
        name: 'no-posts',
        createdAt,
        action: 'DENY',
        dryRun: true,
        targets: [{ waypoint: 'shop/waypoint' }],
        rules: [],
      },
    },
    {
      name: 'authentication/shop/tokens',
      is: 'authentication',
      authentication: { namespace: 'shop', name: 'tokens', createdAt, targets: [], rules: [{ issuer: 'https://issuer' }] },
    },
    {
      name: 'rate-limit/shop/slow',
      is: 'rate-limit',
      limit: { namespace: 'shop', name: 'slow', createdAt, targets: [{ service: 'shop/cart.shop.svc.cluster.local' }], limits: [{}, {}] },
    },
    {
      name: 'wasm/shop/plugin',
      is: 'wasm',
      plugin: { namespace: 'shop', name: 'plugin', createdAt, targets: [{ waypointClass: 'istio-waypoint' }], phase: 'AUTHN' },
    },
    { name: 'mesh', is: 'mesh', settings: {} },
  ],
  destinations: [
    {
      name: 'shop/cart.shop.svc.cluster.local port 80',
      active: 3,
      settings: { balance: { by: 'round-robin' }, tls: { mode: 'simple' }, ports: [] },
      endpoints: [
        { workload: 'Kubernetes//Pod/shop/cart-1', addresses: ['10.0.1.2'], port: 8080, active: 2, connections: 1, ejected: false },
        { workload: 'Kubernetes//Pod/shop/cart-2', addresses: ['fd00::2'], port: 8080, active: 1, connections: 1, ejected: true },
      ],
    },
    { name: 'shop/db.shop.svc.cluster.local port 5432', active: 0, settings: { ports: [] }, endpoints: [] },
  ],
} as const;
