// Discovery: which groups, versions and resources there are, in the old form (one answer per version) and the aggregated one.
// Called by kube-api.ts for /api and /apis and what is right below. Follows the registry, so a new definition shows at once.
import type { KindRegistry, Resource } from '../kinds/registry.ts';
import type { JsonObject } from '../patch/json.ts';
import { subresourcesOf, verbsOf } from './subresources.ts';
import { byPriority } from './version-order.ts';

export const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** By group, then by version: preferred first, kinds in the order of the registry. */
type Groups = ReadonlyMap<string, ReadonlyMap<string, readonly Resource[]>>;

function groupsOf(kinds: KindRegistry): Groups {
  const byGroup = Map.groupBy(kinds.all(), ({ group }) => group);
  return new Map(
    [...byGroup].map(([group, resources]) => {
      const byVersion = [...Map.groupBy(resources, ({ version }) => version)].sort(([a], [b]) => byPriority(a, b));
      return [group, new Map(byVersion)];
    }),
  );
}

/** `/api` */
export const legacyVersions = (host: string): JsonObject => ({
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: host }],
});

/** `/apis` */
export function groupList(kinds: KindRegistry): JsonObject {
  const named = [...groupsOf(kinds)].filter(([group]) => group !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: named.map(([name, versions]) => groupJson(name, [...versions.keys()])) };
}

function groupJson(name: string, versions: readonly string[]): JsonObject {
  const entries = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: entries, preferredVersion: entries[0] ?? {} };
}

/** `/apis/GROUP`; undefined when there is no such group. */
export function groupOf(kinds: KindRegistry, name: string): JsonObject | undefined {
  const versions = groupsOf(kinds).get(name);
  return versions === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...groupJson(name, [...versions.keys()]) };
}

/** `/api/v1` and `/apis/GROUP/VERSION`; undefined when there is no such version. */
export function resourceList(kinds: KindRegistry, group: string, version: string): JsonObject | undefined {
  const found = groupsOf(kinds).get(group)?.get(version);
  if (found === undefined) return undefined;
  const resources = found.flatMap((resource) => [resourceJson(resource), ...subresourceJson(resource)]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: group === '' ? version : `${group}/${version}`, resources };
}

function resourceJson(resource: Resource): JsonObject {
  const { plural, singular, namespaced, kind, shortNames, categories } = resource;
  return {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: [...verbsOf(resource)],
    ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
    ...(categories.length === 0 ? {} : { categories: [...categories] }),
  };
}

function subresourceJson(resource: Resource): JsonObject[] {
  return subresourcesOf(resource).map(({ name, kind, group, version, verbs }) => ({
    name: `${resource.plural}/${name}`,
    singularName: '',
    namespaced: resource.namespaced,
    ...(kind === resource.kind ? {} : { group, version }),
    kind,
    verbs: [...verbs],
  }));
}

/** The aggregated form of `/api` (core only) or `/apis` (everything else). */
export function aggregated(kinds: KindRegistry, core: boolean): JsonObject {
  const groups = [...groupsOf(kinds)].filter(([group]) => (group === '') === core);
  const items = groups.map(([name, versions]) => ({
    metadata: { ...(name === '' ? {} : { name }), creationTimestamp: null },
    versions: [...versions].map(([version, resources]) => ({ version, resources: resources.map(discoveryJson), freshness: 'Current' })),
  }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

function discoveryJson(resource: Resource): JsonObject {
  const { plural, singular, group, version, kind, namespaced, shortNames, categories } = resource;
  const below = subresourcesOf(resource).map((each) => ({
    subresource: each.name,
    responseKind: { group: each.group, version: each.version, kind: each.kind },
    verbs: [...each.verbs],
  }));
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: [...verbsOf(resource)],
    ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
    ...(categories.length === 0 ? {} : { categories: [...categories] }),
    ...(below.length === 0 ? {} : { subresources: below }),
  };
}
