// What the source's side tells of a connection, in metrics and in the access log. Pure.
// Called by serve.ts once the next hop is known.
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Connection } from '../telemetry/access-log.ts';
import { type Party, partyOf } from '../telemetry/labels.ts';
import type { Captured } from './capture.ts';
import type { Plan } from './plan.ts';

/** Whom a tunnel inside a tunnel reached, as it says (baggage) and proves (certificate). */
export interface Reached {
  readonly party: Party | undefined;
  readonly identity: SpiffeId | undefined;
}

export interface Told {
  readonly captured: Pick<Captured, 'from'>;
  readonly source: Workload;
  readonly hop: Plan;
  readonly reached: Reached | undefined;
}

export function told({ captured, source, hop, reached }: Told): Connection {
  const tunnelled = 'authority' in hop;
  const destination = hop.by === 'double-hbone' ? reached?.party : hop.workload && partyOf(hop.workload);
  return {
    reporter: 'source',
    from: captured.from,
    to: hop.to,
    ...(tunnelled && { authority: hop.authority }),
    source: partyOf(source),
    sourcePrincipal: tunnelled ? source.identity : undefined,
    destination,
    destinationPrincipal: hop.by === 'double-hbone' ? reached?.identity : hop.workload?.identity,
    service: hop.service,
    security: hop.by === 'same-node' ? 'local' : tunnelled ? 'mutual_tls' : 'unknown',
  };
}
