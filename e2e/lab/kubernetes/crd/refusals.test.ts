// The tables of what the chart's definitions refuse, asked over HTTP: of the lab's API and, with KUBEBUILDER_ASSETS, of a real API server,
// which also judges what the definitions' rules may cost.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../eventually.ts';
import { ApiClient } from '../api-client.ts';
import { type ApiUnderTest, apis } from '../each-api.ts';
import { textAt } from '../object.ts';
import type { JsonObject } from '../patch/json.ts';
import { apiVersionOf, type ServedKind } from '../served-kind.ts';
import { extensionRefusals } from './extension-refusals.ts';
import { gatewayRefusals } from './gateway-refusals.ts';
import { meshDefinitions } from './mesh-definitions.ts';
import { networkingRefusals } from './networking-refusals.ts';
import { securityRefusals } from './security-refusals.ts';
import { servedKinds } from './served.ts';

const definitions = meshDefinitions();
const kinds: readonly ServedKind[] = definitions.flatMap(servedKinds);

function pathOf(apiVersion: string, kind: string): string {
  const served = kinds.find((each) => each.kind === kind && apiVersionOf(each) === apiVersion);
  if (served === undefined) throw new Error(`${kind} is not served as ${apiVersion}`);
  return `/apis/${apiVersion}${served.namespaced ? '/namespaces/default' : ''}/${served.plural}`;
}

describe.each(apis)('%s', (_name, start) => {
  let api: ApiUnderTest;
  let client: ApiClient;

  beforeAll(async () => {
    api = await start();
    client = new ApiClient(api);
    for (const definition of definitions) {
      const { status, text } = await client.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
      expect([status, status === 201 ? '' : text]).toEqual([201, '']);
    }
    for (const kind of kinds) {
      const path = pathOf(apiVersionOf(kind), kind.kind);
      await eventually(async () => (await client.get(path)).status === 200 || undefined, { timeoutMs: 20_000, what: `${path} served` });
    }
  });

  afterAll(async () => {
    client?.[Symbol.dispose]();
    await api?.[Symbol.asyncDispose]();
  });

  /** Empty = admitted. */
  async function verdict(apiVersion: string, kind: string, spec: JsonObject): Promise<string> {
    const object = { apiVersion, kind, metadata: { name: 'it' }, spec };
    const { status, body, text } = await client.post(`${pathOf(apiVersion, kind)}?dryRun=All&fieldValidation=Strict`, object);
    return status === 201 ? '' : (textAt(body, 'message') ?? text);
  }

  describe.each([...securityRefusals, ...networkingRefusals, ...gatewayRefusals, ...extensionRefusals])(
    '%s %s',
    (apiVersion, kind, rows) => {
      test.each(rows)('%s', async (_, accepted, refused, error) => {
        expect(await verdict(apiVersion, kind, accepted)).toBe('');
        expect(await verdict(apiVersion, kind, refused)).toContain(error);
      });
    },
  );

  test('the controller of a class never changes', async () => {
    const apiVersion = 'gateway.networking.k8s.io/v1';
    const path = pathOf(apiVersion, 'GatewayClass');
    await client.post(path, { apiVersion, kind: 'GatewayClass', metadata: { name: 'a' }, spec: { controllerName: 'a.b/c' } });
    const { status, body } = await client.patch(`${path}/a`, { spec: { controllerName: 'a.b/d' } });
    expect([status, textAt(body, 'message')]).toEqual([
      422,
      'GatewayClass.gateway.networking.k8s.io "a" is invalid: spec.controllerName: Invalid value: "string": Value is immutable',
    ]);
  });
});
