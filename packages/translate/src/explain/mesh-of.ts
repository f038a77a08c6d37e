// The mesh that a set of Kubernetes objects makes, by the very rules of the control plane: what node tunnels and waypoints would be told.
// Used by `explain` (and whoever asks what would be), from a live cluster or from files. Pure: objects in, model out.
import type { L7Resource } from '@ambient-mesh/model/l7/resource';
import type { MeshSettings } from '@ambient-mesh/model/l7/settings';
import { Mesh } from '@ambient-mesh/model/mesh';
import type { Policy } from '@ambient-mesh/model/policy';
import type { Service } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import { allKinds, type Inputs } from '../kinds/all.ts';
import type { Condition } from '../kinds/meta.ts';
import type { Pod } from '../kinds/pod.ts';
import { MeshIndex } from '../mesh-index.ts';
import type { TranslateSettings } from '../settings.ts';

export type Table = keyof Inputs;

/** As the API server has them, by table; objects that cannot be read count as absent, as in the control plane. */
export type RawObjects = { readonly [K in Table]?: readonly unknown[] };

export interface KnownMesh {
  readonly mesh: Mesh;
  /** By resource name: routes, policies and settings of waypoints. */
  readonly l7: ReadonlyMap<string, L7Resource>;
  readonly settings: MeshSettings;
  /** Uids of workloads that take what comes in clear themselves (`ambient.istio.io/bypass-inbound-capture`). */
  readonly bypassing: ReadonlySet<string>;
  /** Services (`namespace/name`) that ask for a waypoint and have none, and why. */
  readonly unbound: ReadonlyMap<string, string>;
}

export const tables = Object.keys(allKinds) as readonly Table[];

export const defaultSettings: TranslateSettings = {
  clusterId: 'Kubernetes',
  clusterDomain: 'cluster.local',
  trustDomain: 'cluster.local',
  systemNamespace: 'istio-system',
  rootNamespace: 'istio-system',
  revision: '',
  servicesSelectEntries: true,
  entriesSelectPods: true,
  allowWaypoints: false,
  dryRun: false,
  allocateAddresses: true,
  meshDefaults: {
    trustDomainAliases: [],
    pathNormalization: 'BASE',
    providers: [],
    defaultProviders: { accessLogging: [], tracing: [], metrics: [] },
  },
};

export function meshOf(objects: RawObjects, settings: TranslateSettings = defaultSettings): KnownMesh {
  return meshOfNarrowed((table) => (objects[table] ?? []).flatMap((object) => narrowed(table, object) ?? []), settings);
}

/** `of`: the objects of a table, as the control plane keeps them. */
export function meshOfNarrowed(of: <K extends Table>(table: K) => Iterable<Inputs[K]>, settings: TranslateSettings): KnownMesh {
  const index = new MeshIndex(settings);
  for (const table of tables) fill(index, table, of(table));
  const workloads: Workload[] = [];
  const services: Service[] = [];
  const policies: Policy[] = [];
  const l7 = new Map<string, L7Resource>();
  const unbound = new Map<string, string>();
  const keep = <T>(all: T[], one: T | undefined): void => void (one === undefined || all.push(one));
  index.settle({
    workload: (_, workload) => keep(workloads, workload),
    service: (_, service) => keep(services, service),
    policy: (_, policy) => keep(policies, policy),
    l7: (name, resource) => void (resource === undefined ? l7.delete(name) : l7.set(name, resource)),
    status: ({ table, key }, conditions) => {
      const why = table === 'services' || table === 'serviceEntries' ? unboundBy(conditions) : undefined;
      if (why !== undefined) unbound.set(key, why);
    },
    routeStatus: () => {},
    problems: () => {},
    unenforced: () => {},
  });
  const mesh = new Mesh();
  mesh.apply({ workloads, services, policies, removedAddresses: [], removedPolicies: [] });
  const said = l7.get('mesh');
  const { rootNamespace, trustDomain, meshDefaults } = settings;
  return {
    mesh,
    l7,
    settings: said?.is === 'mesh' ? said.settings : { ...meshDefaults, rootNamespace, trustDomain },
    bypassing: new Set([...of('pods')].filter(isBypassing).map(({ meta }) => `${settings.clusterId}//Pod/${meta.namespace}/${meta.name}`)),
    unbound,
  };
}

// One of the kinds of this very table: the compiler cannot follow a key through a record of kinds.
const narrowed = <K extends Table>(table: K, object: unknown) => allKinds[table].narrow(object) as Inputs[K] | undefined;

function fill<K extends Table>(index: MeshIndex, table: K, objects: Iterable<Inputs[K]>): void {
  for (const object of objects) {
    const { namespace, name } = object.meta;
    index.set(table, namespace === '' ? name : `${namespace}/${name}`, object);
  }
}

const unboundBy = (conditions: readonly Condition[] | undefined): string | undefined =>
  conditions?.find(({ type, status }) => type === 'istio.io/WaypointBound' && status === 'False')?.message;

/** Words that Go's ParseBool takes for true. */
const truths: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);

const isBypassing = ({ meta }: Pod): boolean => truths.has(meta.annotations['ambient.istio.io/bypass-inbound-capture'] ?? '');
