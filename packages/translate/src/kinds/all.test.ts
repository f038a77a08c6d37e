// What the mesh keeps of Kubernetes objects. Each row: an object as the API server sends it, and the part of the outcome that the row is about.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allKinds, type Inputs } from './all.ts';

const metadata = { namespace: 'ns', name: 'x' };

type Some<T> = { readonly [F in keyof T]?: T[F] | undefined };
type Row<K extends keyof Inputs> = readonly [rule: string, object: object, outcome: Some<Inputs[K]>];

function narrows<K extends keyof Inputs>(table: K, rows: readonly Row<K>[]): void {
  describe(table, () => {
    for (const [rule, object, outcome] of rows)
      test(rule, () => {
        const whole = allKinds[table].narrow({ metadata, ...object });
        expect(whole).toBeDefined();
        const fields = new Map<string, unknown>(Object.entries(whole ?? {}));
        for (const [field, value] of Object.entries(outcome)) expect(fields.get(field)).toEqual(value);
      });
  });
}

describe('metadata', () => {
  const metaOf = (object: unknown) => allKinds.pods.narrow(object)?.meta;

  test('what is kept', () => {
    const annotations = { 'istio.io/dry-run': 'true', 'kubectl.kubernetes.io/last-applied-configuration': '{}' };
    const creationTimestamp = '2026-01-02T03:04:05Z';
    const given = { ...metadata, uid: 'u', generation: 4, labels: { a: 'b' }, annotations, creationTimestamp, resourceVersion: '9' };
    expect(metaOf({ metadata: given })).toEqual({
      ...{ namespace: 'ns', name: 'x', uid: 'u', generation: 4, labels: { a: 'b' } },
      ...{ annotations: { 'istio.io/dry-run': 'true' }, createdAt: 2026_01_02_03_04_05 },
    });
  });

  test('fields of other types count as absent', () => {
    const odd = {
      name: 'x',
      namespace: 1,
      uid: [],
      labels: { a: 1, b: 'c' },
      annotations: 'none',
      creationTimestamp: 'soon',
      generation: 1.5,
    };
    expect(metaOf({ metadata: odd })).toEqual({
      ...{ namespace: '', name: 'x', uid: '', generation: 0, labels: { b: 'c' }, annotations: {}, createdAt: 0 },
    });
  });

  for (const object of [undefined, null, 'pod', [], {}, { metadata: null }, { metadata: { name: '' } }, { metadata: { name: 1 } }])
    test(`no object: ${JSON.stringify(object)}`, () => expect(metaOf(object)).toBeUndefined());

  test('objects without labels share one empty record', () => {
    const [one, other] = ['a', 'b'].map((name) => metaOf({ metadata: { name, labels: {} } }));
    expect(one?.labels).toBe(other?.labels);
    expect(one?.annotations).toBe(other?.annotations);
  });
});

narrows('pods', [
  [
    'all its addresses',
    { status: { podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }], podIP: '10.0.0.1' } },
    { ips: ['10.0.0.1', 'fd00::1'] },
  ],
  ['or the one', { status: { podIP: '10.0.0.1' } }, { ips: ['10.0.0.1'] }],
  ['or none', { status: { podIP: '' } }, { ips: [] }],
  ['ready when the condition says so', { status: { conditions: [{ type: 'Ready', status: 'True' }] } }, { ready: true }],
  ['and not when another does', { status: { conditions: [{ type: 'Initialized', status: 'True' }] } }, { ready: false }],
  ['being deleted', { metadata: { ...metadata, deletionTimestamp: '2026-01-02T03:04:05Z' } }, { deleting: true }],
  [
    'the owner that controls it',
    {
      metadata: {
        ...metadata,
        generateName: 'x-',
        ownerReferences: [
          { kind: 'A', name: 'a' },
          { kind: 'B', name: 'b', controller: true },
        ],
      },
    },
    { generated: true, controller: { kind: 'B', name: 'b' } },
  ],
  [
    'named TCP ports; the first of a name counts',
    {
      spec: {
        containers: [
          {
            ports: [
              { name: 'http', containerPort: 80 },
              { name: 'dns', containerPort: 53, protocol: 'UDP' },
            ],
          },
          { ports: [{ name: 'http', containerPort: 81 }, { containerPort: 82 }] },
        ],
      },
    },
    { namedPorts: { http: 80 } },
  ],
  [
    'of init containers, those of the ones that stay',
    {
      spec: {
        initContainers: [
          { restartPolicy: 'Always', ports: [{ name: 'stays', containerPort: 1 }] },
          { ports: [{ name: 'goes', containerPort: 2 }] },
        ],
      },
    },
    { namedPorts: { stays: 1 } },
  ],
  [
    'a name that every object seems to have is fine for a port',
    { spec: { containers: [{ ports: [{ name: 'constructor', containerPort: 80 }] }] } },
    { namedPorts: Object.fromEntries([['constructor', 80]]) },
  ],
]);

narrows('services', [
  ['all its addresses', { spec: { clusterIPs: ['10.0.0.1', 'fd00::1'], clusterIP: '10.0.0.1' } }, { clusterIps: ['10.0.0.1', 'fd00::1'] }],
  ['or the one', { spec: { clusterIP: 'None' } }, { clusterIps: ['None'] }],
  [
    'a port leads to itself unless it says otherwise, over TCP',
    { spec: { ports: [{ port: 80 }] } },
    { ports: [{ name: '', port: 80, targetPort: 80, protocol: 'TCP', appProtocol: '' }] },
  ],
  [
    'to a name',
    { spec: { ports: [{ name: 'a', port: 80, targetPort: 'http', protocol: 'UDP', appProtocol: 'kubernetes.io/h2c' }] } },
    { ports: [{ name: 'a', port: 80, targetPort: 'http', protocol: 'UDP', appProtocol: 'kubernetes.io/h2c' }] },
  ],
  [
    'of conditions, only ours',
    { status: { conditions: [{ type: 'Other' }, { type: 'istio.io/WaypointBound', status: 'True', reason: 'r', message: 'm' }] } },
    { conditions: [{ type: 'istio.io/WaypointBound', status: 'True', reason: 'r', message: 'm', observedGeneration: 0 }] },
  ],
]);

narrows('endpointSlices', [
  ['belongs to a service', { metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'web' } } }, { service: 'web' }],
  [
    'readiness that nobody states is given',
    { endpoints: [{ addresses: ['10.0.0.1'] }, { addresses: ['10.0.0.2'], conditions: { ready: false } }] },
    {
      endpoints: [
        { addresses: ['10.0.0.1'], ready: true },
        { addresses: ['10.0.0.2'], ready: false },
      ],
    },
  ],
  [
    'pods behind it, of its own namespace unless they say otherwise',
    { endpoints: [{ addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', name: 'p', uid: 'u' } }] },
    { endpoints: [{ addresses: ['10.0.0.1'], ready: true, pod: { namespace: 'ns', name: 'p', uid: 'u' } }] },
  ],
  [
    'nodes are no pods',
    { endpoints: [{ addresses: ['10.0.0.1'], targetRef: { kind: 'Node', name: 'n' } }] },
    { endpoints: [{ addresses: ['10.0.0.1'], ready: true }] },
  ],
]);

narrows('nodes', [
  [
    'where it is',
    { metadata: { name: 'n', labels: { 'topology.kubernetes.io/region': 'r', 'topology.istio.io/subzone': 's' } } },
    { locality: { region: 'r', zone: '', subzone: 's' } },
  ],
]);

narrows('gateways', [
  [
    'addresses of the status',
    { status: { addresses: [{ value: '10.0.0.1' }] } },
    { addresses: [{ type: 'IPAddress', value: '10.0.0.1' }] },
  ],
  [
    'a listener admits its own namespace unless it says otherwise',
    { spec: { listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE' }] } },
    { listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE', from: 'Same', hostname: '', kinds: [] }] },
  ],
  [
    'and nobody when nobody knows what it says',
    { spec: { listeners: [{ allowedRoutes: { namespaces: { from: 'Everywhere' } } }] } },
    { listeners: [{ name: '', port: 0, protocol: '', from: 'None', hostname: '', kinds: [] }] },
  ],
  [
    'an expression that nobody knows selects nothing',
    {
      spec: {
        listeners: [
          {
            allowedRoutes: {
              namespaces: { from: 'Selector', selector: { matchExpressions: [{ key: 'a', operator: 'Like', values: ['b'] }] } },
            },
          },
        ],
      },
    },
    {
      listeners: [
        {
          ...{ name: '', port: 0, protocol: '', from: 'Selector' as const, hostname: '', kinds: [] },
          selector: { matchLabels: {}, matchExpressions: [{ key: 'a', operator: 'In', values: [] }] },
        },
      ],
    },
  ],
]);

narrows('gateways', [
  [
    'what is to be made for it',
    {
      spec: {
        addresses: [{ type: 'Hostname', value: 'a.b' }],
        infrastructure: { labels: { a: 'b' }, annotations: { c: 'd' }, parametersRef: { group: '', kind: 'ConfigMap', name: 'p' } },
      },
    },
    {
      wanted: [{ type: 'Hostname', value: 'a.b' }],
      infrastructure: { labels: { a: 'b' }, annotations: { c: 'd' }, parameters: { group: '', kind: 'ConfigMap', name: 'p' } },
    },
  ],
  [
    'TLS of a listener, and the kinds that it takes',
    {
      spec: {
        listeners: [
          {
            name: 'a',
            port: 1,
            protocol: 'HBONE',
            hostname: 'h',
            tls: { options: { x: 'y' } },
            allowedRoutes: { kinds: [{ kind: 'TCPRoute' }] },
          },
        ],
      },
    },
    {
      listeners: [
        {
          ...{ name: 'a', port: 1, protocol: 'HBONE', hostname: 'h', from: 'Same' as const },
          tls: { mode: 'Terminate', options: { x: 'y' } },
          kinds: [{ group: 'gateway.networking.k8s.io', kind: 'TCPRoute' }],
        },
      ],
    },
  ],
]);

narrows('gatewayClasses', [['its controller', { spec: { controllerName: 'a/b' } }, { controller: 'a/b' }]]);

narrows('serviceEntries', [
  ['resolution that nobody knows is none', { spec: { resolution: 'MAGIC' } }, { resolution: 'NONE' }],
  [
    'a port leads to itself unless it says otherwise',
    { spec: { ports: [{ name: 'a', number: 80, protocol: 'HTTP' }] } },
    { ports: [{ name: 'a', number: 80, targetPort: 80, protocol: 'HTTP' }] },
  ],
  ['an empty selector is one', { spec: { workloadSelector: {} } }, { workloadSelector: {} }],
  ['no selector is none', { spec: {} }, { workloadSelector: undefined }],
  [
    'addresses given out',
    { status: { addresses: [{ host: 'a', value: '240.240.0.1' }] } },
    { allocated: [{ host: 'a', value: '240.240.0.1' }] },
  ],
]);

narrows('workloadEntries', [
  ['ports that are no numbers are left out', { spec: { ports: { http: 80, tcp: 'x' } } }, { ports: { http: 80 } }],
  ['its labels are those of the spec', { spec: { labels: { app: 'web' } } }, { labels: { app: 'web' } }],
]);

narrows('peerAuthentications', [
  ['an empty selector is none', { spec: { selector: { matchLabels: {} } } }, { selector: undefined }],
  ['nothing said', { spec: { mtls: {} } }, { mode: 'UNSET' }],
  ['null says nothing', { spec: { mtls: { mode: null } } }, { mode: 'UNSET' }],
  ['a mode that nobody knows is strict', { spec: { mtls: { mode: 'strict' } } }, { mode: 'STRICT' }],
  [
    'ports in the order of numbers',
    { spec: { portLevelMtls: { 90: { mode: 'STRICT' }, 80: {}, x: { mode: 'STRICT' }, 65536: { mode: 'STRICT' } } } },
    {
      ports: new Map([
        [80, 'UNSET' as const],
        [90, 'STRICT' as const],
      ]),
    },
  ],
]);

const noSource = {
  ...{ principals: [], notPrincipals: [], namespaces: [], notNamespaces: [], serviceAccounts: [], notServiceAccounts: [] },
  ...{ ipBlocks: [], notIpBlocks: [], remoteIpBlocks: [], notRemoteIpBlocks: [], requestPrincipals: [], notRequestPrincipals: [] },
  ...{ trustDomains: [], notTrustDomains: [] },
};
const noOperation = { hosts: [], notHosts: [], ports: [], notPorts: [], methods: [], notMethods: [], paths: [], notPaths: [] };

narrows('authorizationPolicies', [
  ['ALLOW unless it says otherwise', { spec: {} }, { action: 'ALLOW', rules: [], targets: [], selector: undefined }],
  ['an empty selector is one', { spec: { selector: {} } }, { selector: {} }],
  [
    'one target is a list of one',
    { spec: { targetRef: { kind: 'Service', name: 'x' } } },
    { targets: [{ group: '', kind: 'Service', name: 'x', namespace: '' }] },
  ],
  [
    'every field of a rule',
    {
      spec: {
        rules: [
          { from: [{ source: { namespaces: ['a'] } }], to: [{ operation: { ports: ['80', 90] } }], when: [{ key: 'k', values: ['v'] }] },
        ],
      },
    },
    {
      rules: [
        {
          from: [{ ...noSource, namespaces: ['a'] }],
          to: [{ ...noOperation, ports: ['80', '90'] }],
          ...{ when: [{ key: 'k', values: ['v'], notValues: [] }], unknown: [] },
        },
      ],
    },
  ],
  [
    'names of what nobody knows, wherever it is; null is absent',
    {
      spec: {
        rules: [
          {
            ...{ from: [{ source: { a: [], paths: null } }], to: [{ operation: { hosts: 'b' } }, { c: 1 }] },
            ...{ when: [{ key: 'k', d: 1, values: null }], e: {} },
          },
        ],
      },
    },
    {
      rules: [
        {
          ...{ from: [noSource], to: [noOperation, noOperation], when: [{ key: 'k', values: [], notValues: [] }] },
          unknown: ['e', 'c', 'a', 'hosts', 'd'],
        },
      ],
    },
  ],
]);

describe('any JSON at all', () => {
  const words = [
    'metadata',
    'name',
    'namespace',
    'labels',
    'spec',
    'status',
    'ports',
    'endpoints',
    'rules',
    'from',
    'source',
    'selector',
    'mtls',
  ];
  const key = fc.oneof(fc.constantFrom(...words, 'matchLabels', 'conditions', 'containers', 'portLevelMtls', '__proto__'), fc.string());
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null)),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
    ),
  }));
  for (const [table, kind] of Object.entries(allKinds))
    test(`${table}: narrowing does not throw`, () => {
      fc.assert(
        fc.property(tree, tree, tree, (spec, status, rest) => {
          const object = { ...(typeof rest === 'object' ? rest : {}), spec, status };
          kind.narrow(object);
          expect(kind.narrow({ ...object, metadata: { ...metadata, labels: rest, annotations: spec } })?.meta.name).toBe('x');
        }),
        { numRuns: 300 },
      );
      expect(() => kind.narrow(undefined)).not.toThrow();
    });
});
