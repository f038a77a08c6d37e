// From a route's choice to a destination: which backend, and what of the mesh stands for it.
// Used for requests and raw connections alike.
import type { Backend, Destination as Target } from '@ambient-mesh/model/l7/route';
import type { Destination } from '../dispatch/destination.ts';
import type { HttpVersion } from '../dispatch/links.ts';
import type { Inlet } from '../inlet.ts';
import type { Shared } from '../shared.ts';

/** `itself`: what the client dialled. */
export type Chosen = Target | 'itself';

/** By weight, as one draw. */
export function backendOf(backends: readonly Backend[], random: () => number): Target {
  return draw(backends, random)?.to ?? { invalid: 'the rule has no backend' };
}

/** Undefined when there is none of any weight. */
export function draw(backends: readonly Backend[], random: () => number): Backend | undefined {
  const [only] = backends;
  if (only !== undefined && backends.length === 1) return only.weight > 0 ? only : undefined;
  let total = 0;
  for (const { weight } of backends) total += weight;
  if (total <= 0) return undefined;
  let left = random() * total;
  for (const backend of backends) {
    left -= backend.weight;
    if (left < 0) return backend;
  }
  return undefined;
}

export function destinationOf(
  { destinations, world }: Shared,
  inlet: Inlet,
  chosen: Exclude<Chosen, { readonly invalid: string }>,
  host?: string,
): Destination {
  if (chosen !== 'itself') return destinations.service(chosen.service, chosen.port, chosen.subset);
  const { to, port, authority } = inlet;
  if ('workload' in to) return destinations.workload(to.workload.uid, port);
  const { service, key } = to;
  if (service.loadBalancer?.mode !== 'Passthrough') return destinations.service(key, port);
  // Whatever the client was going to, by address, or by the name that its request bears.
  if (service.hostname.startsWith('*') && host !== undefined)
    return destinations.host(host, world.mesh.service(key)?.ports.get(port) || port);
  return destinations.host('ip' in authority ? authority.ip : authority.hostname, port);
}

/** What to speak to it (facts: gateway-api-mesh §3.4): what its service declares, else what the route implies, else what the client speaks. */
export function versionFor(
  shared: Shared,
  destination: Destination,
  chosen: Chosen,
  client: { readonly version: string; readonly grpc: boolean },
): HttpVersion {
  const spoken: HttpVersion = client.version === 'HTTP/2' ? 'h2' : 'http1';
  const { pool } = destination.settings;
  if (pool?.useClientProtocol) return spoken;
  if (pool?.h2Upgrade) return 'h2';
  const { name } = destination;
  const declared = 'service' in name ? shared.world.mesh.service(name.service)?.appProtocols?.get(name.port) : undefined;
  if (declared === 'HTTP2' || declared === 'GRPC') return 'h2';
  if (typeof chosen === 'object' && 'protocol' in chosen && chosen.protocol !== undefined) return chosen.protocol;
  // gRPC needs HTTP/2, whatever the port says.
  if (declared === 'HTTP11') return client.grpc && spoken === 'h2' ? 'h2' : 'http1';
  return spoken;
}
