// One connection that came through the tunnel, as everything behind receive/ sees it: who, from where, to what.
// Made by receive/serve.ts when the chain is chosen; read by route/, raw/ and telemetry/.
import type { SocketAddress } from '@ambient-mesh/model/address';
import type { ConnectionFacts } from '@ambient-mesh/model/l7/request-facts';
import type { Service } from '@ambient-mesh/model/service';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Source } from './telemetry/labels.ts';

export interface Inlet {
  /** The service that was dialled, or else the workload. */
  readonly to: { readonly service: Service; readonly key: string } | { readonly workload: Workload };
  /** The port that was dialled. */
  readonly port: number;
  readonly client: SpiffeId;
  readonly from: SocketAddress;
  readonly authority: SocketAddress | { readonly hostname: string; readonly port: number };
  readonly source: Source;
  readonly facts: ConnectionFacts;
}

/** `namespace/hostname`, or undefined where a workload was dialled. */
export const serviceKeyOf = ({ to }: Inlet): string | undefined => ('key' in to ? to.key : undefined);
export const serviceOf = ({ to }: Inlet): Service | undefined => ('service' in to ? to.service : undefined);
