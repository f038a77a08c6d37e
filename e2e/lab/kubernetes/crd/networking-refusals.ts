// What the definitions of Istio's networking kinds refuse, one row per rule: the first object obeys it, the second breaks it.
// Read by refusals.test.ts, which asks the lab's API and, where there is one, a real API server.
import type { JsonObject } from '../patch/json.ts';
import type { Refusal, RefusalTable } from './refusals.ts';

const port = { number: 80, name: 'http', protocol: 'HTTP' };
const entry = (content: JsonObject): JsonObject => ({ hosts: ['a.example.com'], ...content });
const endpoints = (...list: JsonObject[]): JsonObject => entry({ resolution: 'STATIC', endpoints: list });

const endpointRules = (of: (endpoint: JsonObject) => JsonObject): readonly Refusal[] => [
  ['an endpoint has an address or a network', of({ network: 'n2' }), of({ labels: {} }), 'Address is required'],
  [
    'a UNIX socket has no ports',
    of({ address: 'unix:///run/a' }),
    of({ address: 'unix:///run/a', ports: { http: 80 } }),
    'UDS may not include ports',
  ],
  ['a UNIX socket is an absolute path', of({ address: 'unix://@a' }), of({ address: 'unix://a' }), 'UDS must be an absolute path'],
  ['a UNIX socket is no directory', of({ address: 'unix:///run/a' }), of({ address: 'unix:///run/' }), 'UDS may not be a dir'],
  [
    'ports are told by name',
    of({ address: '1.2.3.4', ports: { 'http-1': 8080 } }),
    of({ address: '1.2.3.4', ports: { http_1: 8080 } }),
    'port name must be valid',
  ],
  [
    'ports are between 1 and 65535',
    of({ address: '1.2.3.4', ports: { a: 1 } }),
    of({ address: '1.2.3.4', ports: { a: 0 } }),
    'port must be between 1-65535',
  ],
  ['a weight is not negative', of({ address: '1.2.3.4', weight: 0 }), of({ address: '1.2.3.4', weight: -1 }), 'greater than or equal to 0'],
];

const serviceEntry: readonly Refusal[] = [
  [
    'DYNAMIC_DNS is for wildcards',
    { hosts: ['*.a'], resolution: 'DYNAMIC_DNS' },
    { hosts: ['a'], resolution: 'DYNAMIC_DNS' },
    'host must be wildcarded for resolution mode DYNAMIC_DNS',
  ],
  ...endpointRules((endpoint) => endpoints(endpoint)),
  ['there is a host', entry({}), {}, 'spec.hosts: Required value'],
  ['there is at least one host', entry({}), { hosts: [] }, 'should have at least 1 items'],
  ['a host is no bare wildcard', { hosts: ['*.example.com'] }, { hosts: ['*'] }, 'hostname cannot be wildcard'],
  ['there are at most 256 hosts', { hosts: Array(256).fill('a') }, { hosts: Array(257).fill('a') }, 'Too many: 257'],
  ['ports have a number', entry({ ports: [port] }), entry({ ports: [{ name: 'a' }] }), 'spec.ports[0].number: Required value'],
  [
    'port names are not repeated',
    entry({ ports: [port, { number: 81, name: 'b' }] }),
    entry({ ports: [port, { ...port, number: 81 }] }),
    'Duplicate value',
  ],
  [
    'port numbers are not repeated',
    entry({ ports: [port] }),
    entry({ ports: [port, { ...port, name: 'b' }] }),
    'port number cannot be duplicated',
  ],
  [
    'port numbers are between 1 and 65535',
    entry({ ports: [port] }),
    entry({ ports: [{ ...port, number: 0 }] }),
    'port must be between 1-65535',
  ],
  ['the location is one of two', entry({ location: 'MESH_INTERNAL' }), entry({ location: 'NEARBY' }), 'Unsupported value: "NEARBY"'],
  [
    'the resolution is one of five',
    { hosts: ['*.a'], resolution: 'DYNAMIC_DNS' },
    entry({ resolution: 'HOSTS' }),
    'Unsupported value: "HOSTS"',
  ],
  [
    'endpoints and workloadSelector exclude each other',
    entry({ resolution: 'STATIC', workloadSelector: { labels: { a: 'b' } } }),
    entry({ resolution: 'STATIC', workloadSelector: { labels: { a: 'b' } }, endpoints: [{ address: '1.2.3.4' }] }),
    'only one of WorkloadSelector or Endpoints can be set',
  ],
  [
    'a workloadSelector has no wildcards',
    entry({ workloadSelector: { labels: { a: 'b' } } }),
    entry({ workloadSelector: { labels: { a: '*' } } }),
    'wildcard is not supported in selector',
  ],
  [
    'CIDRs need resolution NONE or STATIC',
    entry({ addresses: ['10.0.0.0/24'], resolution: 'STATIC' }),
    entry({ addresses: ['10.0.0.0/24'], resolution: 'DNS' }),
    'CIDR addresses are allowed only for NONE/STATIC resolution types',
  ],
  [
    'resolution NONE has no endpoints',
    endpoints({ address: '1.2.3.4' }),
    entry({ endpoints: [{ address: '1.2.3.4' }] }),
    'NONE mode cannot set endpoints',
  ],
  [
    'DNS_ROUND_ROBIN has one endpoint',
    entry({ resolution: 'DNS_ROUND_ROBIN', endpoints: [{ address: 'a' }] }),
    entry({ resolution: 'DNS_ROUND_ROBIN', endpoints: [{ address: 'a' }, { address: 'b' }] }),
    'DNS_ROUND_ROBIN mode cannot have multiple endpoints',
  ],
  [
    'DNS cannot resolve a wildcard',
    { hosts: ['*.a'], resolution: 'DNS', endpoints: [{ address: 'b.a' }] },
    { hosts: ['*.a'], resolution: 'DNS' },
    'hosts must be fully qualified',
  ],
  ['STATIC endpoints are addresses', endpoints({ address: '::1' }), endpoints({ address: 'a.b' }), 'STATIC resolution requires'],
  [
    'DYNAMIC_DNS has no endpoints',
    { hosts: ['*.a'], resolution: 'DYNAMIC_DNS' },
    { hosts: ['*.a'], resolution: 'DYNAMIC_DNS', endpoints: [{ address: 'a' }] },
    'DYNAMIC_DNS mode finds its endpoints by itself',
  ],
];

const http = (content: JsonObject): JsonObject => ({ hosts: ['a'], http: [content] });
const route = [{ destination: { host: 'a' } }];

const virtualService: readonly Refusal[] = [
  [
    'a redirect leads elsewhere',
    http({ redirect: { scheme: 'https' } }),
    http({ redirect: { redirectCode: 302 } }),
    'redirect must specify URI, authority, scheme, or port',
  ],
  ['something is routed', http({ route }), { hosts: ['a'] }, 'http, tcp or tls must be provided'],
  ['a route leads somewhere', http({ route }), http({ name: 'a' }), 'HTTP route, redirect, direct_response or delegate is required'],
  [
    'a route does one thing',
    http({ redirect: { uri: '/' } }),
    http({ route, redirect: { uri: '/' } }),
    'more than one of route, redirect and direct_response',
  ],
  [
    'a redirect is not rewritten',
    http({ redirect: { uri: '/' } }),
    http({ redirect: { uri: '/' }, rewrite: { uri: '/' } }),
    'cannot contain rewrite or fault together with redirect',
  ],
  ['a destination has a host', http({ route }), http({ route: [{ destination: {} }] }), 'destination.host: Required value'],
  [
    'a weight is not negative',
    http({ route }),
    http({ route: [{ destination: { host: 'a' }, weight: -1 }] }),
    'greater than or equal to 0',
  ],
  [
    'a match is one of three',
    http({ route, match: [{ uri: { prefix: '/' } }] }),
    http({ route, match: [{ uri: { prefix: '/', exact: '/' } }] }),
    'one and only one',
  ],
  ['a timeout is a duration', http({ route, timeout: '1ms' }), http({ route, timeout: '1' }), 'must be a valid duration'],
  ['a fault is a delay or an abort', http({ route, fault: { abort: { httpStatus: 503 } } }), http({ route, fault: {} }), 'anyOf'],
  [
    'an abort has one status',
    http({ route, fault: { abort: { httpStatus: 503 } } }),
    http({ route, fault: { abort: { httpStatus: 503, grpcStatus: 'OK' } } }),
    'oneOf',
  ],
  [
    'a direct response has a status',
    http({ directResponse: { status: 200 } }),
    http({ directResponse: {} }),
    'directResponse.status: Required value',
  ],
  [
    'TLS routes match a name',
    { tls: [{ match: [{ sniHosts: ['a'] }], route }] },
    { tls: [{ match: [{}], route }] },
    'sniHosts: Required value',
  ],
];

const policy = (trafficPolicy: JsonObject): JsonObject => ({ host: 'a', trafficPolicy });

const destinationRule: readonly Refusal[] = [
  ['it names a host', { host: 'a' }, {}, 'spec.host: Required value'],
  ['a subset has a name', { host: 'a', subsets: [{ name: 'v1' }] }, { host: 'a', subsets: [{}] }, 'spec.subsets[0].name: Required value'],
  [
    'subset names are not repeated',
    { host: 'a', subsets: [{ name: 'v1' }] },
    { host: 'a', subsets: [{ name: 'v1' }, { name: 'v1' }] },
    'Duplicate value',
  ],
  [
    'a balancer is simple or hashes',
    policy({ loadBalancer: { simple: 'RANDOM' } }),
    policy({ loadBalancer: { simple: 'RANDOM', consistentHash: { useSourceIp: true } } }),
    'only one of simple or consistentHash',
  ],
  [
    'a hash has one key',
    policy({ loadBalancer: { consistentHash: { httpHeaderName: 'a' } } }),
    policy({ loadBalancer: { consistentHash: { httpHeaderName: 'a', useSourceIp: true } } }),
    'only one key to hash',
  ],
  [
    'MUTUAL has a certificate',
    policy({ tls: { mode: 'MUTUAL', credentialName: 'a' } }),
    policy({ tls: { mode: 'MUTUAL' } }),
    'MUTUAL needs a client certificate',
  ],
  [
    'percents end at 100',
    policy({ outlierDetection: { maxEjectionPercent: 100 } }),
    policy({ outlierDetection: { maxEjectionPercent: 101 } }),
    'less than or equal to 100',
  ],
  [
    'intervals are durations',
    policy({ outlierDetection: { interval: '1s' } }),
    policy({ outlierDetection: { interval: '0' } }),
    'must be a valid duration',
  ],
];

const workloadGroup: readonly Refusal[] = [
  ['it has a template', { template: {} }, {}, 'spec.template: Required value'],
  [
    'a probe is of one kind',
    { template: {}, probe: { tcpSocket: { port: 1 } } },
    { template: {}, probe: { tcpSocket: { port: 1 }, exec: { command: ['a'] } } },
    'oneOf',
  ],
];

export const networkingRefusals: readonly RefusalTable[] = [
  ['networking.istio.io/v1', 'ServiceEntry', serviceEntry],
  ['networking.istio.io/v1', 'WorkloadEntry', endpointRules((endpoint) => endpoint)],
  ['networking.istio.io/v1beta1', 'WorkloadGroup', workloadGroup],
  ['networking.istio.io/v1alpha3', 'VirtualService', virtualService],
  ['networking.istio.io/v1', 'DestinationRule', destinationRule],
];
