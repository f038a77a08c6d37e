// Tells users, by an Event at the object concerned, what they should know about it; the same news again only counts up.
// Used by programs beside status conditions (status.ts). Events are forgotten by the server after an hour.
import { createHash } from 'node:crypto';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { CallOptions, KubeClient } from './client.ts';
import { isKubeError } from './errors.ts';
import type { Kind } from './kind.ts';
import { microTime } from './lease-record.ts';
import { numberOf, objectOf } from './raw.ts';

export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  /** `''` for objects outside namespaces; their events go to `default`. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface News {
  readonly regarding: Regarding;
  /** One word, for machines. */
  readonly reason: string;
  /** For people; cut to 1,024 bytes, the server's limit. */
  readonly note: string;
  readonly type: 'Warning' | 'Normal';
  /** What we did or failed to do, one word. */
  readonly action: string;
  /** Who says so: `istio.io/istiod-lite`. */
  readonly reporter: string;
  /** Which of them: the pod's name. */
  readonly instance: string;
}

/** How often it has been said before. */
const events: Kind<{ readonly count: number }> = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
  narrow: (raw) => ({ count: Math.max(1, numberOf(objectOf(objectOf(raw).series).count) || 1) }),
};

/** Makes the event, or counts the one up that says the same of the same object. A count may be lost when two processes say it at once. */
export async function postEvent(
  client: KubeClient,
  news: News,
  { clock, ...options }: CallOptions & { readonly clock: Clock },
): Promise<void> {
  const { regarding, reason, type, action, reporter, instance } = news;
  const note = shortened(news.note);
  const key = { namespace: regarding.namespace || 'default', name: nameOf(regarding, reason, note) };
  const now = microTime(clock.now());
  const event = { regarding, reason, note, type, action, reportingController: reporter, reportingInstance: instance, eventTime: now };
  try {
    await client.create(events, key, event, options);
  } catch (e) {
    if (!isKubeError(e) || e.fault.code !== 'kube.conflict') throw e;
    const count = ((await client.get(events, key, options))?.count ?? 1) + 1;
    await client.patch(events, key, { type: 'merge', body: { series: { count, lastObservedTime: now } } }, options);
  }
}

/** Names of objects may be as long as names of events can be. */
function nameOf({ uid, name }: Regarding, reason: string, note: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([uid, reason, note]))
    .digest('hex');
  return `${name.slice(0, 200).replace(/[^a-z0-9]+$/, '')}.${hash.slice(0, 16)}`;
}

const longestNote = 1_024;

/** Cut by bytes, never within a character. */
function shortened(note: string): string {
  if (Buffer.byteLength(note) <= longestNote) return note;
  const room = new Uint8Array(longestNote - 3);
  const { read } = new TextEncoder().encodeInto(note, room);
  return `${note.slice(0, read)}...`;
}
