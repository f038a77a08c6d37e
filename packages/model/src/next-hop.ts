// Chooses where a captured connection goes next: the whole of facts ztunnel §3, as one pure function.
// Called by ztunnel/outbound/plan.ts; knows nothing of sockets. Chance (load balancing) and names resolved meanwhile come in as arguments.
import type { Ip, SocketAddress } from './address.ts';
import type { Service } from './service.ts';
import type { SpiffeId } from './spiffe.ts';
import type { Workload } from './workload.ts';

export interface HopRequest {
  readonly source: Workload;
  /** The address that the client really sends from: it decides whether the source is itself the waypoint. */
  readonly sourceIp: Ip;
  /** Original destination, canonical. */
  readonly destination: SocketAddress;
  /** The node's own network (NETWORK). */
  readonly network: string;
  /** 0 <= x < 1. Called at most once a choice (endpoint, weighted waypoint). */
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
