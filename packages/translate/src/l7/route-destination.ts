// Where requests of a route go: references become destinations, or a reason why requests that would go there are refused (facts: gateway-api-mesh §3.4).
// A backend in another namespace needs no ReferenceGrant: routes of a mesh reach nothing that their clients could not reach themselves (GEP-1294).
import type { Destination } from '@ambient-mesh/model/l7/route';
import type { ObjectRef } from '../kinds/route-parts.ts';
import type { Finding } from './route-findings.ts';
import { keyOf, type RouteLookUp, type RouteTarget } from './route-look-up.ts';

export interface DestinationContext {
  /** The route's. */
  readonly namespace: string;
  readonly look: RouteLookUp;
  /** What the route carries. */
  readonly speaks: 'http' | 'grpc' | 'stream';
  /** Takes references that lead nowhere. */
  readonly references: Finding[];
}

export function destinationOf(ref: ObjectRef, { namespace, look, speaks, references }: DestinationContext): Destination {
  const found = resolve({ ...ref, namespace: ref.namespace || namespace }, look, namespace, speaks);
  if ('to' in found) return found.to;
  references.push(found);
  return { invalid: found.message };
}

function resolve(
  ref: ObjectRef,
  look: RouteLookUp,
  from: string,
  speaks: DestinationContext['speaks'],
): Finding | { readonly to: Destination } {
  const name = `${ref.kind}${ref.group && `.${ref.group}`} ${ref.namespace}/${ref.name}`;
  const { port } = ref;
  if (!kinds.has(`${ref.kind}.${ref.group}`)) return { reason: 'InvalidKind', message: `${name} is of a kind that cannot be a backend` };
  const target = targetOf(ref, look, from);
  if (target === undefined) return { reason: 'BackendNotFound', message: `${name} was not found` };
  if (target.reach === 'alias') return { reason: 'InvalidKind', message: `${name} is of type ExternalName, which cannot be a backend` };
  if (port === undefined) return { reason: 'InvalidDestination', message: `${name} is named without a port` };
  const found = target.ports.find((each) => each.port === port);
  if (found === undefined) return { reason: 'BackendNotFound', message: `${name} has no port ${port}` };
  if (speaks !== 'stream' && noHttp.has(found.appProtocol.toLowerCase()))
    return { reason: 'UnsupportedProtocol', message: `${name} speaks ${found.appProtocol} on port ${port}, which is no HTTP` };
  return { to: { service: keyOf(target), port, ...(speaks === 'grpc' && { protocol: 'h2' as const }) } };
}

const istio = 'networking.istio.io';
const kinds: ReadonlySet<string> = new Set(['Service.', 'Service.core', `ServiceEntry.${istio}`, `Hostname.${istio}`]);
/** Values of appProtocol that speak against HTTP; what the mesh does not know may well be HTTP. */
const noHttp: ReadonlySet<string> = new Set(['tcp', 'udp', 'tls', 'mongo', 'mysql', 'redis', 'kafka', 'thrift']);

function targetOf({ kind, namespace, name }: ObjectRef, look: RouteLookUp, from: string): RouteTarget | undefined {
  if (kind === 'Service') return look.service(namespace, name);
  if (kind === 'ServiceEntry') return look.serviceEntry(namespace, name)?.[0];
  return nearest(look.named(name), from);
}

/** Of services with one hostname: that of one's own namespace, else the canonical one. */
export const nearest = (targets: readonly RouteTarget[], namespace: string): RouteTarget | undefined =>
  targets.find((target) => target.namespace === namespace) ?? targets[0];
