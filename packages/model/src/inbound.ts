// Decides whether a tunnelled connection that reached this pod is meant for it, and which port of the app it goes to.
// Comes before authorize.ts, which wants the final port. Called by ztunnel/inbound/admit.ts, which dials accordingly.
// Also guesses, for telemetry only, which service the client meant.
import { type Authority, familyOf, formatSocket, type NamedAddress, type SocketAddress } from './address.ts';
import { addressAt, referenced, referenceKey } from './look-up.ts';
import type { Mesh } from './mesh.ts';
import type { Need } from './next-hop.ts';
import { type Service, serviceKey } from './service.ts';
import { pointsTo } from './waypoint.ts';
import type { Workload } from './workload.ts';

export interface InboundRequest {
  /** The workload of the pod that was reached. */
  readonly local: Workload;
  /** The pod's own address of the connection. */
  readonly connDst: SocketAddress;
  readonly authority: Authority;
  /** The node's own network. */
  readonly network: string;
  /** Ports that the app cannot be on, because the tunnel itself listens there: going there would be a loop. */
  readonly illegalPorts: ReadonlySet<number>;
  /** Keys already asked of the control plane; absent when on-demand xDS is off. */
  readonly asked?: ReadonlySet<string>;
}

export interface Delivery {
  /** Final port on the pod's address: what policies see and what is dialled. */
  readonly port: number;
  /** The app wants a PROXY header that says where the client was going; absent for a plain connection. */
  readonly tunnel?: { readonly protocol: 'PROXY'; readonly target: SocketAddress };
  /** Known only when the authority named it. */
  readonly service?: Service;
}

export interface Rejection {
  /** Status of the answer to CONNECT. */
  readonly reject: 400 | 503;
  readonly text: string;
}

export function admissible(mesh: Mesh, request: InboundRequest): { readonly deliver: Delivery } | Rejection | Need {
  return misdirected(mesh, request) ?? deliver(mesh, request);
}

/** Undefined when the target is this pod, or this pod is the target's waypoint or passes everything on itself. */
function misdirected(mesh: Mesh, { local, connDst, authority, network, asked }: InboundRequest): Rejection | Need | undefined {
  if ('hostname' in authority || authority.ip === connDst.ip || local.applicationTunnel) return undefined;
  const target = addressAt(mesh, network, authority.ip);
  const key = `${network}/${authority.ip}`;
  if (!target && asked && !asked.has(key)) return { need: 'address', key };
  const waypoints = target?.service
    ? [target.service.waypoint, ...target.service.weightedWaypoints.map(({ destination }) => destination)]
    : [target?.workload?.waypoint];
  for (const waypoint of waypoints) {
    if (!waypoint) continue;
    if (pointsTo(mesh, waypoint, local, connDst.ip)) return undefined;
    const reference = referenceKey(waypoint);
    if (asked && !asked.has(reference) && !referenced(mesh, waypoint)) return { need: 'address', key: reference };
  }
  return { reject: 400, text: `ip mismatch: ${connDst.ip} != ${authority.ip}` };
}

function deliver(mesh: Mesh, { local, authority, network, illegalPorts }: InboundRequest): { readonly deliver: Delivery } | Rejection {
  let port = authority.port;
  let service: Service | undefined;
  if ('hostname' in authority) {
    service = mesh.serviceByHostname(authority.hostname, { clientNamespace: local.namespace });
    if (!service) return { reject: 503, text: `unknown hostname: ${authority.hostname}` };
    port = local.services.get(serviceKey(service))?.get(authority.port) ?? service.ports.get(authority.port) ?? 0;
    if (port === 0) return { reject: 503, text: `${authority.hostname} has no port ${authority.port} on this pod` };
  }
  if (illegalPorts.has(port)) return { reject: 503, text: `port ${port} belongs to the tunnel itself` };

  const application = local.applicationTunnel;
  const found = service && { service };
  const final = application?.port ?? port;
  if (application?.protocol !== 'PROXY') return { deliver: { port: final, ...found } };
  const target = 'ip' in authority ? authority : virtualAddress(service, authority, network);
  if (!target) return { reject: 503, text: `${formatTarget(authority)} has no virtual address to name in a PROXY header` };
  return { deliver: { port: final, tunnel: { protocol: 'PROXY', target }, ...found } };
}

/** IPv4 on the own network, else IPv6 on it, else whatever comes first. */
function virtualAddress(service: Service | undefined, { port }: NamedAddress, network: string): SocketAddress | undefined {
  const vips = service?.vips ?? [];
  const here = vips.filter((vip) => vip.network === network);
  const vip = here.find(({ ip }) => familyOf(ip) === 4) ?? here[0] ?? vips[0];
  return vip && { ip: vip.ip, port };
}

const formatTarget = (authority: Authority): string =>
  'ip' in authority ? formatSocket(authority) : `${authority.hostname}:${authority.port}`;

export interface MeantService {
  readonly local: Workload;
  /** Where the app was dialled. */
  readonly port: number;
  /** `host` of the Forwarded header, if the client's side said which service it meant. */
  readonly forwardedHost?: string | undefined;
  /** From `Delivery`. */
  readonly service?: Service | undefined;
}

/** For telemetry only: the service that the client named, else the first of the pod's services behind which the port may stand. */
export function meantService(mesh: Mesh, { local, port, forwardedHost, service }: MeantService): Service | undefined {
  const candidates = service ? [service] : [...local.services.keys()].flatMap((key) => mesh.service(key) ?? []);
  return (
    candidates.find(({ hostname }) => hostname === forwardedHost) ?? candidates.find((candidate) => standsBehind(candidate, local, port))
  );
}

function standsBehind(service: Service, local: Workload, port: number): boolean {
  const own = local.services.get(serviceKey(service));
  return [...service.ports.values()].includes(port) || (own !== undefined && [...own.values()].includes(port));
}
