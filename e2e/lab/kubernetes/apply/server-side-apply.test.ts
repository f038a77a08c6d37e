// Server-side apply and the tracking of updates, as stories of several managers on one object.
// Values are asserted through describe(): who manages what, in the notation of conflicts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equal, isObject, type Json, type JsonObject, type KubeObject } from '../patch/json.ts';
import { builtinSchema } from '../schema/builtin.ts';
import type { OpenApiSchema } from '../schema/open-api.ts';
import { withRootFields } from '../schema/root.ts';
import { StatusError } from '../status-error.ts';
import { fromFieldsV1, toFieldsV1 } from './fields-v1.ts';
import { readManagers } from './managed-fields.ts';
import { describePath } from './path.ts';
import { serverSideApply, trackUpdate } from './server-side-apply.ts';

const now = '2026-01-01T00:00:00Z';

function schemaOf(kind: string): OpenApiSchema {
  const schema = builtinSchema(kind === 'Deployment' ? 'apps' : '', kind);
  if (schema === undefined) throw new Error(`no schema of ${kind}`);
  return schema;
}

function apply(current: KubeObject | undefined, manager: string, config: JsonObject, force = false, subresource = ''): KubeObject {
  const applied: KubeObject = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' }, ...config };
  const options = { manager, force, subresource, now, structure: schemaOf('Deployment') };
  const result = serverSideApply(current, applied, options);
  if (Array.isArray(result.conflicts)) throw new Error(`unexpected conflicts: ${JSON.stringify(result.conflicts)}`);
  return result as KubeObject;
}

function update(before: KubeObject | undefined, manager: string, after: KubeObject, subresource = ''): KubeObject {
  return trackUpdate(before, after, { manager, subresource, now, structure: schemaOf('Deployment') });
}

const managed = (object: KubeObject): Record<string, string[]> =>
  Object.fromEntries(
    (readManagers(object) ?? []).map(({ name, operation, subresource, fields }) => [
      [name, operation, subresource].filter((part) => part !== '').join('/'),
      [...fields].map(describePath).sort(),
    ]),
  );

const containers = (object: KubeObject): Json => {
  const { template } = object.spec as { template: { spec: { containers: Json } } };
  return template.spec.containers;
};
const withContainers = (...list: Json[]): JsonObject => ({ spec: { template: { spec: { containers: list } } } });

describe('an applier', () => {
  test('owns what it sends, and nothing of what identifies the object', () => {
    const object = apply(undefined, 'a', { spec: { replicas: 3 }, metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } } });
    expect(managed(object)).toEqual({ 'a/Apply': ['.metadata.labels.app', '.spec.replicas'] });
    expect(object.metadata.managedFields).toEqual([
      {
        manager: 'a',
        operation: 'Apply',
        apiVersion: 'apps/v1',
        time: now,
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:metadata': { 'f:labels': { 'f:app': {} } }, 'f:spec': { 'f:replicas': {} } },
      },
    ]);
  });

  test('removes what it no longer sends, if nobody else owns it', () => {
    const one = apply(undefined, 'a', { spec: { replicas: 3, paused: true } });
    const two = apply(one, 'b', { spec: { paused: true } });
    const three = apply(two, 'a', { spec: { minReadySeconds: 1 } });
    expect(three.spec).toEqual({ paused: true, minReadySeconds: 1 });
    expect(managed(three)).toEqual({ 'a/Apply': ['.spec.minReadySeconds'], 'b/Apply': ['.spec.paused'] });
  });

  test('removes a whole part with the defaults in it when it sends nothing of the part any more', () => {
    const one = apply(undefined, 'a', withContainers({ name: 'c', image: 'x', readinessProbe: { tcpSocket: { port: 1 } } }));
    const defaulted = structuredClone(one);
    const [first] = containers(defaulted) as [{ readinessProbe: JsonObject }];
    first.readinessProbe.periodSeconds = 10;
    const two = apply(defaulted, 'a', withContainers({ name: 'c', image: 'x' }));
    expect(containers(two)).toEqual([{ name: 'c', image: 'x' }]);
  });

  test('shares a field by sending the same value', () => {
    const object = apply(apply(undefined, 'a', { spec: { replicas: 3 } }), 'b', { spec: { replicas: 3 } });
    expect(managed(object)).toEqual({ 'a/Apply': ['.spec.replicas'], 'b/Apply': ['.spec.replicas'] });
  });

  test('merges its items into a list that is a map, in its own order, and leaves the items of others alone', () => {
    const one = apply(undefined, 'a', withContainers({ name: 'web', image: 'x' }, { name: 'log', image: 'y' }));
    const two = apply(one, 'b', withContainers({ name: 'proxy', image: 'z' }, { name: 'web', tty: true }));
    expect(containers(two)).toEqual([
      { name: 'proxy', image: 'z' },
      { name: 'web', image: 'x', tty: true },
      { name: 'log', image: 'y' },
    ]);
    const three = apply(two, 'a', withContainers({ name: 'web', image: 'x' }));
    expect(containers(three)).toEqual([
      { name: 'proxy', image: 'z' },
      { name: 'web', image: 'x', tty: true },
    ]);
  });

  test('knows the default of a key that it leaves out', () => {
    const object = apply(undefined, 'a', withContainers({ name: 'web', ports: [{ containerPort: 80 }] }));
    expect(managed(object)['a/Apply']).toContain(
      '.spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"].containerPort',
    );
  });

  test('adds to a set what is missing and takes out only its own', () => {
    const finalizers = (...list: string[]): JsonObject => ({ metadata: { name: 'web', namespace: 'shop', finalizers: list } });
    const two = apply(apply(undefined, 'a', finalizers('x/a', 'x/both')), 'b', finalizers('x/b', 'x/both'));
    expect(apply(two, 'a', {}).metadata.finalizers).toEqual(['x/b', 'x/both']);
  });

  test('replaces an atomic map as a whole', () => {
    const selector = (labels: JsonObject): JsonObject => ({ spec: { selector: { matchLabels: labels } } });
    const object = apply(apply(undefined, 'a', selector({ a: '1' })), 'a', selector({ b: '2' }));
    expect(object.spec).toEqual({ selector: { matchLabels: { b: '2' } } });
    expect(managed(object)).toEqual({ 'a/Apply': ['.spec.selector'] });
  });

  test('that sends the same again changes nothing, not even the time', () => {
    const one = apply(undefined, 'a', { spec: { replicas: 3 } });
    const applied = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' }, spec: { replicas: 3 } };
    const later = { manager: 'a', force: false, subresource: '', now: '2027-01-01T00:00:00Z', structure: schemaOf('Deployment') };
    expect(serverSideApply(one, applied, later)).toEqual(one);
  });

  test('of the status changes and owns nothing else', () => {
    const one = apply(undefined, 'a', { spec: { replicas: 3 }, status: { replicas: 9 } });
    expect(one.status).toBeUndefined();
    const two = apply(
      one,
      'controller',
      { spec: { replicas: 5 }, status: { conditions: [{ type: 'Ready', status: 'True' }] } },
      false,
      'status',
    );
    expect(two.spec).toEqual({ replicas: 3 });
    expect(managed(two)['controller/Apply/status']).toEqual([
      '.status.conditions[type="Ready"]',
      '.status.conditions[type="Ready"].status',
      '.status.conditions[type="Ready"].type',
    ]);
    const three = apply(two, 'other', { status: { conditions: [{ type: 'Bound', status: 'True' }] } }, false, 'status');
    expect(apply(three, 'controller', { status: {} }, false, 'status').status).toEqual({ conditions: [{ type: 'Bound', status: 'True' }] });
  });
});

describe('a conflict', () => {
  const one = apply(undefined, 'a', { spec: { replicas: 3 } });
  const two = update(one, 'kubectl-edit', { ...one, spec: { replicas: 3, paused: true } });
  const config = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 4, paused: false } };
  const options = { manager: 'b', force: false, subresource: '', now, structure: schemaOf('Deployment') };

  test('names each manager and its fields, updates with their version', () => {
    expect(serverSideApply(two, config, options)).toEqual({
      conflicts: [
        { manager: '"a"', fields: ['.spec.replicas'] },
        { manager: '"kubectl-edit" using apps/v1', fields: ['.spec.paused'] },
      ],
    });
  });

  test('is overcome by force, and the others lose the fields', () => {
    const three = apply(two, 'b', { spec: { replicas: 4, paused: false } }, true);
    expect(three.spec).toEqual({ replicas: 4, paused: false });
    expect(managed(three)).toEqual({ 'b/Apply': ['.spec.paused', '.spec.replicas'] });
  });

  test('with client-side apply is none for kubectl while the field is as it was applied', () => {
    const lastApplied = JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 3 } });
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': lastApplied };
    const created: KubeObject = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', annotations },
      spec: { replicas: 3 },
    };
    const live = update(undefined, 'kubectl-client-side-apply', created);
    expect(Array.isArray(serverSideApply(live, config, { ...options, manager: 'other' }).conflicts)).toBe(true);
    expect(apply(live, 'kubectl', { spec: { replicas: 4 } }).spec).toEqual({ replicas: 4 });
    const scaled = update(live, 'kubectl-scale', { ...live, spec: { replicas: 7 } }, 'scale');
    expect(Array.isArray(serverSideApply(scaled, config, { ...options, manager: 'kubectl' }).conflicts)).toBe(true);
  });

  test('with what was there before anybody was tracked is reported under before-first-apply', () => {
    const untracked: KubeObject = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 3 } };
    const outcome = serverSideApply(untracked, config, options);
    expect(outcome.conflicts).toEqual([{ manager: '"before-first-apply" using apps/v1', fields: ['.spec.replicas'] }]);
  });
});

describe('what cannot be applied', () => {
  const rows: readonly (readonly [name: string, config: JsonObject, text: string])[] = [
    ['a field that the schema does not know', { spec: { foo: 1 } }, '.spec.foo: field not declared in schema'],
    ['an item without its key', withContainers({ image: 'x' }), 'omits key field "name"'],
    ['the same item twice', withContainers({ name: 'x' }, { name: 'x' }), 'duplicate entries for key'],
    [
      'a value where a list belongs',
      { spec: { template: { spec: { containers: 5 } } } },
      '.spec.template.spec.containers: expected list, got &{5}',
    ],
    ['managed fields', { metadata: { name: 'web', managedFields: [] } }, 'metadata.managedFields must be nil'],
  ];
  test.each(rows)('%s', (_, config, text) => {
    expect(() => apply(undefined, 'a', config)).toThrow(StatusError);
    expect(() => apply(undefined, 'a', config)).toThrow(text);
  });
});

describe('an update', () => {
  const one = apply(undefined, 'a', { spec: { replicas: 3, paused: true } });

  test('takes over the fields that it changes and forgets those that it removes', () => {
    const two = update(one, 'edit', { ...one, spec: { replicas: 5 } });
    expect(managed(two)).toEqual({ 'edit/Update': ['.spec.replicas'] });
  });

  test('that changes nothing changes no manager', () => {
    expect(update(one, 'edit', structuredClone(one))).toEqual(one);
  });

  test('through /status is an entry of its own', () => {
    const two = update(one, 'kubelet', { ...one, status: { replicas: 1 } }, 'status');
    expect(managed(two)).toMatchObject({ 'kubelet/Update/status': ['.status', '.status.replicas'] });
  });

  test('that edits the entries themselves is obeyed: kubectl moves its client-side fields so', () => {
    const created = update(undefined, 'kubectl-client-side-apply', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: { replicas: 3 },
    });
    const [entry] = created.metadata.managedFields ?? [];
    const moved = isObject(entry) ? [{ ...entry, manager: 'kubectl', operation: 'Apply' }] : [];
    const after = update(created, 'kubectl', { ...created, metadata: { ...created.metadata, managedFields: moved } });
    expect(managed(after)).toEqual({ 'kubectl/Apply': ['.spec', '.spec.replicas'] });
    expect(apply(after, 'kubectl', { spec: { paused: true } }).spec).toEqual({ paused: true });
  });

  test('with unreadable entries keeps those that were there', () => {
    const broken = { ...one, metadata: { ...one.metadata, managedFields: [{ manager: 'x', fieldsV1: { 'k:{': {} } }] } };
    expect(managed(update(one, 'edit', broken))).toEqual(managed(one));
  });
});

describe('properties', () => {
  const structure = withRootFields({
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          size: { type: 'integer' },
          labels: { type: 'object', additionalProperties: { type: 'string' } },
          set: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
          ports: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
            items: { type: 'object', properties: { name: { type: 'string' }, port: { type: 'integer' } } },
          },
          anything: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
    },
  });
  const word = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor');
  const port = fc.record({ name: word, port: fc.nat(3) }, { requiredKeys: ['name'] });
  const spec = fc.record(
    {
      size: fc.nat(3),
      labels: fc.dictionary(word, word),
      set: fc.uniqueArray(word),
      ports: fc.uniqueArray(port, { selector: ({ name }) => name }),
      anything: fc.dictionary(word, fc.oneof(word, fc.array(word), fc.dictionary(word, word))),
    },
    { requiredKeys: [] },
  );
  const objectOf = (value: unknown): KubeObject =>
    JSON.parse(JSON.stringify({ apiVersion: 'x.io/v1', kind: 'X', metadata: { name: 'x' }, spec: value }));
  const applied = (live: KubeObject | undefined, manager: string, config: KubeObject): KubeObject =>
    serverSideApply(live, config, { manager, force: true, subresource: '', now, structure }) as KubeObject;

  test('one applier alone gets exactly what it last sent, however it got there', () => {
    fc.assert(
      fc.property(spec, spec, (first, second) => {
        const result = applied(applied(undefined, 'a', objectOf(first)), 'a', objectOf(second));
        expect(sorted(result.spec)).toEqual(sorted(objectOf(second).spec));
      }),
    );
  });

  test('applying is idempotent, and what one applier sends survives another that sends nothing', () => {
    fc.assert(
      fc.property(spec, spec, (first, second) => {
        const both = applied(applied(undefined, 'a', objectOf(first)), 'b', objectOf(second));
        expect(equal(applied(both, 'b', objectOf(second)), both)).toBe(true);
        const { spec: _, ...nothing } = objectOf({});
        const alone = applied(applied(applied(undefined, 'a', objectOf(first)), 'b', objectOf(first)), 'b', nothing as KubeObject);
        expect(sorted(alone.spec)).toEqual(sorted(objectOf(first).spec));
      }),
    );
  });

  test('fieldsV1 survives being written and read', () => {
    fc.assert(
      fc.property(spec, (value) => {
        const [manager] = readManagers(applied(undefined, 'a', objectOf(value))) ?? [];
        const fields = manager?.fields ?? new Set();
        expect([...(fromFieldsV1(toFieldsV1(fields)) ?? [])].sort()).toEqual([...fields].sort());
      }),
    );
  });

  test('anything in the place of fieldsV1 is read or refused, never thrown at', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void fromFieldsV1(value as Json)));
  });

  /** Order inside sets and maps is not what these properties are about. */
  function sorted(value: Json | undefined): unknown {
    if (Array.isArray(value)) return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    if (!isObject(value)) return value;
    return Object.entries(value)
      .map(([key, member]) => [key, sorted(member)])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  }
});
