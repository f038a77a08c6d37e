// Asks the chart's definitions for their verdict on an object: the errors as a client would read them.
// Used by the tests of what the definitions refuse.
import type { JsonObject, KubeObject } from '../patch/json.ts';
import { groupOf } from '../schema/builtin.ts';
import { admit } from '../schema/validate.ts';
import type { ServedKind } from '../served-kind.ts';
import { meshDefinitions } from './mesh-definitions.ts';
import { servedKinds } from './served.ts';

const kinds: readonly ServedKind[] = meshDefinitions().flatMap(servedKinds);

/** One row of a table: a rule, a spec that obeys it, one that breaks it, and part of the error of the latter. */
export type Refusal = readonly [rule: string, accepted: JsonObject, refused: JsonObject, error: string];

/** Empty = admitted. Unknown fields are errors. */
export function verdict(apiVersion: string, kind: string, spec: JsonObject, old?: JsonObject): string[] {
  const served = kinds.find((each) => each.kind === kind && `${each.group}/${each.version}` === apiVersion);
  if (served === undefined) throw new Error(`${kind} of ${groupOf(apiVersion)} is not served as ${apiVersion}`);
  const object = (content: JsonObject): KubeObject => ({ apiVersion, kind, metadata: { name: 'it', namespace: 'shop' }, spec: content });
  const { errors } = admit(served.schema, object(spec), old && object(old), { fieldValidation: 'Strict' });
  return errors.map(({ path, message }) => `${path}: ${message}`);
}
