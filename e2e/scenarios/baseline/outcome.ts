// What a load's lines say when they are added up: how many requests went well, and for each that did not, why and when. Pure.
// Used by the scenarios that restart things under load.
import type { LoadLine } from '../../lab/cluster/apps/echo-protocol.ts';

export interface Outcome {
  readonly requests: number;
  /** Of a hundred. */
  readonly percent: number;
  /** `REASON: how many`. */
  readonly failures: readonly string[];
}

export function outcomeOf(lines: readonly LoadLine[]): Outcome {
  const failed = lines.filter(({ error }) => error !== undefined);
  const counts = new Map<string, number>();
  for (const { error = '' } of failed) counts.set(error, (counts.get(error) ?? 0) + 1);
  return {
    requests: lines.length,
    percent: lines.length === 0 ? 0 : (100 * (lines.length - failed.length)) / lines.length,
    failures: [...counts].map(([reason, count]) => `${reason}: ${count}`),
  };
}

/** From when to when something was being replaced; milliseconds since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Why a request may fail while the ztunnel of either end is replaced. Anything else is not explained by that. */
const whileReplaced: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'no ztunnel listens in the pod: the old one has left, the new one has not come',
  ECONNRESET: 'its connection was carried by the old ztunnel when that ended',
  'socket hang up': 'its connection was carried by the old ztunnel when that ended',
  EAI_AGAIN: 'no ztunnel answered the lookup of the name',
};

/** Failures that no reason explains, or that happened when nothing was being replaced. */
export function unexplained(lines: readonly LoadLine[], { from, to }: Span): readonly LoadLine[] {
  return lines.filter(({ at, ms, error }) => error !== undefined && (!(error in whileReplaced) || at > to || at + ms < from));
}
