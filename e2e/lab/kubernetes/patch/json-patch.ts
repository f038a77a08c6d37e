// JSON patch (RFC 6902): the library does the work, this file bounds it and words its refusals as the API does.
// Called by patch.ts.
import { applyPatch, type Operation } from 'rfc6902';
import { badRequest, StatusError, tooLarge } from '../status-error.ts';
import { isObject, type Json } from './json.ts';

/** The API server's own limit. */
const maxOperations = 10_000;
const operations: ReadonlySet<unknown> = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);

export function jsonPatch(current: Json, patch: Json): Json {
  if (!isJsonPatch(patch)) throw badRequest('error decoding patch: not a list of JSON patch operations');
  if (patch.length > maxOperations) {
    const text = `The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`;
    throw tooLarge(`Request entity is too large: ${text}`);
  }
  const patched = structuredClone(current);
  let failures: ReturnType<typeof applyPatch>;
  try {
    failures = applyPatch(patched, patch);
  } catch (why) {
    throw unprocessable(why instanceof Error ? why.message : String(why));
  }
  const failed = failures.findIndex((failure) => failure !== null);
  if (failed !== -1) throw unprocessable(describe(patch[failed]));
  return patched;
}

function isJsonPatch(patch: Json): patch is Json[] & Operation[] {
  return Array.isArray(patch) && patch.every((each) => isObject(each) && operations.has(each.op) && typeof each.path === 'string');
}

function describe(operation: Operation | undefined): string {
  if (operation?.op === 'test') return `testing value ${operation.path} failed: test failed`;
  return `${operation?.op} operation does not apply: doc is missing path: ${operation?.path}: missing value`;
}

function unprocessable(why: string): StatusError {
  const causes = [{ reason: 'UnexpectedServerResponse', message: why }];
  return new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', { causes });
}
