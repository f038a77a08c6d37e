// How a proxied connection's end is told: from what the pump, the register or a thrown fault says, to the failure in its report. Pure.
// Used by outbound/ and inbound/ alike; response flags by fault code are telemetry/flags.ts.
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import type { Ending, PumpResult } from '@ambient-mesh/wire/pump';
import type { Cut } from './connections.ts';
import type { Failed } from './telemetry/connection-report.ts';
import { flagOf } from './telemetry/flags.ts';

/** Undefined: it ended well. `cut by drain`: nobody tells an end, which the report logs by itself. */
export type Told = Failed | undefined | 'cut by drain';

export function toldOfCut(cut: Cut): Told {
  switch (cut.because) {
    case 'policy':
      return {
        flag: 'DENY',
        error: `connection closed due to policy change: ${cut.text}`,
        ...(cut.policy !== undefined && { policy: cut.policy }),
      };
    case 'revoked':
      return { flag: 'CERT_REVOKED', error: "connection closed because the peer's certificate was revoked" };
    case 'drain':
      return 'cut by drain';
    default:
      return cut satisfies never;
  }
}

/** `result.received` is the direction from the client, as in the metrics: sides are pumped [far, near]. */
export function toldOfPump(result: PumpResult, cut: Cut | undefined): Told {
  if (cut !== undefined) return toldOfCut(cut);
  return failedLeg('send', result.received) ?? failedLeg('receive', result.sent);
}

export function toldOfFault(fault: unknown, cut: Cut | undefined, { overHbone }: { readonly overHbone: boolean }): Told {
  if (cut !== undefined) return toldOfCut(cut);
  const code = fault instanceof MeshError ? String((fault.fault as { code: unknown }).code) : '';
  return { flag: flagOf(code, { overHbone }), error: describeError(fault) };
}

const failedLeg = (leg: string, ending: Ending): Failed | undefined =>
  ending.how === 'failed' ? { flag: 'CONNECT', error: `${leg}: ${describeError(ending.fault)}` } : undefined;
