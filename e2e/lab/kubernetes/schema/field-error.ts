// One mistake in an object, worded exactly as Kubernetes words it: `spec.action: Unsupported value: "X": supported values: "ALLOW"`.
// Made by everything that validates; the server turns a list of them into an `Invalid` status (invalid in status-error.ts).
import type { Json } from '../patch/json.ts';

export interface FieldError {
  /** `spec.rules[0].from`. */
  readonly path: string;
  /** The reason of the status' cause: `FieldValueInvalid`… */
  readonly type: string;
  /** Everything after the path. */
  readonly message: string;
}

const shown = (value: Json | undefined): string =>
  value === undefined || value === null
    ? 'null'
    : typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : JSON.stringify(value);
const error = (path: string, type: string, message: string, detail: string): FieldError => ({
  path,
  type,
  message: detail === '' ? message : `${message}: ${detail}`,
});

export const required = (path: string, detail = ''): FieldError => error(path, 'FieldValueRequired', 'Required value', detail);
export const forbidden = (path: string, detail: string): FieldError => error(path, 'FieldValueForbidden', 'Forbidden', detail);
export const invalid = (path: string, value: Json | undefined, detail: string): FieldError =>
  error(path, 'FieldValueInvalid', `Invalid value: ${shown(value)}`, detail);
export const wrongType = (path: string, value: Json, detail: string): FieldError =>
  error(path, 'FieldValueTypeInvalid', `Invalid value: ${shown(value)}`, detail);
export const unsupported = (path: string, value: Json, supported: readonly Json[]): FieldError =>
  error(
    path,
    'FieldValueNotSupported',
    `Unsupported value: ${shown(value)}`,
    `supported values: ${supported.map((each) => shown(typeof each === 'string' ? each : JSON.stringify(each))).join(', ')}`,
  );
export const duplicate = (path: string, value: Json): FieldError =>
  error(path, 'FieldValueDuplicate', `Duplicate value: ${shown(value)}`, '');
export const tooLong = (path: string, max: number): FieldError =>
  error(path, 'FieldValueTooLong', 'Too long', `may not be more than ${max} bytes`);
export const tooMany = (path: string, actual: number, max: number): FieldError =>
  error(path, 'FieldValueTooMany', `Too many: ${actual}`, `must have at most ${max} item${max === 1 ? '' : 's'}`);

export const child = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);
