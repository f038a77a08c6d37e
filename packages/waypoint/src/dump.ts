// The `/config_dump` document: what this waypoint has been told, and how its destinations do. Read by people, and by `ambientctl waypoint config`.
// Shown on loopback by pages.ts. What users wrote is shown as they wrote it, except for what may be a secret.
import type { CertificateBook } from '@ambient-mesh/identity/certificate-book';
import { describe } from './dispatch/destination.ts';
import type { Destinations } from './dispatch/destinations.ts';
import type { TunnelListener } from './receive/listen.ts';
import type { World } from './world.ts';

export interface DumpParts {
  readonly world: Pick<World, 'waypoint' | 'settings' | 'self' | 'resources'>;
  readonly book: Pick<CertificateBook, 'states'>;
  readonly destinations: Pick<Destinations, 'all'>;
  readonly listener: Pick<TunnelListener, 'tunnels'>;
}

export function configDump({ world, book, destinations, listener }: DumpParts): string {
  const dump = {
    waypoint: world.waypoint,
    settings: world.settings,
    self: world.self.uid,
    certificates: book.states(),
    tunnels: listener.tunnels,
    resources: Array.from(world.resources, ([name, resource]) => ({ name, ...resource })),
    destinations: Array.from(destinations.all(), (each) => ({
      name: describe(each.name),
      active: each.active,
      settings: each.settings,
      endpoints: each.endpoints.map(({ workload, port, active, ejectedUntil, links }) => ({
        workload: workload.uid,
        addresses: workload.addresses,
        port,
        active,
        connections: links.size,
        ejected: ejectedUntil > performance.now(),
      })),
    })),
  };
  return `${JSON.stringify(dump, hideSecrets, 2)}\n`;
}

export const hidden = '(hidden)';
/** Lists of name and value. */
const pairs: ReadonlySet<string> = new Set(['env', 'includeAdditionalHeaders']);

/** A member of a key set that is no public key (RFC 7518 §6.2.2, §6.4.1). */
const secretKey = /"[dk]"\s*:/;

/** Private keys, keys for signing, the environment and configuration of plugins, and headers by which authorizers know us. */
function hideSecrets(key: string, value: unknown): unknown {
  if (typeof value === 'string' && value !== '' && (key === 'keyPem' || key === 'pluginConfig')) return hidden;
  if (key === 'jwks' && typeof value === 'string' && secretKey.test(value)) return hidden;
  if (pairs.has(key) && Array.isArray(value)) return value.map((each: unknown) => (Array.isArray(each) ? [each[0], hidden] : hidden));
  return value;
}
