// From Services, ServiceEntries and Gateways to the services and waypoints of the mesh: what each derivation reads and makes.
// Run by mesh-index.ts. The rules themselves are pure functions of what is read here.

import { settle } from './canonical.ts';
import type { Dependant } from './derive/table.ts';
import type { Meta } from './kinds/meta.ts';
import type { KubeNamespace } from './kinds/place.ts';
import { infoKey, objectOf, type Settled, type Tables, type TargetSlice } from './mesh-tables.ts';
import { requiresWaypoint } from './require-waypoint.ts';
import { inRevision } from './revision.ts';
import { servicesFromEntry } from './service-from-entry.ts';
import { serviceFromKubernetes } from './service-from-kubernetes.ts';
import type { ServiceInfo } from './service-info.ts';
import type { TranslateSettings } from './settings.ts';
import type { Binding } from './waypoint.ts';
import { type Waypoint, waypointFrom } from './waypoint.ts';
import { type BoundTraffic, bindingOf, type Subject } from './waypoint-binding.ts';

/** One side of the index: what it reads from and how it was told to translate. */
export interface Reading {
  readonly tables: Tables;
  readonly settings: TranslateSettings;
}

/** The network that the control plane is on, as its namespace says. */
export const networkOf = ({ tables, settings }: Reading, by: Dependant): string =>
  tables.namespaces.read(settings.systemNamespace, by)?.meta.labels['topology.istio.io/network'] ?? '';

export function bindingFor(
  { tables }: Reading,
  subject: { readonly kind: Subject['kind']; readonly meta: Pick<Meta, 'namespace' | 'labels' | 'annotations'> },
  traffic: BoundTraffic,
  by: Dependant,
): Binding {
  const namespace = tables.namespaces.read(subject.meta.namespace, by);
  return bindingOf(subject, namespace, traffic, (name) => tables.waypoints.read(name, by));
}

export function* waypointOf(reading: Reading, key: string, by: Dependant): Generator<readonly [string, Waypoint]> {
  const { tables } = reading;
  const gateway = tables.gateways.read(key, by);
  if (gateway === undefined) return;
  const gatewayClass = tables.gatewayClasses.read(gateway.className, by);
  const accounts = Array.from(tables.pods.readBy('gateway', key, by), ({ serviceAccount }) => serviceAccount);
  const waypoint = waypointFrom(gateway, gatewayClass, accounts, networkOf(reading, by));
  if (waypoint !== undefined) yield [key, waypoint];
}

/** The reverse of `objectOf`, as far as anyone wants to know. */
export function objectFrom(object: string): { readonly kind: string; readonly key: string } {
  const cut = object.indexOf('/');
  return { kind: object.slice(0, cut), key: object.slice(cut + 1) };
}

/** `object`: `Service/namespace/name` or `ServiceEntry/namespace/name`. */
export function* infosOf(reading: Reading, object: string, by: Dependant): Generator<readonly [string, ServiceInfo]> {
  const { tables, settings } = reading;
  const { kind, key } = objectFrom(object);
  if (kind === 'Service') {
    const service = tables.services.read(key, by);
    if (service === undefined) return;
    const binding = bindingFor(reading, { kind: 'Service', meta: service.meta }, 'service', by);
    const namespace = tables.namespaces.read(service.meta.namespace, by);
    const info = serviceFromKubernetes(service, { namespace, network: networkOf(reading, by), settings, binding });
    if (info !== undefined) yield [infoKey(info), requiring(info, service.meta, namespace)];
    return;
  }
  const entry = tables.serviceEntries.read(key, by);
  if (entry === undefined || !inRevision(entry.meta, settings.revision)) return;
  const binding = bindingFor(reading, { kind: 'ServiceEntry', meta: entry.meta }, 'service', by);
  const namespace = tables.namespaces.read(entry.meta.namespace, by);
  for (const info of servicesFromEntry(entry, { namespace, network: networkOf(reading, by), settings, binding }))
    yield [infoKey(info), requiring(info, entry.meta, namespace)];
}

const requiring = (info: ServiceInfo, meta: Meta, namespace: KubeNamespace | undefined): ServiceInfo =>
  requiresWaypoint(meta, namespace) ? { ...info, requiresWaypoint: true } : info;

export function* settledOf({ tables }: Reading, hostname: string, by: Dependant): Generator<readonly [string, Settled]> {
  const infos = [...tables.infos.readBy('hostname', hostname, by)];
  if (infos.length === 0) return;
  const { services, lost } = settle(infos);
  yield [hostname, { services, lost: new Set(lost.map(infoKey)) }];
}

/** Whether the info's service is in the mesh under its own name. */
export const stands = ({ tables }: Reading, info: ServiceInfo, by: Dependant): boolean =>
  tables.settled.read(info.service.hostname, by)?.lost.has(infoKey(info)) !== true;

/** A slice that names the pods of a service which selects none itself. Slices of all other services concern nobody. */
export function* targetSliceOf({ tables }: Reading, key: string, by: Dependant): Generator<readonly [string, TargetSlice]> {
  const slice = tables.endpointSlices.read(key, by);
  if (slice === undefined || slice.service === '') return;
  const object = objectOf({ kind: 'Service', namespace: slice.meta.namespace, name: slice.service });
  const [info] = tables.infos.readBy('object', object, by);
  if (info === undefined || Object.keys(info.selector ?? {}).length > 0) return;
  const pods = slice.endpoints.flatMap(({ pod }) => pod ?? []);
  if (pods.length > 0) yield [key, { info: infoKey(info), pods }];
}
