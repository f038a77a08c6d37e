// A waypoint's life: deployed by a Gateway, used by label, for services or workloads, from other namespaces, by weight; replaced and killed under load;
// and what is so when it is not there (facts: control-plane §5, §11.2).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RequestResult } from '../../lab/cluster/apps/request-protocol.ts';
import { eventually } from '../../lab/eventually.ts';
import { hasKubectl } from '../../lab/kubernetes/kubectl.ts';
import { consumer, documents, type Manifest, MeshStage, mesh, patience, waypoint } from './mesh-stage.ts';

/** Marks whatever goes through a waypoint. */
const marked = (name: string, service: string, value: string): Manifest => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name, namespace: mesh },
  spec: {
    parentRefs: [{ group: '', kind: 'Service', name: service, port: 80 }],
    rules: [
      {
        filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [{ name: 'x-waypoint', value }] } }],
        backendRefs: [{ name: service, port: 80 }],
      },
    ],
  },
});

const through = (result: RequestResult): boolean =>
  result.headers?.some(([name, value]) => name === 'server' && value === 'istio-envoy') ?? false;

describe.skipIf(!hasKubectl())('the life of a waypoint', () => {
  let stage: MeshStage;
  beforeAll(async () => {
    stage = await MeshStage.start({ withWaypoint: false });
  }, 120_000);
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  }, 60_000);

  const url = `http://echo-v1.${mesh}/`;
  const goesThrough = async (want: boolean, order = { url }, from: 'V1' | 'V2' | 'CC' = 'V2'): Promise<void> => {
    let last: RequestResult = {};
    const as = async (): Promise<true | undefined> => {
      last = await stage.request(from, order);
      return last.status === 200 && through(last) === want ? true : undefined;
    };
    await eventually(as, { ...patience, what: `${order.url} ${want ? '' : 'not '}through a waypoint` }).catch((e: unknown) => {
      throw new Error(`${e instanceof Error ? e.message : String(e)}: ${JSON.stringify(last)}`);
    });
  };
  const gone = async (name: string): Promise<void> => {
    await stage.k(`delete gateway ${name} --ignore-not-found`);
    await stage.k(`wait pod -l gateway.networking.k8s.io/gateway-name=${name} --for=delete --timeout=40s`);
  };

  test('applying a policy for a service deploys nothing, and its status says that nothing enforces it', async () => {
    await using _policy = await stage.applied({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'alone', namespace: mesh },
      spec: { targetRefs: [{ kind: 'Service', group: '', name: 'echo-v1' }], rules: [{ to: [{ operation: { methods: ['GET'] } }] }] },
    });
    const said = (): Promise<string> =>
      stage.k('get authorizationpolicy alone -o jsonpath={.status.conditions[?(@.type=="WaypointAccepted")].reason}');
    await eventually(async () => ((await said()) === 'AncestorNotBound' ? true : undefined), { ...patience, what: 'the status' });
    expect(await stage.k('get pods -l gateway.istio.io/managed -o name')).toBe('');
  });

  test('a Gateway deploys one, a label uses it, taking the label away stops that, deleting it leaves nothing', async () => {
    await stage.deployWaypoint('w1', mesh);
    await goesThrough(false);
    await stage.k('label service echo-v1 istio.io/use-waypoint=w1');
    await goesThrough(true);
    expect(through(await stage.request('V2', { url: `http://echo-v2.${mesh}/` }))).toBe(false);
    await stage.k('label service echo-v1 istio.io/use-waypoint-');
    await goesThrough(false);
    await gone('w1');
    for (const kind of ['deployment', 'service', 'serviceaccount'])
      await eventually(async () => ((await stage.k(`get ${kind} w1 --ignore-not-found -o name`)) === '' ? true : undefined), {
        ...patience,
        what: `${kind} to go`,
      });
  });

  test('a pod can opt its service out of the namespace’s waypoint', async () => {
    await stage.deployWaypoint('w2', mesh);
    await stage.lab.kubectl.ok(`label namespace ${mesh} istio.io/use-waypoint=w2`);
    await goesThrough(true);
    await stage.k('label service echo-v1 istio.io/use-waypoint=none');
    await goesThrough(false);
    await goesThrough(true, { url: `http://echo-v2.${mesh}/` });
    await stage.k('label service echo-v1 istio.io/use-waypoint-');
    await stage.lab.kubectl.ok(`label namespace ${mesh} istio.io/use-waypoint-`);
    await goesThrough(false);
    await gone('w2');
  });

  test('for workloads: their own addresses go through it, the service does not', async () => {
    await stage.deployWaypoint('w3', mesh, { 'istio.io/waypoint-for': 'workload' });
    const { ip, name } = stage.pod('V1');
    await stage.k(`label pod ${name} istio.io/use-waypoint=w3`);
    await goesThrough(true, { url: `http://${ip}:8080/` });
    await goesThrough(true, { url: `http://${ip}:8080/` }, 'CC');
    await goesThrough(false);
    await stage.k(`label pod ${name} istio.io/use-waypoint-`);
    await goesThrough(false, { url: `http://${ip}:8080/` });
    await gone('w3');
  });

  test('from another namespace, if that admits it', async () => {
    const listeners = [{ name: 'mesh', port: 15_008, protocol: 'HBONE', allowedRoutes: { namespaces: { from: 'All' } } }];
    const shared = { ...waypoint('shared', consumer), spec: { gatewayClassName: 'istio-waypoint', listeners } };
    await stage.lab.kubectl.ok('apply -f -', documents([shared, waypoint('closed', consumer)]));
    await stage.lab.kubectl.ok(`-n ${consumer} wait gateway/shared gateway/closed --for=condition=Programmed --timeout=60s`);
    await stage.k(`label service echo-v1 istio.io/use-waypoint=shared istio.io/use-waypoint-namespace=${consumer}`);
    await goesThrough(true);
    await goesThrough(true, { url }, 'CC');
    await stage.k('label --overwrite service echo-v1 istio.io/use-waypoint=closed');
    await goesThrough(false);
    const reason = (): Promise<string> =>
      stage.k('get service echo-v1 -o jsonpath={.status.conditions[?(@.type=="istio.io/WaypointBound")].reason}');
    await eventually(async () => ((await reason()) === 'AttachmentDenied' ? true : undefined), { ...patience, what: 'the status' });
    await stage.k('label service echo-v1 istio.io/use-waypoint- istio.io/use-waypoint-namespace-');
    await stage.lab.kubectl.ok(`-n ${consumer} delete gateway shared closed`);
  });

  test('a canary waypoint takes its share, and a missing one costs nothing', async () => {
    await stage.deployWaypoint('primary', mesh);
    await stage.deployWaypoint('canary', mesh);
    await using _policy = await stage.applied({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'mark-canary', namespace: mesh },
      spec: {
        targetRefs: [{ kind: 'Gateway', group: 'gateway.networking.k8s.io', name: 'canary' }],
        action: 'DENY',
        rules: [{}],
      },
    });
    await stage.k('label service echo-v1 istio.io/use-waypoint=primary istio.io/use-waypoint-canary=canary');
    const shareOfCanary = async (): Promise<number> => {
      const [results = []] = await stage.requests('V2', [{ url, count: 60, parallel: 6 }]);
      return results.filter(({ status }) => status === 403).length / results.length;
    };
    for (const [weight, low, high] of [
      [100, 1, 1],
      [50, 0.3, 0.7],
      [0, 0, 0],
    ] as const) {
      await stage.k(`annotate --overwrite service echo-v1 istio.io/use-waypoint-canary-weight=${weight}`);
      let share = -1;
      const within = async (): Promise<true | undefined> => {
        share = await shareOfCanary();
        return share >= low && share <= high ? true : undefined;
      };
      await eventually(within, { ...patience, what: `the share of weight ${weight}` }).catch(() => expect(share).toBe(weight / 100));
    }
    await stage.k('label --overwrite service echo-v1 istio.io/use-waypoint-canary=missing');
    await stage.k('annotate --overwrite service echo-v1 istio.io/use-waypoint-canary-weight=100');
    await goesThrough(true);
    await stage.k('label service echo-v1 istio.io/use-waypoint- istio.io/use-waypoint-canary-');
    await stage.k('annotate service echo-v1 istio.io/use-waypoint-canary-weight-');
    await gone('primary');
    await gone('canary');
  });

  test('a rolling restart and a change of routes under load fail no request; a killed replica only those in flight on it', async () => {
    await stage.deployWaypoint('busy', mesh);
    await stage.k('scale deployment busy --replicas=2');
    await stage.k('rollout status deployment/busy --timeout=60s');
    await stage.k('label service echo-v1 istio.io/use-waypoint=busy');
    await goesThrough(true);
    const load = (seconds: number): Promise<readonly (readonly RequestResult[])[]> =>
      stage.requests('V2', [{ url, count: seconds * 100, parallel: 4, keepAlive: true, timeoutMs: 10_000 }]);
    const failures = (results: readonly (readonly RequestResult[])[]): readonly RequestResult[] =>
      (results[0] ?? []).filter(({ status }) => status !== 200);

    const during = load(8);
    await stage.k('rollout restart deployment/busy');
    await stage.k('rollout status deployment/busy --timeout=60s');
    for (let turn = 0; turn < 5; turn++) {
      await using _route = await stage.applied(marked('churn', 'echo-v1', `turn-${turn}`));
    }
    expect(failures(await during)).toEqual([]);

    const [pod = ''] = (
      await stage.k('get pods -l gateway.networking.k8s.io/gateway-name=busy -o jsonpath={.items[*].metadata.name}')
    ).split(' ');
    const meanwhile = load(6);
    await stage.k(`delete pod ${pod} --grace-period=0 --force`);
    const failed = failures(await meanwhile);
    expect(failed.length, JSON.stringify(failed.slice(0, 3))).toBeLessThanOrEqual(8);
    await stage.k('label service echo-v1 istio.io/use-waypoint-');
    await gone('busy');
  }, 120_000);
});
