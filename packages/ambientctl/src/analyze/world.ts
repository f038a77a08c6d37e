// The world that analyzers look at: all objects by table, and what the control plane's own rules make of them: conditions, problems, what nobody enforces.
// Made from a manifest for one analysis. Pure: objects in, answers out; what is good or bad is for the analyzers.
import { objectOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import type { Unenforced } from '@ambient-mesh/translate/authorization-policy';
import { defaultSettings, type Table, tables } from '@ambient-mesh/translate/explain/mesh-of';
import { allKinds, type Inputs } from '@ambient-mesh/translate/kinds/all';
import type { Condition } from '@ambient-mesh/translate/kinds/meta';
import type { Pod } from '@ambient-mesh/translate/kinds/pod';
import type { RouteParentStatus } from '@ambient-mesh/translate/kinds/route-parts';
import { MeshIndex } from '@ambient-mesh/translate/mesh-index';
import type { TranslateSettings } from '@ambient-mesh/translate/settings';
import type { Subject } from './finding.ts';
import { groupOf, type Manifest } from './manifest.ts';
import { type NetworkPolicy, networkPolicyKind, type Sidecar, sidecarKind } from './other-kinds.ts';

export type Objects = { readonly [K in Table]: ReadonlyMap<string, Inputs[K]> };

export interface World {
  /** By `namespace/name`, or `name`. */
  readonly objects: Objects;
  readonly networkPolicies: readonly NetworkPolicy[];
  readonly sidecars: readonly Sidecar[];
  /** Pods by namespace: clusters have many, and most questions are about those of one. */
  readonly podsIn: ReadonlyMap<string, readonly Pod[]>;
  /** Keys of pods whose traffic a sidecar owns: policies with selectors and VirtualServices are carried out there. */
  readonly injected: ReadonlySet<string>;
  /** Everything, as it was written. */
  readonly written: readonly Written[];
  /** Kinds of what makes pods that no cluster has yet, by the pod's key. */
  readonly makers: ReadonlyMap<string, string>;
  readonly judged: Judged;
  readonly settings: TranslateSettings;
  /** It is that of a cluster: statuses and readiness mean something. */
  readonly isLive: boolean;
}

export interface Written {
  readonly subject: Subject;
  readonly raw: RawObject;
}

/** What the control plane would say, worked out here: a cluster without one is told the same. Keys as `namespace/name`. */
export interface Judged {
  readonly conditions: readonly { readonly table: Table; readonly key: string; readonly conditions: readonly Condition[] }[];
  readonly routes: readonly { readonly table: Table; readonly key: string; readonly parents: readonly RouteParentStatus[] }[];
  readonly problems: readonly { readonly table: Table; readonly key: string; readonly problem: string }[];
  readonly unenforced: ReadonlyMap<string, Unenforced>;
}

export interface WorldOptions {
  readonly isLive: boolean;
  /** Where the mesh's own parts and mesh-wide policies are. Default `istio-system`. */
  readonly systemNamespace?: string;
}

export function worldOf(manifest: Manifest, { isLive, systemNamespace = defaultSettings.systemNamespace }: WorldOptions): World {
  const settings = { ...defaultSettings, systemNamespace, rootNamespace: systemNamespace };
  const written = [...manifest.values()].map((raw): Written => ({ subject: subjectOf(raw), raw }));
  const objects = objectsOf(manifest);
  const ofKind = <T>({ kind, group, narrow }: typeof networkPolicyKind | typeof sidecarKind): readonly T[] =>
    written.filter(({ raw }) => raw.kind === kind && groupOf(raw) === group).flatMap(({ raw }) => (narrow(raw) as T | undefined) ?? []);
  return {
    objects,
    networkPolicies: ofKind<NetworkPolicy>(networkPolicyKind),
    sidecars: ofKind<Sidecar>(sidecarKind),
    written,
    injected: injectedIn(written),
    podsIn: Map.groupBy(objects.pods.values(), ({ meta }) => meta.namespace),
    makers: new Map(written.flatMap(({ subject, raw }) => (typeof raw.madeBy === 'string' ? [[keyOf(subject), raw.madeBy]] : []))),
    judged: judgedOf(objects, settings),
    settings,
    isLive,
  };
}

function subjectOf(raw: RawObject): Subject {
  const { namespace, name } = objectOf(raw.metadata);
  return { kind: textOf(raw.kind), namespace: textOf(namespace), name: textOf(name) };
}

export const subjectAt = (table: Table, key: string): Subject => {
  const slash = key.indexOf('/');
  return { kind: allKinds[table].kind, namespace: slash < 0 ? '' : key.slice(0, slash), name: key.slice(slash + 1) };
};

function objectsOf(manifest: Manifest): Objects {
  const byKind = new Map<string, RawObject[]>();
  for (const raw of manifest.values()) {
    const kind = `${groupOf(raw)}/${textOf(raw.kind)}`;
    const known = byKind.get(kind);
    if (known === undefined) byKind.set(kind, [raw]);
    else known.push(raw);
  }
  const objects: Filling = {};
  for (const table of tables) narrowInto(objects, table, byKind.get(`${allKinds[table].group}/${allKinds[table].kind}`) ?? []);
  return objects as Objects;
}

const injectedIn = (written: readonly Written[]): ReadonlySet<string> =>
  new Set(
    written
      .filter(({ raw }) => raw.kind === 'Pod' && Object.hasOwn(annotationsOf(raw), 'sidecar.istio.io/status'))
      .map(({ subject }) => keyOf(subject)),
  );

type Filling = Partial<Objects>;

function narrowInto<K extends Table>(objects: Filling, table: K, all: readonly RawObject[]): void {
  const found = new Map<string, Inputs[K]>();
  for (const raw of all) {
    // One of the kinds of this very table: the compiler cannot follow a key through a record of kinds.
    const object = allKinds[table].narrow(raw) as Inputs[K] | undefined;
    if (object !== undefined) found.set(keyOf(object.meta), object);
  }
  Object.assign(objects, { [table]: found });
}

export const keyOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  namespace === '' ? name : `${namespace}/${name}`;

/** Of names that the index gives to what waypoints are told. */
const tableOfPrefix: Readonly<Record<string, Table>> = {
  'route/VirtualService': 'virtualServices',
  destination: 'destinationRules',
  authorization: 'authorizationPolicies',
  authentication: 'requestAuthentications',
  'rate-limit': 'rateLimits',
  wasm: 'wasmPlugins',
  telemetry: 'telemetries',
};

function judgedOf(objects: Objects, settings: TranslateSettings): Judged {
  const index = new MeshIndex(settings);
  for (const table of tables) for (const [key, object] of objects[table]) setIn(index, table, key, object);
  const conditions: Judged['conditions'][number][] = [];
  const routes: Judged['routes'][number][] = [];
  const problems: Judged['problems'][number][] = [];
  const unenforced = new Map<string, Unenforced>();
  index.settle({
    workload: () => {},
    service: () => {},
    policy: () => {},
    l7: () => {},
    status: ({ table, key }, said) => void (said === undefined || conditions.push({ table, key, conditions: said })),
    routeStatus: ({ table, key }, parents) => void (parents === undefined || routes.push({ table, key, parents })),
    problems: (name, said = []) => {
      const [, prefix = '', key = ''] = /^(.*?)\/([^/]+\/[^/]+)$/.exec(name) ?? [];
      const table = tableOfPrefix[prefix];
      if (table !== undefined) for (const problem of said) problems.push({ table, key, problem });
    },
    unenforced: (policy, said) => void (said === undefined ? unenforced.delete(policy) : unenforced.set(policy, said)),
  });
  return { conditions, routes, problems, unenforced };
}

/** What ties table and object together. */
function setIn<K extends Table>(index: MeshIndex, table: K, key: string, object: Inputs[K]): void {
  index.set(table, key, object);
}

export const annotationsOf = ({ metadata }: RawObject): Readonly<Record<string, unknown>> => objectOf(objectOf(metadata).annotations);
export const labelsOf = ({ metadata }: RawObject): Readonly<Record<string, unknown>> => objectOf(objectOf(metadata).labels);
