// The services of the world by the names that routes and rules call them. Pure; shared by analyzers of references.
import type { Pod } from '@ambient-mesh/translate/kinds/pod';
import { fullHost } from '@ambient-mesh/translate/l7/istio-hosts';
import { podsOf } from '../membership.ts';
import { keyOf, type World } from '../world.ts';

export interface Host {
  readonly table: 'services' | 'serviceEntries';
  readonly key: string;
}

/** Services with this hostname, or whose hostname a wildcard covers; `name` as written in `namespace`. */
export function hostsCalled(world: World, name: string, namespace: string): readonly Host[] {
  const host = fullHost(name, namespace, world.settings.clusterDomain);
  return hostsOf(world)
    .filter(({ hostname }) => hostname === host || covers(host, hostname) || covers(hostname, host))
    .map(({ table, key }) => ({ table, key }));
}

const covers = (wildcard: string, host: string): boolean => wildcard.startsWith('*') && host.endsWith(wildcard.slice(1));

interface Named extends Host {
  readonly hostname: string;
}

const known = new WeakMap<World, readonly Named[]>();

function hostsOf(world: World): readonly Named[] {
  const before = known.get(world);
  if (before !== undefined) return before;
  const { objects, settings } = world;
  const services = [...objects.services.values()].map(({ meta }): Named => {
    const hostname = `${meta.name}.${meta.namespace}.svc.${settings.clusterDomain}`;
    return { table: 'services', key: keyOf(meta), hostname };
  });
  const entries = [...objects.serviceEntries.values()].flatMap(({ meta, hosts }) =>
    hosts.map((hostname): Named => ({ table: 'serviceEntries', key: keyOf(meta), hostname })),
  );
  const all = [...services, ...entries];
  known.set(world, all);
  return all;
}

/** Pods behind a host. */
export function podsBehind(world: World, { table, key }: Host): readonly Pod[] {
  const { objects } = world;
  if (table === 'services') {
    const service = objects.services.get(key);
    return service === undefined || Object.keys(service.selector).length === 0
      ? []
      : podsOf(world, service.meta.namespace, service.selector);
  }
  const entry = objects.serviceEntries.get(key);
  return entry?.workloadSelector === undefined ? [] : podsOf(world, entry.meta.namespace, entry.workloadSelector);
}
