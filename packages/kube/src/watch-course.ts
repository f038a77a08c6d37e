// What a list-watch does next, from how its last step ended: list, watch, or wait. Pure; one table of rules.
// Carried out by list-watch.ts.
import { type Ms, ms } from '@ambient-mesh/runtime/time';
import { isKubeError, type KubeError, statusOf } from './errors.ts';

export type Phase =
  /** `missed`: how often in a row the kind itself was not found. `known`: it was there the last time anything was. */
  | { readonly at: 'listing'; readonly known: boolean; readonly missed: number }
  /** Everything up to `version` is known. */
  | { readonly at: 'watching'; readonly version: string };

export type Outcome =
  | { readonly of: 'list'; readonly version: string }
  | { readonly of: 'list'; readonly why: KubeError }
  /** `version`: of the last event. `why` is undefined after a clean end. `changes` does not count bookmarks. */
  | { readonly of: 'watch'; readonly version: string; readonly why: KubeError | undefined; readonly lived: Ms; readonly changes: number };

export interface Course {
  readonly phase: Phase;
  /** `backoff`: grows with each failure. */
  readonly wait: 'none' | 'backoff' | Ms;
  /** Whether the step was healthy enough for the next failure to count as the first. */
  readonly reset: boolean;
  /** The server does not know the kind; nothing to complain about. */
  readonly missing: boolean;
  /** It is believed now: nothing is left of it. Once. */
  readonly gone: boolean;
}

export const start: Phase = { at: 'listing', known: false, missed: 0 };

/** How often a kind that the server does not know is looked for. */
export const lookAgainFor = ms(10_000);
/** A kind that was there is believed gone only when it is missed so often: a server that starts may not know it yet. */
const missesBelieved = 2;
const healthyFor = 10_000;

export function nextCourse(phase: Phase, outcome: Outcome): Course {
  if (outcome.of === 'watch') return afterWatch(outcome);
  if ('version' in outcome)
    return { phase: { at: 'watching', version: outcome.version }, wait: 'none', reset: false, missing: false, gone: false };
  const { known, missed } = phase.at === 'listing' ? phase : { known: false, missed: 0 };
  if (statusOf(outcome.why) !== 404)
    return { phase: { at: 'listing', known, missed }, wait: 'backoff', reset: false, missing: false, gone: false };
  const gone = known ? missed + 1 >= missesBelieved : missed === 0;
  return { phase: { at: 'listing', known: known && !gone, missed: missed + 1 }, wait: lookAgainFor, reset: true, missing: true, gone };
}

function afterWatch({ version, why, lived, changes }: Outcome & { of: 'watch' }): Course {
  const healthy = lived > healthyFor;
  const reset = healthy || changes > 0;
  if (why !== undefined && !canResume(why)) {
    return { phase: { at: 'listing', known: true, missed: 0 }, wait: 'backoff', reset, missing: false, gone: false };
  }
  return {
    phase: { at: 'watching', version },
    wait: why === undefined && healthy ? 'none' : 'backoff',
    reset,
    missing: false,
    gone: false,
  };
}

const transient: ReadonlySet<number> = new Set([401, 403, 408, 429]);

/** Whether a watch that ended like this may go on from where it was. Otherwise only a new list tells what is true. */
function canResume(why: KubeError): boolean {
  const { code } = why.fault;
  if (code === 'kube.bad-answer' || code === 'kube.too-large') return false;
  const status = statusOf(why);
  if (status === undefined || transient.has(status)) return true;
  // A server restored from a backup does not know our version yet, and says so with a 504.
  return status >= 500 && !/too large resource version/i.test(why.message);
}

/** `Retry-After` of a refusal; nothing shorter makes sense. */
export function leastWait(why: unknown): Ms {
  return isKubeError(why) && why.fault.code === 'kube.status' ? (why.fault.retryAfter ?? ms(0)) : ms(0);
}
