// Waypoints as the way out of the mesh: ServiceEntries bound to one in another namespace, by address, by range, by name and by wildcard; TLS that the
// waypoint speaks for its clients; policies for what is outside (facts: control-plane §3.11, §11.2).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RequestOrder, RequestResult } from '../../lab/cluster/apps/request-protocol.ts';
import { eventually } from '../../lab/eventually.ts';
import { hasKubectl } from '../../lab/kubernetes/kubectl.ts';
import { consumer, documents, type Manifest, MeshStage, patience, waypoint } from './mesh-stage.ts';
import { OutsideHttp } from './outside-http.ts';

const http = { number: 80, name: 'http', protocol: 'HTTP', targetPort: 8080 };
const toTls = { number: 80, name: 'http', protocol: 'HTTP', targetPort: 8443 };
const tls = { number: 443, name: 'tls', protocol: 'TLS', targetPort: 8443 };

const entry = (spec: object, more: Partial<Manifest['metadata']> = {}): Manifest => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { name: 'outside', labels: { 'istio.io/use-waypoint': 'egress', 'istio.io/use-waypoint-namespace': consumer }, ...more },
  spec: { hosts: ['outside.test'], location: 'MESH_EXTERNAL', ports: [http], ...spec },
});
const origination = (host: string, trafficPolicy: object): Manifest => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name: 'outside' },
  spec: { host, trafficPolicy },
});
const simple = { mode: 'SIMPLE', insecureSkipVerify: true };

/** What tests look at of an answer. */
const seen = ({ status, seen: request, error }: RequestResult) => ({
  status,
  by: request?.version,
  l7: request?.headers.some(([name]) => name === 'x-request-id'),
  ...(error !== undefined && { error }),
});
const throughWaypoint = { status: 200, by: 'outside', l7: true };

describe.skipIf(!hasKubectl())('a waypoint for what is outside (needs kubectl)', () => {
  let stage: MeshStage;
  let outside: OutsideHttp;
  beforeAll(async () => {
    stage = await MeshStage.start({ withWaypoint: false });
    outside = OutsideHttp.start(stage.lab.lab.underlay);
    const listeners = [{ name: 'mesh', port: 15_008, protocol: 'HBONE', allowedRoutes: { namespaces: { from: 'All' } } }];
    const egress = { ...waypoint('egress', consumer), spec: { gatewayClassName: 'istio-waypoint', listeners } };
    await stage.lab.kubectl.ok('apply -f -', documents([egress]));
    await stage.lab.kubectl.ok(`-n ${consumer} wait gateway/egress --for=condition=Programmed --timeout=60s`);
  }, 120_000);
  afterAll(async () => {
    await outside?.[Symbol.asyncDispose]();
    await stage?.[Symbol.asyncDispose]();
  }, 60_000);

  const comes = async (want: object, order: RequestOrder, read: (result: RequestResult) => object = seen): Promise<void> => {
    let last: RequestResult = {};
    const once = async (): Promise<true | undefined> => {
      last = await stage.request('V1', { timeoutMs: 2_000, ...order });
      return JSON.stringify(read(last)) === JSON.stringify(want) ? true : undefined;
    };
    await eventually(once, { ...patience, what: order.url }).catch(() => expect([read(last), last]).toEqual([want, last]));
  };
  const said = (jsonpath: string): Promise<string> => stage.k(`get serviceentry outside -o jsonpath=${jsonpath}`);
  const says = async (jsonpath: string, want: string | RegExp): Promise<string> => {
    let last = '';
    const as = async (): Promise<string | undefined> => {
      last = await said(jsonpath);
      return (typeof want === 'string' ? last === want : want.test(last)) ? last : undefined;
    };
    return eventually(as, { ...patience, what: jsonpath }).catch(() => expect.fail(`${jsonpath} is ${last}`));
  };

  test('without an entry the outside is reached as it is', () =>
    comes({ ...throughWaypoint, l7: false }, { url: `http://${outside.v4}:8080/` }));

  test('an entry with the address, and one with its range, make requests of connections', async () => {
    for (const addresses of [[outside.v4], ['172.172.77.0/24']]) {
      await using _entry = await stage.applied(entry({ addresses, resolution: 'NONE', ports: [{ ...http, number: 8080 }] }));
      await comes(throughWaypoint, { url: `http://${outside.v4}:8080/` });
    }
    await comes({ ...throughWaypoint, l7: false }, { url: `http://${outside.v4}:8080/` });
  });

  test('an entry with a name, and where it is, works by its name', async () => {
    await using _entry = await stage.applied(entry({ resolution: 'STATIC', endpoints: [{ address: outside.v4 }] }));
    await comes(throughWaypoint, { url: 'http://outside.test/' });
    await says('{.status.conditions[?(@.type=="istio.io/WaypointBound")].status}', 'True');
  });

  test('routes attach to it', async () => {
    await using _objects = await stage.applied(entry({ resolution: 'STATIC', endpoints: [{ address: outside.v4 }] }), {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'outside' },
      spec: {
        parentRefs: [{ group: 'networking.istio.io', kind: 'ServiceEntry', name: 'outside' }],
        rules: [
          {
            matches: [{ path: { value: '/only' } }],
            backendRefs: [{ group: 'networking.istio.io', kind: 'Hostname', name: 'outside.test', port: 80 }],
          },
        ],
      },
    });
    await comes({ status: 404, by: undefined, l7: undefined }, { url: 'http://outside.test/' });
    await comes(throughWaypoint, { url: 'http://outside.test/only' });
  });

  test('a policy for it: 403 for the one, passage for the other', async () => {
    await using _objects = await stage.applied(entry({ resolution: 'STATIC', endpoints: [{ address: outside.v4 }] }), {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'outside' },
      spec: {
        targetRefs: [{ group: 'networking.istio.io', kind: 'ServiceEntry', name: 'outside' }],
        action: 'ALLOW',
        rules: [{ to: [{ operation: { paths: ['/allowed'] } }] }],
      },
    });
    await comes({ status: 403, by: undefined, l7: undefined }, { url: 'http://outside.test/denied' });
    await comes(throughWaypoint, { url: 'http://outside.test/allowed' });
  });

  describe('TLS in the client’s stead', () => {
    const rows: readonly (readonly [name: string, trafficPolicy: object])[] = [
      ['for all ports', { tls: simple }],
      ['for one port', { portLevelSettings: [{ port: { number: 80 }, tls: simple }] }],
      ['with a server name', { tls: { ...simple, sni: 'other.test' } }],
    ];
    test.each(rows)('%s', async (_, trafficPolicy) => {
      await using _objects = await stage.applied(
        entry({ resolution: 'STATIC', ports: [toTls], endpoints: [{ address: outside.v4 }] }),
        origination('outside.test', trafficPolicy),
      );
      await comes(throughWaypoint, { url: 'http://outside.test/' });
    });

    test('a server that cannot prove its name gets nothing', async () => {
      await using _objects = await stage.applied(
        entry({ resolution: 'STATIC', ports: [toTls], endpoints: [{ address: outside.v4 }] }),
        origination('outside.test', { tls: { mode: 'SIMPLE' } }),
      );
      await comes({ status: 503, by: undefined, l7: undefined }, { url: 'http://outside.test/' });
    });
  });

  describe('a family of hosts, resolved as they are asked for', () => {
    const family = (ports: readonly object[]): Manifest =>
      entry({ hosts: ['*.beyond.svc.cluster.local'], resolution: 'DYNAMIC_DNS', ports });
    const www = 'www.beyond.svc.cluster.local';
    /** The cluster's DNS asks nobody else: the outside gets a name in it. */
    const name: readonly Manifest[] = [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'beyond' } },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'www', namespace: 'beyond' },
        spec: { clusterIP: 'None', ports: [{ port: 80 }] },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'www', namespace: 'beyond', labels: { 'kubernetes.io/service-name': 'www' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['172.172.77.8'], conditions: { ready: true } }],
        ports: [{ port: 80 }],
      },
    ];
    beforeAll(() => stage.lab.kubectl.ok('apply -f -', documents(name)));
    afterAll(() => stage.lab.kubectl.ok('delete namespace beyond'));

    const vip = async (): Promise<string> =>
      (await says('{.status.addresses[*].value}', /\d+\.\d+/)).split(' ').find((each) => !each.includes(':')) ?? '';

    test('the host that a request names is asked; others are 404', async () => {
      await using _entry = await stage.applied(family([http]));
      const url = `http://${await vip()}/`;
      await comes(throughWaypoint, { url, headers: [['host', www]] });
      for (const host of ['www.elsewhere.test', 'beyond.svc.cluster.local', '172.172.77.8'])
        await comes({ status: 404, by: undefined, l7: undefined }, { url, headers: [['host', host]] });
      await comes({ status: 503, by: undefined, l7: undefined }, { url: 'http://nobody.beyond.svc.cluster.local/' });
    });

    test('so is the server name of TLS that passes through', async () => {
      await using _entry = await stage.applied(family([tls]));
      const url = `tls://${await vip()}:443`;
      const body = ({ body: text = '' }: RequestResult): object => ({ ok: text.startsWith('HTTP/1.1 200') });
      await comes({ ok: true }, { url, sni: www }, body);
      await comes({ ok: false }, { url, sni: 'www.elsewhere.test' }, body);
    });

    test('TLS in the client’s stead', async () => {
      await using _objects = await stage.applied(family([toTls]), origination('*.beyond.svc.cluster.local', { tls: simple }));
      await comes(throughWaypoint, { url: `http://${await vip()}/`, headers: [['host', www]] });
    });
  });

  test('an entry that needs a waypoint and has none says so', async () => {
    const missing = '{.status.conditions[?(@.type=="istio.io/WaypointMissing")].reason}';
    for (const [spec, annotations, want] of [
      [{ hosts: ['*.outside.test'], resolution: 'DYNAMIC_DNS' }, {}, 'NoWaypointForWildcardService'],
      [{ resolution: 'DNS' }, { 'istio.io/connect-strategy': 'RACE_FIRST_TCP_CONNECT' }, 'NoWaypointForRacingConnectStrategy'],
    ] as const) {
      await using _entry = await stage.applied(entry(spec, { annotations, labels: {} }));
      await says(missing, want);
      await stage.k(`label serviceentry outside istio.io/use-waypoint=egress istio.io/use-waypoint-namespace=${consumer}`);
      await says(missing, '');
    }
  });
});
