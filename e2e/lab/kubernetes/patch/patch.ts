// Applies a patch of any of the three classic types to an object; server-side apply is apply/server-side-apply.ts.
// Called by the server for PATCH. Neither validates the result nor tracks who owns its fields.
import { builtinSchema } from '../schema/builtin.ts';
import { badRequest, unsupportedMediaType } from '../status-error.ts';
import { isObject, type Json, type KubeObject } from './json.ts';
import { jsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';
import { strategicMerge } from './strategic-merge.ts';

export type PatchType = 'application/json-patch+json' | 'application/merge-patch+json' | 'application/strategic-merge-patch+json';

/** @throws StatusError when the patch is malformed, does not apply, or is strategic for a custom kind. `current` is not changed. */
export function applyPatch(
  contentType: PatchType,
  current: KubeObject,
  patch: Json,
  kind: { readonly group: string; readonly kind: string },
): KubeObject {
  const patched = patchedWith(contentType, current, patch, kind);
  if (!isObject(patched) || !isObject(patched.metadata)) {
    throw badRequest('the patch leaves no object with metadata');
  }
  return { ...patched, apiVersion: current.apiVersion, kind: current.kind, metadata: patched.metadata };
}

function patchedWith(contentType: PatchType, current: KubeObject, patch: Json, kind: { group: string; kind: string }): Json {
  switch (contentType) {
    case 'application/json-patch+json':
      return jsonPatch(current, patch);
    case 'application/merge-patch+json':
      return mergePatch(current, objectOf(patch));
    case 'application/strategic-merge-patch+json': {
      const schema = builtinSchema(kind.group, kind.kind);
      if (schema !== undefined) return strategicMerge(current, objectOf(patch), schema);
      const accepted = 'application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml';
      const text = `the body of the request was in an unknown format - accepted media types include: ${accepted}`;
      throw unsupportedMediaType(text);
    }
    default:
      throw contentType satisfies never;
  }
}

function objectOf(patch: Json): { [key: string]: Json } {
  if (isObject(patch)) return patch;
  throw badRequest('error decoding patch: it must be an object');
}
