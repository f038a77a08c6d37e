// A kind of object as the API server serves it: its place in the URL space, and how its objects are trimmed to what we read.
// Every call names one; callers declare the kinds that they read. No I/O here.
import { refused } from './errors.ts';
import { objectOf, textOf } from './raw.ts';

export interface Kind<T> {
  /** `''` for the core group. */
  readonly group: string;
  readonly version: string;
  /** As in URLs: `pods`. */
  readonly plural: string;
  /** As in objects: `Pod`. */
  readonly kind: string;
  readonly namespaced: boolean;
  /**
   * Trims an object as the server sent it to what we read; the rest is dropped at once. Best without resourceVersion: objects that stay equal
   * notify nobody. Must not throw; undefined means unusable, and the object then counts as absent.
   */
  readonly narrow: (raw: unknown) => T | undefined;
}

export interface Key {
  /** `''` for objects outside namespaces. */
  readonly namespace: string;
  readonly name: string;
}

/** `namespace/name`, or `name` for objects outside namespaces. */
export const keyText = ({ namespace, name }: Key): string => (namespace === '' ? name : `${namespace}/${name}`);

/** An object trimmed, with what caches need to know about it. */
export interface Versioned<T> {
  /** As `keyText`. */
  readonly key: string;
  /** The server's resourceVersion: equal means unchanged, nothing else can be told from it. */
  readonly version: string;
  readonly item: T;
}

export const apiVersionOf = ({ group, version }: Kind<unknown>): string => (group === '' ? version : `${group}/${version}`);

/** Key and resourceVersion of an object; undefined if it has no name. */
export function metaOf(raw: unknown): { readonly key: string; readonly version: string } | undefined {
  const meta = objectOf(objectOf(raw).metadata);
  const name = textOf(meta.name);
  if (name === '') return undefined;
  return { key: keyText({ namespace: textOf(meta.namespace), name }), version: textOf(meta.resourceVersion) };
}

/** `kind.narrow`, with a narrowing that throws after all counted as unusable. */
export function narrowed<T>(kind: Kind<T>, raw: unknown): T | undefined {
  try {
    return kind.narrow(raw);
  } catch {
    return undefined;
  }
}

/** Path of all objects of a kind: of one namespace, or of all of them when it is `''`. */
export function pathOfAll(kind: Kind<unknown>, namespace: string): string {
  const root = kind.group === '' ? '/api' : `/apis/${segment(kind, kind.group)}`;
  const inside = kind.namespaced && namespace !== '' ? `/namespaces/${segment(kind, namespace)}` : '';
  return `${root}/${segment(kind, kind.version)}${inside}/${segment(kind, kind.plural)}`;
}

/** Path of one object. `''` as a namespace of a namespaced kind leads nowhere: the server answers 404. */
export function pathOf(kind: Kind<unknown>, key: Key, subresource?: string): string {
  return `${pathOfAll(kind, key.namespace)}/${segment(kind, key.name)}${subresource === undefined ? '' : `/${segment(kind, subresource)}`}`;
}

/** Throws the server's own answer to names that no object can have, because a URL would give them another meaning. */
function segment(kind: Kind<unknown>, text: string): string {
  if (text !== '' && text !== '.' && text !== '..') return encodeURIComponent(text);
  const message = `${JSON.stringify(text)} names nothing`;
  throw refused(kind.plural, { status: 404, reason: 'NotFound', message, retryAfterSeconds: Number.NaN });
}
