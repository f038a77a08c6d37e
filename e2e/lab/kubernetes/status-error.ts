// A refusal as the Kubernetes API words it: the `Status` object that clients read and kubectl prints.
// Thrown by every layer of the lab's API, turned into an answer in one place (serve/respond.ts).
import type { JsonObject } from './patch/json.ts';

export interface Cause {
  /** `FieldValueInvalid`, `FieldValueRequired`, … as in field.ErrorType of apimachinery. */
  readonly reason: string;
  /** Without the field: `Required value`, `Invalid value: "x": must be …`. */
  readonly message: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** The plural, except in `Invalid`, where it is the kind. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

/** What errors about a resource need to know of it. */
export interface ResourceRef {
  readonly group: string;
  readonly plural: string;
}

export class StatusError extends Error {
  override readonly name = 'StatusError';
  /** HTTP status. */
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails;
  /** ListMeta.continue: only an expired paging token has one. */
  readonly continueToken: string | undefined;

  constructor(code: number, reason: string, message: string, details: StatusDetails = {}, continueToken?: string) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.continueToken = continueToken;
  }

  /** The `Status` object as it goes over the wire. */
  toJson(): JsonObject {
    const { causes, ...rest } = this.details;
    const details: JsonObject = { ...rest, ...(causes ? { causes: causes.map((cause) => ({ ...cause })) } : {}) };
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.continueToken === undefined ? {} : { continue: this.continueToken },
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(Object.keys(details).length > 0 ? { details } : {}),
      code: this.code,
    };
  }
}

const named = ({ group, plural }: ResourceRef): string => (group === '' ? plural : `${plural}.${group}`);
const detailsOf = ({ group, plural }: ResourceRef, name: string): StatusDetails => ({
  ...(name === '' ? {} : { name }),
  ...(group === '' ? {} : { group }),
  kind: plural,
});

export const notFound = (ref: ResourceRef, name: string): StatusError =>
  new StatusError(404, 'NotFound', `${named(ref)} "${name}" not found`, detailsOf(ref, name));

export const alreadyExists = (ref: ResourceRef, name: string): StatusError =>
  new StatusError(409, 'AlreadyExists', `${named(ref)} "${name}" already exists`, detailsOf(ref, name));

/** Optimistic concurrency, or a precondition, failed. */
export const conflict = (
  ref: ResourceRef,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): StatusError =>
  new StatusError(409, 'Conflict', `Operation cannot be fulfilled on ${named(ref)} "${name}": ${why}`, detailsOf(ref, name));

/** Server-side apply met fields of other managers. `manager` is as kubectl shows it: `"kubectl" using apps/v1 at …`, quotes included. */
export function applyConflict(conflicts: readonly { readonly manager: string; readonly fields: readonly string[] }[]): StatusError {
  const causes = conflicts.flatMap(({ manager, fields }) =>
    fields.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${manager}`, field })),
  );
  const byManager = conflicts.map(({ manager, fields }) =>
    [`conflicts with ${manager}:`, ...fields.map((field) => `- ${field}`)].join('\n'),
  );
  const text =
    causes.length === 1 ? `1 conflict: ${causes[0]?.message}: ${causes[0]?.field}` : `${causes.length} conflicts: ${byManager.join('\n')}`;
  return new StatusError(409, 'Conflict', `Apply failed with ${text}`, { causes });
}

/** `kind` and `group` are those of the object, not the resource. */
export function invalid(kind: { readonly group: string; readonly kind: string }, name: string, causes: readonly Cause[]): StatusError {
  const texts = causes.map(({ field, message }) => (field === undefined ? message : `${field}: ${message}`));
  const all = texts.length === 1 ? texts.join('') : `[${texts.join(', ')}]`;
  const full = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  return new StatusError(422, 'Invalid', `${full} "${name}" is invalid: ${all}`, {
    name,
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.kind,
    causes,
  });
}

export const badRequest = (message: string): StatusError => new StatusError(400, 'BadRequest', message);

export const unauthorized = (): StatusError => new StatusError(401, 'Unauthorized', 'Unauthorized');

export const forbidden = (ref: ResourceRef, name: string, why: string): StatusError =>
  new StatusError(403, 'Forbidden', `${named(ref)}${name === '' ? '' : ` "${name}"`} is forbidden: ${why}`, detailsOf(ref, name));

/** A resourceVersion or a paging token that the event log no longer reaches. */
export const expired = (message: string, continueToken?: string): StatusError =>
  new StatusError(410, 'Expired', message, {}, continueToken);

export const unsupportedMediaType = (message: string): StatusError => new StatusError(415, 'UnsupportedMediaType', message);

export const notAcceptable = (message: string): StatusError => new StatusError(406, 'NotAcceptable', message);

export const methodNotAllowed = (): StatusError =>
  new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');

/** Not a Status on the wire, but plain text: the path leads nowhere, as that of a kind without a definition. */
export const noSuchPath = 'NoSuchPath';

export const resourceNotServed = (): StatusError => new StatusError(404, noSuchPath, 'the server could not find the requested resource');

export const tooLarge = (message: string): StatusError => new StatusError(413, 'RequestEntityTooLarge', message);

export const internal = (message: string): StatusError => new StatusError(500, 'InternalError', `Internal error occurred: ${message}`);
