// One watch, from its request to its end: bytes to lines to events to the sink. Objects are trimmed and dropped one by one.
// Used by list-watch.ts. Never rejects for what the server or the network does; says instead how far it came and why it ended.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { KubeClient } from './client.ts';
import { Deadline } from './deadline.ts';
import { asKubeError, broken, isKubeError, type KubeError, timedOut } from './errors.ts';
import { type Kind, narrowed, type Versioned } from './kind.ts';
import { LineSplitter } from './lines.ts';
import type { Selection } from './listing.ts';
import type { Outcome } from './watch-course.ts';
import { readWatchEvent, type WatchEvent } from './watch-event.ts';

/** Where a watch puts its events, in order. Its methods must not throw. */
export interface WatchSink<T> {
  upsert(object: Versioned<T>): void;
  remove(key: string): void;
}

export interface WatchOptions<T> extends Selection {
  /** Everything up to here is known. */
  readonly version: string;
  readonly sink: WatchSink<T>;
  readonly report: { readonly watching: (kind: Kind<unknown>) => void; readonly skipped: (kind: Kind<unknown>, key: string) => void };
  readonly clock: Clock;
  readonly random: () => number;
}

type Progress = { version: string; changes: number; bookmarked: boolean };

/** Twice what etcd takes, with the server's own additions. */
const longestLine = 16 * 1024 * 1024;
/** The server ends a watch after this many seconds, each at another time. */
const seconds = { least: 240, spread: 240 };
/** Silence after the server should have ended the watch. */
const grace = 30_000;
/** Silence on a watch that has had a bookmark: they come once a minute. */
const bookmarkSilence = ms(150_000);
/** Then others get a turn. */
const eventsPerTurn = 128;

export async function followWatch<T>(
  client: KubeClient,
  kind: Kind<T>,
  options: WatchOptions<T>,
  signal: AbortSignal,
): Promise<Outcome & { of: 'watch' }> {
  const { clock, random, report, version, namespace, labelSelector, fieldSelector } = options;
  const progress: Progress = { version, changes: 0, bookmarked: false };
  const what = `watch ${kind.plural}`;
  const timeoutSeconds = Math.floor(seconds.least + seconds.spread * random());
  using silence = new Deadline(clock, ms(timeoutSeconds * 1_000 + grace), (after) => timedOut(what, after));
  const limited = AbortSignal.any([signal, silence.signal]);
  let began: number | undefined;
  const ended = (why: KubeError | undefined) =>
    ({
      of: 'watch',
      version: progress.version,
      why,
      lived: ms(began === undefined ? 0 : clock.monotonic() - began),
      changes: progress.changes,
    }) as const;
  try {
    const query = { resourceVersion: version, timeoutSeconds: `${timeoutSeconds}` };
    const body = await client.watch(kind, { namespace, labelSelector, fieldSelector, ...query }, limited);
    began = clock.monotonic();
    report.watching(kind);
    silence.putOff();
    await readAll(kind, chunksOf(body, what), { ...options, what, silence, progress }, signal);
    return ended(undefined);
  } catch (e) {
    if (isKubeError(e)) return ended(e);
    if (signal.aborted) return ended(asKubeError(what, signal.reason));
    throw e;
  }
}

type Reading<T> = WatchOptions<T> & { readonly what: string; readonly silence: Deadline; readonly progress: Progress };

async function readAll<T>(kind: Kind<T>, chunks: AsyncIterable<Buffer>, reading: Reading<T>, signal: AbortSignal): Promise<void> {
  const { what, silence, progress } = reading;
  const lines = new LineSplitter(what, longestLine);
  let turn = 0;
  for await (const chunk of chunks) {
    silence.putOff();
    for (const line of lines.push(chunk)) {
      if (signal.aborted) return;
      if (line === '') continue;
      const event = readWatchEvent(line, what);
      if (event.type === 'error') throw event.why;
      if (event.type === 'bookmark' && !progress.bookmarked) silence.reset(bookmarkSilence);
      act(kind, event, reading);
      if (++turn % eventsPerTurn === 0) await nextTurn();
    }
  }
  if (lines.held > 0) throw broken(`${what}: cut in the middle of an event`);
}

function act<T>(kind: Kind<T>, event: Exclude<WatchEvent, { type: 'error' }>, { sink, report, progress }: Reading<T>): void {
  progress.version = event.version;
  if (event.type === 'bookmark') {
    progress.bookmarked = true;
    return;
  }
  progress.changes++;
  const { key, version } = event;
  const item = event.type === 'put' ? narrowed(kind, event.raw) : undefined;
  if (item !== undefined) sink.upsert({ key, version, item });
  else sink.remove(key);
  if (item === undefined && event.type === 'put') report.skipped(kind, key);
}

/** So that an error of the connection is told from one of the sink. */
async function* chunksOf(body: AsyncIterable<Buffer>, what: string): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (e) {
    throw asKubeError(what, e);
  }
}
