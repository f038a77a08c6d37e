// Decides where a captured connection goes. Pure: same mesh, same answer; chance and addresses resolved meanwhile come in with the request.
// The mesh's own rules are model/next-hop.ts; this file adds the one thing that only this process knows: which pods it serves itself.
// Called by serve.ts after capture; carried out by forward.ts.
import type { Ip } from '@ambient-mesh/model/address';
import type { Mesh } from '@ambient-mesh/model/mesh';
import { type Hop, type HopRequest, type Need, nextHop, type Refusal } from '@ambient-mesh/model/next-hop';
import type { Workload } from '@ambient-mesh/model/workload';

type Hbone = Extract<Hop, { by: 'hbone' }>;

/** `same-node`: the pod is served by this process, so nothing needs to cross a wire; otherwise as an HBONE hop. */
export type Plan = Hop | (Omit<Hbone, 'by'> & { readonly by: 'same-node' });

/** `servedHere` is undefined when the fast path is turned off. Another trust domain goes by tunnel, whose handshake refuses it. */
export function plan(mesh: Mesh, request: HopRequest, servedHere?: (workload: Workload, ip: Ip) => boolean): Plan | Refusal | Need {
  const hop = nextHop(mesh, request);
  if (!('by' in hop) || hop.by !== 'hbone' || !hop.direct) return hop;
  const sameDomain = hop.workload.identity.trustDomain === request.source.identity.trustDomain;
  return sameDomain && servedHere?.(hop.workload, hop.to.ip) ? { ...hop, by: 'same-node' } : hop;
}
