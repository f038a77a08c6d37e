// Decides what becomes of a connection that reached a pod: which port of the app it goes to, or with what status it is refused. Pure.
// The mesh's own rules are model/inbound.ts (is it meant for this pod?) and model/authorize.ts (may it come in?).
// Called by serve.ts and plaintext.ts; carried out by deliver.ts.
import { type Authority, parseAuthority, type SocketAddress } from '@ambient-mesh/model/address';
import { authorize, type PolicyNote } from '@ambient-mesh/model/authorize';
import { admissible, type Delivery, type InboundRequest } from '@ambient-mesh/model/inbound';
import type { Mesh } from '@ambient-mesh/model/mesh';
import type { Need } from '@ambient-mesh/model/next-hop';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Workload } from '@ambient-mesh/model/workload';

/** A refusal that came before anything but addresses was understood: it is logged, but in no metric. */
export interface EarlyRefusal {
  readonly status: 400 | 503;
  readonly text: string;
}

export function readTarget(method: string, authority: string): { readonly target: Authority } | EarlyRefusal {
  if (method !== 'CONNECT') return { status: 400, text: `method ${JSON.stringify(method.slice(0, 32))} is not CONNECT` };
  const target = parseAuthority(authority);
  return target === undefined ? { status: 400, text: `authority ${JSON.stringify(authority.slice(0, 300))} is not host:port` } : { target };
}

export function locate(mesh: Mesh, request: InboundRequest): { readonly deliver: Delivery } | EarlyRefusal | Need {
  const found = admissible(mesh, request);
  return 'reject' in found ? { status: found.reject, text: found.text } : found;
}

export type Admission =
  | { readonly admitted: true; readonly notes: readonly PolicyNote[] }
  | { readonly admitted: false; readonly policy?: string; readonly text: string; readonly notes: readonly PolicyNote[] };

export interface Subject {
  readonly local: Workload;
  readonly from: SocketAddress;
  readonly identity: SpiffeId | undefined;
  /** This pod's address and the final port. */
  readonly destination: SocketAddress;
}

/** The refusal's text names who, to whom and by which policy. */
export function admit(mesh: Mesh, { local, from, identity, destination }: Subject): Admission {
  const verdict = authorize(mesh, local, { source: from, destination, identity });
  const { notes } = verdict;
  if (verdict.allow) return { admitted: true, notes };
  const who = identity?.uri ?? `${from.ip} (no identity)`;
  return {
    admitted: false,
    ...(verdict.policy !== undefined && { policy: verdict.policy }),
    text: `connection closed due to policy rejection: ${verdict.text} (from ${who} to ${local.namespace}/${local.name} port ${destination.port})`,
    notes,
  };
}
