// Chooses where a captured connection goes next, as one pure function (facts: ztunnel §3).
// Called by ztunnel/outbound/plan.ts; knows nothing of sockets. Chance (load balancing) and names resolved meanwhile come in as arguments.
import { familyOf, formatSocket, type Ip, type SocketAddress } from './address.ts';
import { type Upstream, upstreamAt } from './endpoint-choice.ts';
import { addressAt, referenceKey } from './look-up.ts';
import type { Mesh } from './mesh.ts';
import type { Service } from './service.ts';
import { parseSpiffeId, type SpiffeId } from './spiffe.ts';
import { comesFrom, reach, waypointOf } from './waypoint.ts';
import type { GatewayAddress, Workload } from './workload.ts';

export interface HopRequest {
  readonly source: Workload;
  /** The address that the client really sends from: it decides whether the source is itself the waypoint. */
  readonly sourceIp: Ip;
  /** Original destination, canonical. */
  readonly destination: SocketAddress;
  /** The node's own network (NETWORK). */
  readonly network: string;
  /** 0 <= x < 1. Called at most once a choice (weighted waypoint, endpoint, gateway, record of a name). */
  readonly random: () => number;
  /** Answers to earlier `need: 'dns'`: hostname -> addresses; an empty list means that resolution failed. */
  readonly resolved?: ReadonlyMap<string, readonly Ip[]>;
  /** Keys already asked of the control plane (earlier `need: 'address'`); absent when on-demand xDS is off. */
  readonly asked?: ReadonlySet<string>;
}

/** What telemetry and the pool want to know of the chosen upstream. */
interface Chosen {
  /** TCP address to dial. */
  readonly to: SocketAddress;
  /** The workload that answers there: the pod itself, a waypoint, a gateway. Absent on passthrough. */
  readonly workload?: Workload;
  /** The service that the client meant, if it dialled one. */
  readonly service?: Service;
}

export type Hop =
  | ({ readonly by: 'passthrough' } & Chosen)
  | ({ readonly by: 'tcp'; readonly workload: Workload } & Chosen)
  | ({
      readonly by: 'hbone';
      readonly workload: Workload;
      /** `:authority` of the CONNECT request. */
      readonly authority: string;
      /** Identities the server may present, in order; at least one must match exactly. */
      readonly expected: readonly SpiffeId[];
      /** Whether `workload` is the destination pod itself; false for waypoints. Only a direct hop may take the same-node fast path. */
      readonly direct: boolean;
    } & Chosen)
  | ({
      readonly by: 'double-hbone';
      /** The gateway. */
      readonly workload: Workload;
      /** `hostname:port` of the service: the authority of both requests. */
      readonly authority: string;
      readonly expected: readonly SpiffeId[];
      /** Identities the far pod may present inside the gateway's tunnel: the service's subjectAltNames only. */
      readonly innerExpected: readonly SpiffeId[];
    } & Chosen);

export type RefusalReason =
  | 'no healthy upstream'
  | 'unknown waypoint'
  | 'unknown gateway'
  | 'no gateway for the remote network'
  | 'remote network needs a service'
  | 'no address'
  | 'name not resolved';

export interface Refusal {
  readonly refuse: RefusalReason;
  /** One sentence naming from, to and what is missing. */
  readonly text: string;
}

/** The question cannot be answered yet: get this, add it to the request, and ask again. */
export type Need = { readonly need: 'dns'; readonly hostname: string } | { readonly need: 'address'; readonly key: string };

/** Port of every node's HBONE listener. */
const hbonePort = 15_008;

export function nextHop(mesh: Mesh, request: HopRequest): Hop | Refusal | Need {
  const { source, destination, network, random } = request;
  const dialled = addressAt(mesh, network, destination.ip, source.namespace);
  if (!dialled) {
    const key = `${network}/${destination.ip}`;
    if (unasked(request, key)) return { need: 'address', key };
  }

  const service = dialled?.service;
  const waypoint = service && waypointOf(service, random);
  if (waypoint) return viaWaypoint(mesh, request, waypoint, service);

  const upstream = upstreamAt(mesh, source.network, destination, { source, mode: 'standard', random });
  if (!upstream) {
    if (!service || service.loadBalancer?.mode === 'Passthrough') return { by: 'passthrough', to: destination };
    return refuse(request, 'no healthy upstream', `no endpoint of ${service.hostname} serves port ${destination.port}`);
  }
  if (upstream.workload.network !== source.network) return viaGateway(mesh, request, upstream, service ?? upstream.service);

  const ofWorkload = service ? undefined : upstream.workload.waypoint;
  if (ofWorkload && !comesFrom(mesh, ofWorkload, source, request.sourceIp)) return viaWaypoint(mesh, request, ofWorkload);
  return direct(request, upstream);
}

function direct(request: HopRequest, { workload, port, service }: Upstream): Hop | Refusal | Need {
  const ip = addressOf(request, workload, request.destination.ip, service);
  if (typeof ip !== 'string') return ip;
  const meant = service && { service };
  if (workload.protocol === 'TCP') return { by: 'tcp', to: { ip, port }, workload, ...meant };
  return {
    by: 'hbone',
    to: { ip, port: hbonePort },
    workload,
    ...meant,
    authority: formatSocket({ ip, port }),
    expected: identitiesOf(workload, service),
    direct: true,
  };
}

/** The waypoint sees what the client dialled and decides for itself. */
function viaWaypoint(mesh: Mesh, request: HopRequest, reference: GatewayAddress, service?: Service): Hop | Refusal | Need {
  const { source, destination, random } = request;
  const waypoint = reach(mesh, reference, { source, mode: 'waypoint', random });
  if (!waypoint) return unreached(request, reference, 'unknown waypoint');
  if (waypoint.workload.network !== source.network) return viaGateway(mesh, request, waypoint, service);
  const ip = addressOf(request, waypoint.workload, likeness(reference, destination.ip), waypoint.service);
  if (typeof ip !== 'string') return ip;
  return {
    by: 'hbone',
    to: { ip, port: waypoint.port },
    workload: waypoint.workload,
    ...(service && { service }),
    authority: formatSocket(destination),
    expected: identitiesOf(waypoint.workload, waypoint.service),
    direct: false,
  };
}

/** `target` is on another network: a tunnel to its gateway, and in it a second one that ends at whichever endpoint the gateway picks. */
function viaGateway(mesh: Mesh, request: HopRequest, target: Upstream, service?: Service): Hop | Refusal | Need {
  const { source, destination, random } = request;
  const { uid, network, networkGateway: reference } = target.workload;
  if (!service)
    return refuse(request, 'remote network needs a service', `${uid} is on network "${network}" and can only be reached by service`);
  if (!reference) return refuse(request, 'no gateway for the remote network', `${uid} on network "${network}" names no gateway`);
  const gateway = reach(mesh, reference, { source, mode: 'standard', random });
  if (!gateway) return unreached(request, reference, 'unknown gateway');
  const ip = addressOf(request, gateway.workload, likeness(reference, destination.ip), gateway.service);
  if (typeof ip !== 'string') return ip;
  return {
    by: 'double-hbone',
    to: { ip, port: gateway.port },
    workload: gateway.workload,
    service,
    authority: `${service.hostname}:${destination.port}`,
    expected: identitiesOf(gateway.workload, gateway.service),
    innerExpected: target.service ? subjectsOf(target.service) : [],
  };
}

/** The address whose family (or, if it is the workload's own, whose very value) is wanted: a reference by IP says so itself. */
const likeness = ({ destination }: GatewayAddress, dialled: Ip): Ip => ('address' in destination ? destination.address.ip : dialled);

/** One address of the workload: the one asked for, else one of its family that the service allows, else any allowed, else by name. */
function addressOf(request: HopRequest, workload: Workload, like: Ip, service?: Service): Ip | Refusal | Need {
  if (workload.addresses.includes(like)) return like;
  const families = service?.ipFamilies ?? 'Dual';
  const allowed =
    families === 'Dual' ? workload.addresses : workload.addresses.filter((ip) => familyOf(ip) === (families === 'IPv4' ? 4 : 6));
  const ip = allowed.find((own) => familyOf(own) === familyOf(like)) ?? allowed[0];
  if (ip !== undefined) return ip;

  const { hostname } = workload;
  if (hostname === '') return refuse(request, 'no address', `${workload.uid} has no address that may be used`);
  const records = request.resolved?.get(hostname);
  if (!records) return { need: 'dns', hostname };
  const sameFamily = records.filter((record) => familyOf(record) === familyOf(like));
  const candidates = sameFamily.length > 0 ? sameFamily : records;
  const record = candidates[Math.floor(request.random() * candidates.length)];
  return record ?? refuse(request, 'name not resolved', `${hostname}, the name of ${workload.uid}, could not be resolved`);
}

function identitiesOf({ identity }: Workload, service?: Service): readonly SpiffeId[] {
  if (!service || service.subjectAltNames.length === 0) return [identity];
  return [identity, ...subjectsOf(service).filter(({ uri }) => uri !== identity.uri)];
}

/** Names that are no SPIFFE ids cannot be matched, so they are left out. */
const subjectsOf = ({ subjectAltNames }: Service): readonly SpiffeId[] => subjectAltNames.flatMap((name) => parseSpiffeId(name) ?? []);

const unasked = ({ asked }: HopRequest, key: string): boolean => asked !== undefined && !asked.has(key);

function unreached(request: HopRequest, reference: GatewayAddress, reason: RefusalReason): Refusal | Need {
  const key = referenceKey(reference);
  return unasked(request, key) ? { need: 'address', key } : refuse(request, reason, `${key} is not known or has no healthy endpoint`);
}

function refuse({ source, destination }: HopRequest, reason: RefusalReason, why: string): Refusal {
  return { refuse: reason, text: `${reason}: from ${source.namespace}/${source.name} to ${formatSocket(destination)}: ${why}` };
}
