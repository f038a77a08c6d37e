// Moves the bytes of a connection whose two ends are there, until both directions are over or the register cuts it.
// The last step of outbound/ and inbound/ before they tell how it went. Replaces what cut the connection while it was being made.
import type { Conduit } from '@ambient-mesh/wire/conduit';
import { Pump, type PumpResult } from '@ambient-mesh/wire/pump';
import type { Registered } from './connections.ts';
import type { Bytes } from './telemetry/access-log.ts';

export interface Ends {
  /** Towards the server. */
  readonly far: Conduit;
  /** Towards the client. */
  readonly near: Conduit;
}

/** Never rejects. A connection that both sides of this process know is in two registers. */
export function move({ far, near }: Ends, bytes: Bytes, entries: readonly Registered[]): Promise<PumpResult> {
  const running = new Pump(far, near, bytes);
  for (const entry of entries) entry.whenCut((why) => running.abort(why));
  return running.result;
}
