// What the query of a writing request says: dry run, field manager, field validation, force.
// Read once per request by serve/; handed down to every write.
import { invalid } from '../status-error.ts';

export interface WriteOptions {
  /** Do and answer everything, store nothing. */
  readonly dryRun: boolean;
  /** Whose fields these become. */
  readonly manager: string;
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  /** Server-side apply: take fields from other managers. */
  readonly force: boolean;
  /** Collects what goes into Warning headers. */
  readonly warnings: string[];
}

/** Names of managers longer than this are refused (validation of field managers in apimachinery). */
const maxManagerLength = 128;

/** @param optionsKind as the API names the options of the verb, for error messages: `CreateOptions`. */
export function readWriteOptions(query: URLSearchParams, userAgent: string, optionsKind: string): WriteOptions {
  const refuse = (field: string, reason: string, message: string) =>
    invalid({ group: 'meta.k8s.io', kind: optionsKind }, '', [{ field, reason, message }]);
  const dryRuns = query.getAll('dryRun').filter((each) => each !== '');
  const badDryRun = dryRuns.find((each) => each !== 'All');
  if (badDryRun !== undefined)
    throw refuse('dryRun', 'FieldValueNotSupported', `Unsupported value: ${JSON.stringify(badDryRun)}: supported values: "All"`);
  const fieldValidation = query.get('fieldValidation') || 'Warn';
  if (fieldValidation !== 'Strict' && fieldValidation !== 'Warn' && fieldValidation !== 'Ignore') {
    const message = `Unsupported value: ${JSON.stringify(fieldValidation)}: supported values: "Ignore", "Strict", "Warn"`;
    throw refuse('fieldValidation', 'FieldValueNotSupported', message);
  }
  const manager = query.get('fieldManager') ?? '';
  if (manager.length > maxManagerLength)
    throw refuse('fieldManager', 'FieldValueTooLong', `Too long: may not be more than ${maxManagerLength} bytes`);
  return {
    dryRun: dryRuns.length > 0,
    manager: manager === '' ? (userAgent.split('/')[0] ?? '').slice(0, maxManagerLength) || 'unknown' : manager,
    fieldValidation,
    force: query.get('force') === 'true' || query.get('force') === '1',
    warnings: [],
  };
}
