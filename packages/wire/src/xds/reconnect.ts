// How long to wait before the next xDS stream, and what to call the end of the last one. Pure.
// Used by client.ts. No jitter and never giving up are the protocol's habit; state is kept meanwhile, so waiting costs freshness only.
// Unlike Istio's tunnel, no end leads to a retry at once: an unreadable root, or a server that hangs up cleanly every time, would make us spin.
import type { Ms } from '@ambient-mesh/runtime/time';
import { ms } from '@ambient-mesh/runtime/time';
import { statusCodeOf } from '../grpc/call.ts';
import { grpcCode } from '../grpc/status.ts';

/** Label values of istio_xds_connection_terminations_total. */
export type TerminationReason = 'ConnectionError' | 'Error' | 'Reconnect' | 'Complete';

/** How a stream ended; `why` of a status end is its MeshError `grpc.status`. */
export type StreamEnd =
  /** Before the server accepted the call: no connection, no root, no token, refused. */
  { readonly at: 'opening'; readonly why: unknown } | { readonly at: 'running'; readonly why: unknown } | { readonly at: 'complete' };

export const firstBackoff = ms(10);
const longestBackoff = 15_000;

export interface Retry {
  readonly reason: TerminationReason;
  readonly wait: Ms;
  /** To be passed in as `current` the next time. */
  readonly next: Ms;
}

export function afterEnd(end: StreamEnd, current: Ms): Retry {
  if (end.at === 'complete') return { reason: 'Complete', wait: firstBackoff, next: firstBackoff };
  if (end.at === 'running' && isOrdinary(end.why)) return { reason: 'Reconnect', wait: firstBackoff, next: firstBackoff };
  const doubled = ms(Math.min(longestBackoff, current * 2));
  return { reason: end.at === 'opening' ? 'ConnectionError' : 'Error', wait: doubled, next: doubled };
}

const ordinaryCodes: readonly number[] = [grpcCode.unknown, grpcCode.cancelled, grpcCode.deadlineExceeded];

/** Ends that a healthy control plane causes now and then: it limits a stream's age, or is replaced. */
function isOrdinary(why: unknown): boolean {
  const code = statusCodeOf(why);
  if (code === undefined) return false;
  if (ordinaryCodes.includes(code)) return true;
  return code === grpcCode.unavailable && why instanceof Error && /transport is closing|received prior goaway/.test(why.message);
}
