// What a list-watch does next, from how its last step ended: list, watch, or wait. Pure; one table of rules.
// Carried out by list-watch.ts.
import { type Ms, ms } from '@ambient-mesh/runtime/time';
import { isKubeError, type KubeError, statusOf } from './errors.ts';

export type Phase =
  /** `missed`: how often in a row the kind itself was not found. `known`: it was there the last time anything was. */
  | { readonly at: 'listing'; readonly known: boolean; readonly missed: number }
  /** Everything up to `version` is known. `resumed`: for longer than since the last list. */
  | { readonly at: 'watching'; readonly version: string; readonly resumed: boolean };

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
const lookAgainFor = ms(10_000);
/** A kind that was there is believed gone only when it is missed so often: a server that starts may not know it yet. */
const missesBelieved = 2;
const healthyFor = 10_000;

export function nextCourse(phase: Phase, outcome: Outcome): Course {
  if (outcome.of === 'watch') return afterWatch(phase, outcome);
  if ('why' in outcome) return afterFailedList(phase, outcome.why);
  const next: Phase = { at: 'watching', version: outcome.version, resumed: false };
  return { phase: next, wait: 'none', reset: false, missing: false, gone: false };
}

function afterFailedList(phase: Phase, why: KubeError): Course {
  const { known, missed } = phase.at === 'listing' ? phase : { known: false, missed: 0 };
  const again: Phase = { at: 'listing', known, missed };
  if (statusOf(why) !== 404) return { phase: again, wait: 'backoff', reset: false, missing: false, gone: false };
  const gone = known ? missed + 1 >= missesBelieved : missed === 0;
  return { phase: { ...again, known: known && !gone, missed: missed + 1 }, wait: lookAgainFor, reset: true, missing: true, gone };
}

function afterWatch(phase: Phase, { version, why, lived, changes }: Outcome & { of: 'watch' }): Course {
  const healthy = lived > healthyFor;
  const course = { wait: 'backoff', reset: healthy || changes > 0, missing: false, gone: false } as const;
  if (why === undefined || canResume(why)) {
    return { ...course, phase: { at: 'watching', version, resumed: true }, wait: why === undefined && healthy ? 'none' : 'backoff' };
  }
  // A version forgotten while we were away is how a server greets that has started anew: it is well, and we have waited long enough.
  const isGreeting = statusOf(why) === 410 && phase.at === 'watching' && phase.resumed;
  return { ...course, phase: { at: 'listing', known: true, missed: 0 }, reset: course.reset || isGreeting };
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
