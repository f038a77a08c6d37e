// The tables of what the chart's definitions refuse, asked of the lab's own admission.
import { describe, expect, test } from 'vitest';
import type { JsonObject, KubeObject } from '../patch/json.ts';
import { admit } from '../schema/validate.ts';
import type { ServedKind } from '../served-kind.ts';
import { gatewayRefusals } from './gateway-refusals.ts';
import { meshDefinitions } from './mesh-definitions.ts';
import { networkingRefusals } from './networking-refusals.ts';
import { securityRefusals } from './security-refusals.ts';
import { servedKinds } from './served.ts';

const kinds: readonly ServedKind[] = meshDefinitions().flatMap(servedKinds);

/** Empty = admitted. Unknown fields are errors. */
function verdict(apiVersion: string, kind: string, spec: JsonObject, old?: JsonObject): string[] {
  const served = kinds.find((each) => each.kind === kind && `${each.group}/${each.version}` === apiVersion);
  if (served === undefined) throw new Error(`${kind} is not served as ${apiVersion}`);
  const object = (content: JsonObject): KubeObject => ({ apiVersion, kind, metadata: { name: 'it', namespace: 'shop' }, spec: content });
  const { errors } = admit(served.schema, object(spec), old && object(old), { fieldValidation: 'Strict' });
  return errors.map(({ path, message }) => `${path}: ${message}`);
}

describe.each([...securityRefusals, ...networkingRefusals, ...gatewayRefusals])('%s %s', (apiVersion, kind, rows) => {
  test.each(rows)('%s', (_, accepted, refused, error) => {
    expect(verdict(apiVersion, kind, accepted)).toEqual([]);
    expect(verdict(apiVersion, kind, refused).join('\n')).toContain(error);
  });
});

test('the controller of a class never changes', () => {
  const [before, after] = [{ controllerName: 'a.b/c' }, { controllerName: 'a.b/d' }];
  const change = (spec: JsonObject): string[] => verdict('gateway.networking.k8s.io/v1', 'GatewayClass', spec, before);
  expect(change(before)).toEqual([]);
  expect(change(after)).toEqual(['spec.controllerName: Invalid value: "string": Value is immutable']);
});
