// Everything there is of a kind, page by page: each page is trimmed and dropped before the next one is asked for.
// Used by client.ts. All pages show one moment; when the server no longer remembers it, the list starts anew, in one piece.
import { badAnswer, statusOf } from './errors.ts';
import { type Kind, metaOf, narrowed, type Versioned } from './kind.ts';
import { isObject, objectOf, textOf } from './raw.ts';

export interface Selection {
  /** Default: all of them. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface Listing<T> {
  readonly objects: readonly Versioned<T>[];
  /** Keys of objects that could not be narrowed. */
  readonly skipped: readonly string[];
  /** Of the moment that the list shows: a watch from here misses nothing. */
  readonly resourceVersion: string;
}

/** Objects per page. */
export const pageSize = 500;

export type ReadPage = (query: { readonly limit?: string; readonly continue?: string }) => Promise<unknown>;

/** `what` is for error texts. Rejects with what `readPage` rejects with, or `kube.bad-answer`. */
export async function listAll<T>(kind: Kind<T>, what: string, limit: number, readPage: ReadPage): Promise<Listing<T>> {
  try {
    return await listPaged(kind, what, (token) => readPage({ limit: `${limit}`, ...(token !== '' && { continue: token }) }));
  } catch (e) {
    // Too slow for paging: the token of the next page expired.
    if (statusOf(e) !== 410) throw e;
    return listPaged(kind, what, () => readPage({}));
  }
}

async function listPaged<T>(kind: Kind<T>, what: string, readPage: (token: string) => Promise<unknown>): Promise<Listing<T>> {
  const objects: Versioned<T>[] = [];
  const skipped: string[] = [];
  let token = '';
  for (;;) {
    const { items, metadata } = objectOf(await readPage(token));
    // Go writes an empty list as null.
    if ((items !== null && !Array.isArray(items)) || !isObject(metadata)) throw badAnswer(what, 'it is no list');
    for (const raw of items ?? []) {
      const meta = metaOf(raw);
      if (meta === undefined || meta.version === '') throw badAnswer(what, 'an object without name or version');
      const item = narrowed(kind, raw);
      if (item === undefined) skipped.push(meta.key);
      else objects.push({ ...meta, item });
    }
    const next = textOf(metadata.continue);
    const resourceVersion = textOf(metadata.resourceVersion);
    if (resourceVersion === '') throw badAnswer(what, 'a list without a version');
    if (next === '') return { objects, skipped, resourceVersion };
    if (next === token) throw badAnswer(what, 'a list without an end');
    token = next;
  }
}
