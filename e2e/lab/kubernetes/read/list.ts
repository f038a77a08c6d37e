// Lists: which objects, at which revision, in pages that all show the same moment.
// How they are written is serve/'s affair. A page's token names the moment and where to go on; the store's history does the rest.
import type { Cluster, Target } from '../cluster.ts';
import { badRequest, expired, invalid, StatusError } from '../status-error.ts';
import type { Stored } from '../store/stored.ts';
import { selectionOf } from './selection.ts';

export interface Page {
  readonly items: readonly Stored[];
  /** metadata.resourceVersion of the list. */
  readonly revision: number;
  /** Absent on the last page. */
  readonly continueToken?: string;
  /** Known only when no selector is in force. */
  readonly remaining?: number;
}

interface Place {
  readonly revision: number;
  /** The last key of the page before. */
  readonly after: string;
}

const tooOld =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

export function listPage({ store }: Cluster, target: Target, query: URLSearchParams): Page {
  const limit = wholeNumber(query.get('limit'), 'limit') ?? 0;
  const token = query.get('continue') ?? '';
  const place = token === '' ? undefined : readToken(token);
  const revision = place?.revision ?? exactRevision(store.revision, query) ?? store.revision;
  const everything = store.listAt(target.resource.stored, revision);
  if (everything === undefined) {
    if (place === undefined) throw expired(`The resourceVersion for the provided list is too old.`);
    throw expired(tooOld, writeToken({ revision: store.revision, after: place.after }));
  }
  const { matches, isNarrow } = selectionOf(target, query);
  const from = place === undefined ? everything : everything.filter(({ key }) => key > place.after);
  const chosen = from.filter(({ object }) => matches(object));
  const last = limit > 0 && chosen.length > limit ? chosen[limit - 1] : undefined;
  if (last === undefined) return { items: chosen, revision };
  return {
    items: chosen.slice(0, limit),
    revision,
    continueToken: writeToken({ revision, after: last.key }),
    ...(isNarrow ? {} : { remaining: chosen.length - limit }),
  };
}

/** The revision that the client insists on; undefined when the newest state will do. */
function exactRevision(newest: number, query: URLSearchParams): number | undefined {
  const wanted = readRevision(query);
  const match = query.get('resourceVersionMatch') ?? '';
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan')
    throw refuse('resourceVersionMatch', `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`);
  if (match !== '' && wanted === undefined)
    throw refuse('resourceVersionMatch', 'Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (match === 'Exact' && wanted === 0)
    throw refuse('resourceVersionMatch', 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  if (wanted !== undefined && wanted > newest) throw notThereYet(wanted, newest);
  const isExact = match === 'Exact' || (match === '' && wanted !== undefined && wanted > 0 && (query.get('limit') ?? '') !== '');
  return isExact ? wanted : undefined;
}

function refuse(field: string, message: string): StatusError {
  const reason = message.startsWith('Forbidden') ? 'FieldValueForbidden' : 'FieldValueNotSupported';
  return invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [{ field, reason, message }]);
}

function notThereYet(wanted: number, newest: number): StatusError {
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  const text = `Timeout: Too large resource version: ${wanted}, current: ${newest}`;
  return new StatusError(504, 'Timeout', text, { causes, retryAfterSeconds: 1 });
}

/** Undefined when the client names none. */
export function readRevision(query: URLSearchParams): number | undefined {
  const text = query.get('resourceVersion') ?? '';
  if (text === '') return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const quoted = JSON.stringify(text);
  const why = `resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: invalid syntax`;
  throw badRequest(`invalid resource version: ${why}`);
}

export function wholeNumber(text: string | null, name: string): number | undefined {
  if (text === null || text === '') return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw badRequest(`${name}: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

const writeToken = (place: Place): string => Buffer.from(JSON.stringify([place.revision, place.after])).toString('base64url');

function readToken(token: string): Place {
  try {
    const read: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (Array.isArray(read) && Number.isSafeInteger(read[0]) && typeof read[1] === 'string') return { revision: read[0], after: read[1] };
  } catch {
    // Not ours: refused below.
  }
  throw badRequest('invalid continue token: continue key is not valid: it cannot be decoded');
}
