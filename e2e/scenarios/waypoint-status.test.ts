// istiod-lite, routes and waypoints' clients on an API server: what is applied is told at once, and the route's status says what became of it.
// Runs on the lab's API server, and on a real one when KUBEBUILDER_ASSETS names it. What a waypoint does with it is scenarios/waypoint/.
import type { L7Resource } from '@ambient-mesh/model/l7/resource';
import { systemClock } from '@ambient-mesh/runtime/time';
import type { GrpcTarget } from '@ambient-mesh/wire/grpc/target';
import { XdsClient } from '@ambient-mesh/wire/xds/client';
import { waypointTypes } from '@ambient-mesh/wire/xds/subscription';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { becomes } from '../lab/istiod.ts';
import { apis } from '../lab/kubernetes/each-api.ts';
import { MeshApi, type PodWish } from '../lab/mesh-api.ts';

const waypoint: PodWish = { name: 'waypoint-1', serviceAccount: 'waypoint', ip: '10.0.9.1', captured: false };
const controllerName = 'istio.io/gateway-controller';

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
};
const route = (name: string, more: object = {}, backend = 'web') => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name, namespace: 'default' },
  spec: {
    parentRefs: [{ group: '', kind: 'Service', name: 'web', port: 80, ...more }],
    rules: [{ backendRefs: [{ name: backend, port: 80 }] }],
  },
});

interface Parent {
  readonly controllerName: string;
  readonly parentRef: { readonly name: string };
  readonly conditions: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly lastTransitionTime: string;
  }[];
}

/** What a waypoint is told. */
class Told implements AsyncDisposable {
  readonly resources: Map<string, L7Resource> = new Map();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(target: GrpcTarget) {
    const metadata = { NAMESPACE: 'default', SERVICE_ACCOUNT: 'waypoint', NODE_NAME: 'a', CLUSTER_ID: 'Kubernetes' };
    const node = { id: 'waypoint~10.0.9.1~waypoint-1.default~default.svc.cluster.local', metadata };
    const client = new XdsClient(
      { target, node, onDemand: false, types: waypointTypes },
      {
        apply: ({ l7 }) => {
          for (const { name, resource } of l7?.changed ?? []) this.resources.set(name, resource);
          for (const name of l7?.removed ?? []) this.resources.delete(name);
          return undefined;
        },
        clock: systemClock,
        synced: () => {},
        report: { connected: () => {}, rejected: () => {}, received: () => {}, ended: () => {} },
      },
    );
    this.#running = client.run(this.#stop.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

describe.each(apis)('on %s', (_, startApi) => {
  let mesh: MeshApi;
  let told: Told | undefined;

  beforeAll(async () => {
    mesh = await MeshApi.start(startApi);
    const istiod = await mesh.istiod();
    await mesh.pod(waypoint);
    told = new Told(await mesh.target(istiod, waypoint));
    await mesh.put(service);
  }, 60_000);
  afterAll(async () => {
    await told?.[Symbol.asyncDispose]();
    await mesh[Symbol.asyncDispose]();
  });

  const parents = async (name: string): Promise<readonly Parent[]> =>
    ((await mesh.get(route(name))) as { status?: { parents?: readonly Parent[] } }).status?.parents ?? [];
  /** `Accepted True Accepted` of our entry, once it says so. */
  const says = (name: string, words: string): Promise<Parent> =>
    becomes(`${name} that says ${words}`, async () =>
      (await parents(name)).find(
        (parent) =>
          parent.controllerName === controllerName &&
          parent.conditions.some(({ type, status, reason }) => `${type} ${status} ${reason}` === words),
      ),
    );

  test('a route is told to waypoints and says that it was accepted; when it goes, they hear of that too', async () => {
    await mesh.put(route('plain'));
    const resource = await becomes('the route at the waypoint', () => told?.resources.get('route/HTTPRoute/default/plain'));
    expect(resource).toMatchObject({ is: 'route', route: { parents: [{ service: 'default/web.default.svc.cluster.local', port: 80 }] } });
    await says('plain', 'Accepted True Accepted');
    expect((await says('plain', 'ResolvedRefs True ResolvedRefs')).parentRef).toMatchObject({ kind: 'Service', name: 'web' });
    await mesh.remove(route('plain'));
    await becomes('no such route', () => (told?.resources.has('route/HTTPRoute/default/plain') === false ? true : undefined));
  });

  test('a backend that is not there is named, and a time of transition is one', async () => {
    await mesh.put(route('broken', {}, 'none'));
    const before = await says('broken', 'ResolvedRefs False BackendNotFound');
    await mesh.put(route('broken', {}, 'web'));
    const after = await says('broken', 'ResolvedRefs True ResolvedRefs');
    const time = (parent: Parent) => parent.conditions.find(({ type }) => type === 'Accepted')?.lastTransitionTime;
    expect(time(after)).toBe(time(before));
    await mesh.remove(route('broken'));
  });

  test("other controllers' entries stay", async () => {
    const entry = {
      parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' },
      controllerName: 'example.com/edge',
      conditions: [{ type: 'Accepted', status: 'True', reason: 'Accepted', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }],
    };
    await mesh.put({ ...route('shared'), status: { parents: [entry] } });
    await says('shared', 'Accepted True Accepted');
    expect((await parents('shared')).map((parent) => parent.controllerName)).toEqual(['example.com/edge', controllerName]);
    await mesh.put(route('shared', { port: 81 }));
    await says('shared', 'Accepted False NoMatchingParent');
    expect((await parents('shared')).map((parent) => parent.controllerName)).toEqual(['example.com/edge', controllerName]);
    await mesh.remove(route('shared'));
  });

  const conditionOf = (object: Parameters<MeshApi['get']>[0], type: string): Promise<{ status: string; reason: string }> =>
    becomes(`the condition ${type}`, async () => {
      const { status } = (await mesh.get(object)) as { status?: { conditions?: { type: string; status: string; reason: string }[] } };
      return status?.conditions?.find((each) => each.type === type);
    });

  test('a policy for waypoints says that nothing enforces it yet', async () => {
    const policy = {
      apiVersion: 'security.istio.io/v1',
      kind: 'RequestAuthentication',
      metadata: { name: 'tokens', namespace: 'default' },
      spec: { targetRefs: [{ group: '', kind: 'Service', name: 'web' }], jwtRules: [{ issuer: 'me', jwks: '{"keys":[]}' }] },
    };
    await mesh.put(policy);
    expect(await conditionOf(policy, 'WaypointAccepted')).toMatchObject({ status: 'False', reason: 'AncestorNotBound' });
    await becomes('the policy at the waypoint', () => told?.resources.get('authentication/default/tokens'));
    await mesh.remove(policy);
  });

  test('a service that requires its waypoint says that everything is refused until there is one', async () => {
    const annotations = { 'ambient-mesh.dev/require-waypoint': 'true' };
    const labels = { 'istio.io/use-waypoint': 'none-such' };
    const locked = { ...service, metadata: { name: 'locked', namespace: 'default', annotations, labels } };
    await mesh.put(locked);
    expect(await conditionOf(locked, 'ambient-mesh.dev/WaypointRequired')).toMatchObject({ status: 'False', reason: 'WaypointIsNotReady' });
    expect(await conditionOf(locked, 'istio.io/WaypointBound')).toMatchObject({ status: 'False', reason: 'WaypointIsNotReady' });
    await mesh.remove(locked);
  });
});
