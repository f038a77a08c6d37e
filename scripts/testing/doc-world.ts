// A cluster for the examples of the documentation: the shop of docs/examples, its waypoint in place, and one example at a time.
// Used by yaml-doc.test.ts. The translation is the control plane's own; what it objects to is what a reader would meet.
import type { Condition } from '@ambient-mesh/translate/kinds/meta';
import { parseAllDocuments } from 'yaml';
import { allKinds, type Inputs } from '../../packages/translate/src/kinds/all.ts';
import { MeshIndex } from '../../packages/translate/src/mesh-index.ts';
import { Outputs } from '../../packages/translate/src/testing/outputs.ts';
import { plainSettings } from '../../packages/translate/src/testing/services.ts';
import { readInHouse } from './doc-pages.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string; readonly namespace?: string };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

export const isManifest = (value: unknown): value is Manifest =>
  isRecord(value) && typeof value.apiVersion === 'string' && typeof value.kind === 'string' && isRecord(value.metadata);

/** @throws when a document is not YAML */
export const documentsIn = (text: string): readonly unknown[] =>
  parseAllDocuments(text, { uniqueKeys: true }).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return document.toJS() as unknown;
  });

const shop = documentsIn(readInHouse('docs/examples/shop.yaml')).filter(isManifest);

/** The Gateway of the pages, which in a cluster has pods after a moment. */
const waypoint: Manifest = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name: 'waypoint', namespace: 'shop' },
  ...{ spec: { gatewayClassName: 'istio-waypoint', listeners: [{ name: 'mesh', port: 15_008, protocol: 'HBONE' }] } },
};

/** What is wrong with the objects, as statuses and debug pages would say it, if they were applied to the shop. */
export function objectionsTo(objects: readonly Manifest[]): readonly string[] {
  const index = new MeshIndex(plainSettings);
  for (const each of [...shop, waypoint, ...objects].map(inUse)) put(index, each);
  const out = new Outputs();
  index.settle(out);
  return [
    ...[...out.troubles].flatMap(([name, all]) => all.map((each) => `${name}: ${each}`)),
    ...[...out.verdicts].map(([name, { reason, message }]) => `${name} is not enforced (${reason}): ${message}`),
    ...[...out.statuses].flatMap(([name, conditions]) => bad(name, conditions)),
    ...[...out.routes].flatMap(([name, parents]) => parents.flatMap(({ conditions }) => bad(name, conditions))),
  ];
}

/** Conditions that are bad news when they hold. */
const badNews: ReadonlySet<string> = new Set(['PartiallyInvalid', 'istio.io/WaypointMissing']);

const bad = (name: string, conditions: readonly Condition[]): readonly string[] =>
  conditions
    .filter(({ type, status }) => (status === 'True') === badNews.has(type))
    .map(({ type, reason, message }) => `${name}: ${type} is bad (${reason}): ${message}`);

/** The namespace uses its waypoint, every Gateway has an address, and every service one too: as a cluster would have it. */
function inUse(object: Manifest): unknown {
  const { kind, metadata } = object;
  const labels = isRecord(metadata.labels) ? metadata.labels : {};
  if (kind === 'Namespace' && metadata.name === 'shop')
    return { ...object, metadata: { ...metadata, labels: { ...labels, 'istio.io/use-waypoint': 'waypoint' } } };
  if (kind === 'Gateway') return { ...object, status: { addresses: [{ type: 'IPAddress', value: '10.96.0.9' }] } };
  if (kind !== 'Service') return object;
  const spec = 'spec' in object && isRecord(object.spec) ? object.spec : {};
  return { ...object, spec: { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'], type: 'ClusterIP', ...spec } };
}

function put(index: MeshIndex, object: unknown): void {
  if (!isManifest(object)) return;
  for (const table of Object.keys(allKinds) as (keyof Inputs)[]) {
    const kind = allKinds[table];
    if (kind.kind !== object.kind || !(object.apiVersion === kind.version || object.apiVersion.startsWith(`${kind.group}/`))) continue;
    const namespace = kind.namespaced ? { namespace: object.metadata.namespace ?? 'shop' } : {};
    set(index, table, { ...object, metadata: { uid: object.metadata.name, ...object.metadata, ...namespace } });
  }
}

function set<K extends keyof Inputs>(index: MeshIndex, table: K, raw: unknown): void {
  // One of the kinds of this very table: the compiler cannot follow a key through a record of kinds.
  const object = allKinds[table].narrow(raw) as Inputs[K] | undefined;
  if (object === undefined) throw new Error(`an example for ${table} cannot be read`);
  const { namespace, name } = object.meta;
  index.set(table, namespace === '' ? name : `${namespace}/${name}`, object);
}
