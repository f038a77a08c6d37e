// From a route's choice to a destination: which backend, and what of the mesh stands for it.
// Used for requests and raw connections alike.
import type { Backend, Destination as Target } from '@ambient-mesh/model/l7/route';
import type { Mesh } from '@ambient-mesh/model/mesh';
import type { Service } from '@ambient-mesh/model/service';
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

/** `asked`: the host that the client names, with a port or not. Undefined: the service stands for a family of hosts, and that is none of them. */
export function destinationOf(
  { destinations, world }: Shared,
  { to, port: dialled, authority }: Inlet,
  chosen: Exclude<Chosen, { readonly invalid: string }>,
  asked: string,
): Destination | undefined {
  if (chosen === 'itself' && 'workload' in to) return destinations.workload(to.workload.uid, dialled);
  const { service: key, port, subset } = chosen !== 'itself' ? chosen : { service: 'key' in to ? to.key : '', port: dialled };
  const service = world.mesh.service(key);
  // Whatever address the client was going to; the port is the client's, too.
  if (chosen === 'itself' && service?.loadBalancer?.mode === 'Passthrough')
    return destinations.host(key, port, { host: 'ip' in authority ? authority.ip : authority.hostname, hostPort: port });
  if (service === undefined || !isFamily(world.mesh, service)) return destinations.service(key, port, subset);
  const host = hostOnly(asked).toLowerCase();
  const suffix = service.hostname.slice(1);
  if (host.length <= suffix.length || !host.endsWith(suffix) || !hostname.test(host)) return undefined;
  return destinations.host(key, port, { host, hostPort: service.ports.get(port) || port });
}

function hostOnly(authority: string): string {
  if (authority.startsWith('[')) return authority.slice(1, authority.indexOf(']'));
  const colon = authority.lastIndexOf(':');
  return colon < 0 ? authority : authority.slice(0, colon);
}

const hostname = /^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/;

/** `*.example.com` without endpoints of its own: which host is meant the client says with each request (facts: control-plane §3.11). */
function isFamily(mesh: Mesh, service: Service): boolean {
  return service.hostname.startsWith('*.') && mesh.endpoints(service).every((each) => each.hostname === service.hostname);
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
