// From a definition to the kinds that it serves, and what makes a definition unusable.
import { describe, expect, test } from 'vitest';
import type { Json, JsonObject, KubeObject } from '../patch/json.ts';
import { StatusError } from '../status-error.ts';
import { meshDefinitions } from './mesh-definitions.ts';
import { servedKinds } from './served.ts';

const schema = (properties: JsonObject): JsonObject => ({ openAPIV3Schema: { type: 'object', properties } });
const version = (changes: JsonObject = {}): JsonObject => ({ name: 'v1', served: true, storage: true, schema: schema({}), ...changes });
const names = { plural: 'cats', kind: 'Cat', shortNames: ['c'], categories: ['all'] };

function definition(spec: JsonObject = {}, name = 'cats.pets.io'): KubeObject {
  const kind = 'CustomResourceDefinition';
  const complete = { group: 'pets.io', scope: 'Namespaced', names, versions: [version()], ...spec };
  return { apiVersion: 'apiextensions.k8s.io/v1', kind, metadata: { name }, spec: complete };
}

test('one kind per served version', () => {
  const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' };
  const columns = [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }];
  const versions = [
    version({ subresources: { status: {}, scale }, additionalPrinterColumns: columns }),
    version({ name: 'v1beta1', storage: false }),
    version({ name: 'v1alpha1', storage: false, served: false }),
  ];
  expect(servedKinds(definition({ versions }))).toMatchObject([
    {
      group: 'pets.io',
      version: 'v1',
      kind: 'Cat',
      plural: 'cats',
      singular: 'cat',
      shortNames: ['c'],
      categories: ['all'],
      namespaced: true,
      hasStatus: true,
      scale,
      printerColumns: columns,
      storage: true,
    },
    { version: 'v1beta1', hasStatus: false, printerColumns: [], storage: false },
  ]);
});

describe('a definition is refused', () => {
  const typed = (spec: Json): JsonObject => ({ versions: [version({ schema: schema({ spec }) })] });
  const at = 'spec.validation.openAPIV3Schema.properties[spec]';
  const rows: readonly (readonly [why: string, spec: JsonObject, error: string])[] = [
    ['without a group', { group: '' }, 'spec.group: Required value'],
    ['with a group of one word', { group: 'pets' }, 'should be a domain with at least one dot'],
    [
      'with an unknown scope',
      { scope: 'Galactic' },
      'spec.scope: Unsupported value: "Galactic": supported values: "Cluster", "Namespaced"',
    ],
    ['without versions', { versions: [] }, 'spec.versions: Required value: must have at least one version'],
    ['without a storage version', { versions: [version({ storage: false })] }, 'must have exactly one version marked as storage version'],
    [
      'with two storage versions',
      { versions: [version(), version({ name: 'v2' })] },
      'must have exactly one version marked as storage version',
    ],
    [
      'with a version twice',
      { versions: [version(), version({ storage: false })] },
      'spec.versions[1].name: Invalid value: "v1": must be unique',
    ],
    ['without a schema', { versions: [version({ schema: {} })] }, 'spec.validation.openAPIV3Schema: Required value: schemas are required'],
    ['with an untyped field', typed({}), `${at}.type: Required value: must not be empty for specified object fields`],
    [
      'with an untyped item',
      typed({ type: 'array', items: {} }),
      `${at}.items.type: Required value: must not be empty for specified array items`,
    ],
    ['with a list of nothing', typed({ type: 'array' }), `${at}.items: Required value: must be specified`],
    ['with a reference', typed({ $ref: '#/a', type: 'object' }), `${at}.$ref: Forbidden: $ref is not supported`],
    [
      'with properties beside a map',
      typed({ type: 'object', properties: {}, additionalProperties: { type: 'string' } }),
      'additionalProperties and properties are mutual exclusive',
    ],
    [
      'with a type in a union',
      typed({ type: 'object', anyOf: [{ type: 'object' }] }),
      `${at}.anyOf[0].type: Forbidden: must be empty to be structural`,
    ],
    [
      'with a field only in a union',
      typed({ type: 'object', oneOf: [{ properties: { a: { minimum: 1 } } }] }),
      `${at}.oneOf[0].properties[a]: Required value: because it is defined in`,
    ],
    [
      'with a map list without keys',
      typed({ type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map' }),
      'must not be empty if x-kubernetes-list-type is map',
    ],
    ['with a pattern that is none', typed({ type: 'string', pattern: '(' }), `${at}.pattern: Invalid value: "(": compilation failed`],
    [
      'with a rule that is none',
      typed({ type: 'object', 'x-kubernetes-validations': [{ rule: 'self.' }] }),
      `${at}.x-kubernetes-validations[0].rule: Invalid value: "self.": compilation failed`,
    ],
  ];
  test.each(rows)('%s', (_, spec, error) => {
    expect(() => servedKinds(definition(spec))).toThrow(StatusError);
    expect(() => servedKinds(definition(spec))).toThrow(error);
  });

  test('under another name', () => {
    expect(() => servedKinds(definition({}, 'dogs.pets.io'))).toThrow(
      'metadata.name: Invalid value: "dogs.pets.io": must be spec.names.plural+"."+spec.group',
    );
  });

  test('where versions differ, by version', () => {
    const versions = [version(), version({ name: 'v2', storage: false, schema: schema({ spec: {} }) })];
    expect(() => servedKinds(definition({ versions }))).toThrow(
      'spec.versions[1].schema.openAPIV3Schema.properties[spec].type: Required value',
    );
  });
});

test("the chart's definitions serve what the mesh reads", () => {
  const served = meshDefinitions().flatMap(servedKinds);
  expect(served.map(({ kind, version: name, storage }) => `${kind} ${name}${storage ? '*' : ''}`)).toEqual([
    ...['AuthorizationPolicy v1*', 'AuthorizationPolicy v1beta1'],
    ...['DestinationRule v1*', 'DestinationRule v1beta1', 'DestinationRule v1alpha3'],
    ...['GatewayClass v1*', 'GatewayClass v1beta1', 'Gateway v1*', 'Gateway v1beta1'],
    ...['GRPCRoute v1*', 'HTTPRoute v1*', 'HTTPRoute v1beta1'],
    ...['PeerAuthentication v1*', 'PeerAuthentication v1beta1', 'RateLimit v1alpha1*', 'ReferenceGrant v1beta1*', 'ReferenceGrant v1'],
    ...['RequestAuthentication v1*', 'RequestAuthentication v1beta1'],
    ...['ServiceEntry v1*', 'ServiceEntry v1beta1', 'ServiceEntry v1alpha3'],
    ...['TCPRoute v1*', 'TCPRoute v1alpha2', 'Telemetry v1', 'Telemetry v1alpha1*'],
    ...['TLSRoute v1*', 'TLSRoute v1alpha3', 'TLSRoute v1alpha2'],
    ...['VirtualService v1*', 'VirtualService v1beta1', 'VirtualService v1alpha3'],
    'WasmPlugin v1alpha1*',
    ...['WorkloadEntry v1*', 'WorkloadEntry v1beta1', 'WorkloadEntry v1alpha3'],
    ...['WorkloadGroup v1*', 'WorkloadGroup v1beta1', 'WorkloadGroup v1alpha3'],
  ]);
  expect(served.filter(({ hasStatus }) => !hasStatus).map(({ kind }) => kind)).toEqual(['ReferenceGrant', 'ReferenceGrant']);
});
