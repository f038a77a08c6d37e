// One line of a watch, read and checked.
// Used by watch.ts; what follows from an error is for watch-course.ts to say.
import { badAnswer, type KubeError, refused } from './errors.ts';
import { metaOf } from './kind.ts';
import { isObject, numberOf, objectOf, textOf } from './raw.ts';

export type WatchEvent =
  | { readonly type: 'put' | 'remove'; readonly key: string; readonly version: string; readonly raw: unknown }
  /** Nothing changed up to this version. */
  | { readonly type: 'bookmark'; readonly version: string }
  /** The server ends the watch, and why. */
  | { readonly type: 'error'; readonly why: KubeError };

const types: Readonly<Record<string, 'put' | 'remove'>> = { ADDED: 'put', MODIFIED: 'put', DELETED: 'remove' };

/** `what` is for error texts. @throws MeshError `kube.bad-answer` for whatever is no event: then nothing is certain but a new list. */
export function readWatchEvent(line: string, what: string): WatchEvent {
  const event = parse(line, what);
  const { object } = event;
  if (event.type === 'ERROR') return { type: 'error', why: readStatus(object, what) };
  const version = textOf(objectOf(objectOf(object).metadata).resourceVersion);
  if (version === '') throw badAnswer(what, 'an event without a version');
  if (event.type === 'BOOKMARK') return { type: 'bookmark', version };
  const type = Object.hasOwn(types, textOf(event.type)) ? types[textOf(event.type)] : undefined;
  const meta = metaOf(object);
  if (type === undefined || meta === undefined) throw badAnswer(what, 'an event of no known type, or of an object without name');
  return { type, ...meta, raw: object };
}

function parse(line: string, what: string): Readonly<Record<string, unknown>> {
  try {
    const event: unknown = JSON.parse(line);
    if (isObject(event)) return event;
  } catch (e) {
    throw badAnswer(what, 'an event that is no JSON', e);
  }
  throw badAnswer(what, 'an event that is no object');
}

function readStatus(raw: unknown, what: string): KubeError {
  const { code, reason, message, details } = objectOf(raw);
  return refused(what, {
    status: Number.isInteger(code) ? numberOf(code) : 500,
    reason: textOf(reason),
    message: textOf(message),
    retryAfterSeconds: numberOf(objectOf(details).retryAfterSeconds),
  });
}
