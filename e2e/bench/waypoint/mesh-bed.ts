// Where waypoints are measured: the whole mesh on two nodes of the lab, a client on one, the server and the waypoint on the other,
// and the ways between them: through the waypoint, past it, and through other proxies in its place. What is sent is the benches' business.
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { Netns } from '@ambient-mesh/host/netns';
import { ApiClient } from '../../lab/kubernetes/api-client.ts';
import { MeshLab } from '../../lab/mesh-lab.ts';
import type { Side } from '../figures.ts';
import { isInstalled } from '../installed.ts';
import { type Start, startIn } from '../load/start.ts';
import type { Metered, Way } from '../way.ts';
import { benchObjects, gateway, leftovers, namespace, presentHops, type ServiceName, waypointObjects } from './manifests.ts';
import type { Hop } from './programs.ts';

/** A Service that the client calls. */
export interface MeshPath extends Way {
  readonly host: string;
}

const sides: Readonly<Record<ServiceName, Side>> = {
  served: 'ours',
  plain: 'no waypoint',
  haproxy: 'HAProxy hop',
  nginx: 'nginx hop',
  nghttpx: 'nghttpx hop',
};

const waypointLabel = `gateway.networking.k8s.io/gateway-name=${gateway}`;

const documents = (objects: readonly object[]): string => objects.map((each) => JSON.stringify(each)).join('\n');

export class MeshBed implements AsyncDisposable {
  /** As the administrator, without kubectl's start. */
  readonly api: ApiClient;
  /** Starts a program in the client's pod. */
  readonly client: Start;
  readonly waypoint: Metered;
  readonly #paths: ReadonlyMap<ServiceName, MeshPath>;
  readonly #owned: AsyncDisposableStack;

  private constructor(
    parts: Pick<MeshBed, 'api' | 'client' | 'waypoint'>,
    paths: ReadonlyMap<ServiceName, MeshPath>,
    owned: AsyncDisposableStack,
  ) {
    this.api = parts.api;
    this.client = parts.client;
    this.waypoint = parts.waypoint;
    this.#paths = paths;
    this.#owned = owned;
  }

  /** @param profile folder for a CPU profile of the waypoint, written when it goes */
  static async start(profile?: string): Promise<MeshBed> {
    await using parts = new AsyncDisposableStack();
    const mesh = parts.use(await MeshLab.start());
    const { kubectl, cluster } = mesh;
    // Changes are passed on at once.
    await kubectl.ok('-n istio-system set env deployment/istiod PILOT_DEBOUNCE_AFTER=0s');
    await kubectl.ok('-n istio-system rollout status deployment/istiod --timeout=30s');
    const hops = presentHops(isInstalled);
    await kubectl.ok('apply -f -', documents(benchObjects(hops, process.execPath)));
    const profiled = { TERMINATION_DRAIN_DURATION: '2s', NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${leftovers}` };
    const env = { LOG_LEVEL: 'warn', ...(profile !== undefined && profiled) };
    await kubectl.ok('apply -f -', documents(waypointObjects(env)));
    await kubectl.ok(`-n ${namespace} wait pod --all --for=condition=Ready --timeout=30s`);
    await kubectl.ok(`-n ${namespace} wait gateway/${gateway} --for=condition=Programmed --timeout=30s`);
    await kubectl.ok(`-n ${namespace} wait service/served --for=condition=istio.io/WaypointBound --timeout=20s`);
    const pids = new PodPids(mesh);
    const waypoint: Metered = { role: 'proxy', child: await pids.proxy(waypointLabel) };
    const server = (await pids.proxy('app=server')).pid;
    if (profile !== undefined) {
      parts.defer(async () => {
        await endWaypoint(mesh);
        cpSync(`/proc/${server}/root${leftovers}`, profile, { recursive: true });
      });
    }
    const path = async (name: ServiceName, proxies: readonly Metered[]): Promise<[ServiceName, MeshPath]> => {
      const host = await kubectl.ok(`-n ${namespace} get service ${name} -o jsonpath={.spec.clusterIP}`);
      return [name, { side: sides[name], proxies, host }];
    };
    const viaHop = async (hop: Hop) => path(hop, [{ role: 'proxy', child: await pids.proxy(`app=${hop}`) }]);
    const paths = new Map([await path('served', [waypoint]), await path('plain', []), ...(await Promise.all(hops.map(viaHop)))]);
    const netns = parts.use(Netns.open(`/proc/${(await pids.proxy('app=client')).pid}/ns/net`));
    const api = parts.use(new ApiClient(cluster.api));
    return new MeshBed({ api, client: startIn({ netns }), waypoint }, paths, parts.move());
  }

  /** Those that are there, in this order. */
  paths(...names: readonly ServiceName[]): readonly MeshPath[] {
    return names.flatMap((name) => this.#paths.get(name) ?? []);
  }

  /** Through the waypoint. */
  get served(): MeshPath {
    const [served] = this.paths('served');
    if (served === undefined) throw new Error('no way through the waypoint');
    return served;
  }

  /** Every way is there at any time. */
  switchTo(): Promise<void> {
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/** Gracefully: the profile is written at its end. */
async function endWaypoint({ kubectl }: MeshLab): Promise<void> {
  await kubectl.ok(`-n ${namespace} delete gateway ${gateway}`);
  await kubectl.ok(`-n ${namespace} wait --for=delete pod -l ${waypointLabel} --timeout=25s`);
}

/** Processes of pods, as this machine numbers them: a pod's control group says. */
class PodPids {
  readonly #mesh: MeshLab;

  constructor(mesh: MeshLab) {
    this.#mesh = mesh;
  }

  /** The first process of the one pod with that label. */
  async proxy(label: string): Promise<Metered['child']> {
    const { kubectl, cluster } = this.#mesh;
    const uid = await kubectl.ok(`-n ${namespace} get pod -l ${label} -o jsonpath={.items[0].metadata.uid}`);
    const folder = `${cluster.controlGroups}/kubepods/burstable/pod${uid}`;
    const [pid] = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => readFileSync(`${folder}/${name}/cgroup.procs`, 'utf8').trim().split('\n'));
    if (!(Number(pid) > 0)) throw new Error(`no process of the pod with ${label}`);
    return { pid: Number(pid), output: `see the log of the pod with ${label}` };
  }
}
