// Keeps a sink equal to everything of one kind on the server: lists, watches from there, resumes, and lists again when that is the only way.
// Used by store.ts. What follows what is decided in watch-course.ts; one watch is carried out by watch.ts.
import { Backoff } from '@ambient-mesh/runtime/backoff';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import type { KubeClient } from './client.ts';
import { isKubeError, type KubeError, statusOf } from './errors.ts';
import type { Kind, Versioned } from './kind.ts';
import type { Selection } from './listing.ts';
import { followWatch, type WatchSink } from './watch.ts';
import { type Course, leastWait, nextCourse, type Outcome, type Phase, start } from './watch-course.ts';

/** Where a list-watch puts what it learns. Its methods must not throw. */
export interface ListSink<T> extends WatchSink<T> {
  /** Everything there is; what is missing is gone. Nothing else is called until it has resolved. */
  replace(objects: readonly Versioned<T>[]): Promise<void>;
}

/** What happens on the way, for log and metrics. Must not throw. */
export interface WatchReport {
  readonly listed: (kind: Kind<unknown>, listed: { readonly objects: number; readonly took: Ms }) => void;
  /** The watch stands. */
  readonly watching: (kind: Kind<unknown>) => void;
  /** The list failed, or the watch ended. */
  readonly ended: (kind: Kind<unknown>, end: WatchEnd) => void;
  /** The server does not know the kind: that counts as an empty list, and it is looked for again every 10 s. Said once. */
  readonly absent: (kind: Kind<unknown>) => void;
  /** An object that cannot be narrowed counts as absent. */
  readonly skipped: (kind: Kind<unknown>, key: string) => void;
}

export interface WatchEnd {
  /** Undefined: the server ended the watch in good order, as it does every few minutes. */
  readonly why: KubeError | undefined;
  /** Until the next attempt. */
  readonly wait: Ms;
  /** The same failure as before, and nothing went well between: log it once only. */
  readonly repeated: boolean;
}

export interface ListWatchOptions<T> extends Selection {
  readonly sink: ListSink<T>;
  readonly report: WatchReport;
  readonly clock: Clock;
  /** Uniform in [0, 1). Default: Math.random. */
  readonly random?: (() => number) | undefined;
}

/** The first wait is 125 to 375 ms, none is longer than 30 s. */
const pause = { first: ms(250), max: ms(20_000), factor: 2, jitter: 0.5 };

/** Runs until the signal aborts, then resolves. Rejects only if the sink or the report throws. */
export async function listWatch<T>(client: KubeClient, kind: Kind<T>, options: ListWatchOptions<T>, signal: AbortSignal): Promise<void> {
  const { sink, report, clock, random = Math.random } = options;
  const backoff = new Backoff({ ...pause, random });
  let phase: Phase = start;
  let complaint: string | undefined;
  while (!signal.aborted) {
    const outcome = await stepOf(client, kind, { ...options, random, phase }, signal);
    if (signal.aborted) return;
    const course = nextCourse(phase, outcome);
    phase = course.phase;
    if (course.reset) backoff.reset();
    if (course.gone) {
      await sink.replace([]);
      report.absent(kind);
    }
    const wait = waitOf(course, backoff, outcome);
    if (outcome.of === 'watch' || ('why' in outcome && !course.missing)) {
      const now = outcome.why && `${outcome.why.fault.code} ${statusOf(outcome.why)}`;
      report.ended(kind, { why: outcome.why, wait, repeated: now !== undefined && now === complaint && !course.reset });
      complaint = now;
    }
    if (wait > 0) await clock.sleep(wait, signal).catch(() => {});
  }
}

type Step<T> = ListWatchOptions<T> & { readonly random: () => number; readonly phase: Phase };

function stepOf<T>(client: KubeClient, kind: Kind<T>, step: Step<T>, signal: AbortSignal): Promise<Outcome> {
  const { phase } = step;
  return phase.at === 'listing' ? list(client, kind, step, signal) : followWatch(client, kind, { ...step, version: phase.version }, signal);
}

async function list<T>(client: KubeClient, kind: Kind<T>, options: ListWatchOptions<T>, signal: AbortSignal): Promise<Outcome> {
  const { sink, report, clock, namespace, labelSelector, fieldSelector } = options;
  const began = clock.monotonic();
  try {
    const { objects, skipped, resourceVersion } = await client.listing(kind, { namespace, labelSelector, fieldSelector }, { signal });
    for (const key of skipped) report.skipped(kind, key);
    await sink.replace(objects);
    report.listed(kind, { objects: objects.length, took: ms(clock.monotonic() - began) });
    return { of: 'list', version: resourceVersion };
  } catch (e) {
    if (isKubeError(e)) return { of: 'list', why: e };
    // Given up: nobody looks at the version any more.
    if (signal.aborted) return { of: 'list', version: '' };
    throw e;
  }
}

function waitOf(course: Course, backoff: Backoff, outcome: Outcome): Ms {
  if (course.wait === 'none') return ms(0);
  if (course.wait !== 'backoff') return course.wait;
  return ms(Math.max(backoff.next(), 'why' in outcome ? leastWait(outcome.why) : 0));
}
