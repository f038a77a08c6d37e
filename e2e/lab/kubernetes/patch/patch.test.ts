// The three classic patch types: JSON patch by the examples of RFC 6902, merge patch by the table of RFC 7386,
// strategic merge patch by its directives, one row each.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StatusError } from '../status-error.ts';
import { isObject, type Json, type JsonObject, type KubeObject } from './json.ts';
import { mergePatch } from './merge-patch.ts';
import { applyPatch, type PatchType } from './patch.ts';

const deployment = (content: JsonObject): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  ...content,
});
const kind = { group: 'apps', kind: 'Deployment' };
const patched = (type: PatchType, content: JsonObject, patch: Json): JsonObject => {
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = applyPatch(type, deployment(content), patch, kind);
  const { name: _name, ...meta } = metadata;
  return { ...rest, ...(Object.keys(meta).length > 0 && { metadata: meta }) };
};

describe('a JSON patch', () => {
  const type = 'application/json-patch+json';
  const rows: readonly (readonly [name: string, before: JsonObject, patch: Json, after: JsonObject])[] = [
    ['adds a member', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['inserts into a list', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    ['appends to a list', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    ['removes', { a: 1, b: 2 }, [{ op: 'remove', path: '/b' }], { a: 1 }],
    ['replaces', { a: 1 }, [{ op: 'replace', path: '/a', value: 2 }], { a: 2 }],
    ['moves', { a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
    ['copies', { a: 1 }, [{ op: 'copy', from: '/a', path: '/b' }], { a: 1, b: 1 }],
    [
      'tests and goes on',
      { a: 1 },
      [
        { op: 'test', path: '/a', value: 1 },
        { op: 'remove', path: '/a' },
      ],
      {},
    ],
    ['reads escaped keys', { 'a/b': { '~': 1 } }, [{ op: 'replace', path: '/a~1b/~0', value: 2 }], { 'a/b': { '~': 2 } }],
  ];
  test.each(rows)('%s', (_, before, patch, after) => expect(patched(type, before, patch)).toEqual(after));

  const refusals: readonly (readonly [name: string, patch: Json, code: number])[] = [
    ['whose test fails', [{ op: 'test', path: '/a', value: 2 }], 422],
    ['that removes what is not there', [{ op: 'remove', path: '/b' }], 422],
    ['that replaces what is not there', [{ op: 'replace', path: '/b/c', value: 1 }], 422],
    ['with an unknown operation', [{ op: 'double', path: '/a' }], 400],
    ['that is an object', { a: 1 }, 400],
    ['that takes the metadata away', [{ op: 'remove', path: '/metadata' }], 400],
    ['of more than 10000 operations', Array(10_001).fill({ op: 'test', path: '/a', value: 1 }), 413],
  ];
  test.each(refusals)('%s is refused', (_, patch, code) => {
    expect(() => patched(type, { a: 1 }, patch)).toThrow(expect.objectContaining({ code }));
  });

  test('that fails half-way changes nothing', () => {
    const before = deployment({ a: 1 });
    expect(() =>
      applyPatch(
        type,
        before,
        [
          { op: 'remove', path: '/a' },
          { op: 'test', path: '/b', value: 1 },
        ],
        kind,
      ),
    ).toThrow(StatusError);
    expect(before).toEqual(deployment({ a: 1 }));
  });
});

describe('a merge patch (RFC 7386, appendix A)', () => {
  const rows: readonly (readonly [target: Json, patch: Json, result: Json])[] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  test.each(rows)('%j with %j is %j', (target, patch, result) => expect(mergePatch(target, patch)).toEqual(result));

  test('may name any key', () => {
    const patch: Json = JSON.parse('{"a":{"__proto__":{"b":1},"constructor":2}}');
    expect(JSON.stringify(mergePatch({}, patch))).toBe('{"a":{"__proto__":{"b":1},"constructor":2}}');
  });
});

describe('a strategic merge patch', () => {
  const type = 'application/strategic-merge-patch+json';
  const pod = (content: JsonObject): JsonObject => ({ spec: { template: { spec: content } } });
  const containers = (...list: Json[]): JsonObject => pod({ containers: list });
  const [a, b, c] = [
    { name: 'a', image: '1' },
    { name: 'b', image: '1' },
    { name: 'c', image: '1' },
  ];
  const rows: readonly (readonly [name: string, before: JsonObject, patch: JsonObject, after: JsonObject])[] = [
    ['merges an item by its key', containers(a, b), containers({ name: 'b', image: '2' }), containers(a, { name: 'b', image: '2' })],
    ['adds an item', containers(a), containers(b), containers(a, b)],
    ['removes an item', containers(a, b), containers({ name: 'a', $patch: 'delete' }), containers(b)],
    ['replaces a list', containers(a, b), containers(c, { $patch: 'replace' }), containers(c)],
    ['replaces an object', { spec: { selector: { x: 1 } } }, { spec: { $patch: 'replace', paused: true } }, { spec: { paused: true } }],
    ['empties an object', { spec: { replicas: 1 } }, { spec: { $patch: 'delete' } }, { spec: {} }],
    ['removes a field by null', { spec: { replicas: 1, paused: true } }, { spec: { replicas: null } }, { spec: { paused: true } }],
    [
      'keeps of an object what it retains',
      { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
      { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
      { spec: { strategy: { type: 'Recreate' } } },
    ],
    [
      'orders a list',
      containers(a, b, c),
      pod({ containers: [b], '$setElementOrder/containers': [{ name: 'c' }, { name: 'b' }, { name: 'a' }] }),
      containers(c, b, a),
    ],
    [
      'orders what it names and leaves the rest where it was',
      containers(a, b, c),
      pod({ '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] }),
      containers(b, a, c),
    ],
    [
      'merges ports by number',
      containers({ name: 'a', ports: [{ containerPort: 80 }] }),
      containers({ name: 'a', ports: [{ containerPort: 80, name: 'http' }, { containerPort: 81 }] }),
      containers({ name: 'a', ports: [{ containerPort: 80, name: 'http' }, { containerPort: 81 }] }),
    ],
    [
      'replaces an atomic list',
      containers({ name: 'a', args: ['1', '2'] }),
      containers({ name: 'a', args: ['3'] }),
      containers({ name: 'a', args: ['3'] }),
    ],
    [
      'merges maps',
      { metadata: { labels: { a: '1' } } },
      { metadata: { labels: { b: '2', a: null } } },
      { metadata: { labels: { b: '2' } } },
    ],
    [
      'adds to a set',
      { metadata: { finalizers: ['a'] } },
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { finalizers: ['a', 'b'] } },
    ],
    [
      'takes from a set',
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'], '$setElementOrder/finalizers': ['b'] } },
      { metadata: { finalizers: ['b'] } },
    ],
    [
      'merges conditions by type',
      {
        status: {
          conditions: [
            { type: 'A', status: 'True' },
            { type: 'B', status: 'True' },
          ],
        },
      },
      { status: { conditions: [{ type: 'B', status: 'False' }] } },
      {
        status: {
          conditions: [
            { type: 'A', status: 'True' },
            { type: 'B', status: 'False' },
          ],
        },
      },
    ],
    [
      'merges owners by uid',
      { metadata: { ownerReferences: [{ uid: '1', name: 'a' }] } },
      {
        metadata: {
          ownerReferences: [
            { uid: '2', name: 'b' },
            { uid: '1', $patch: 'delete' },
          ],
        },
      },
      { metadata: { ownerReferences: [{ uid: '2', name: 'b' }] } },
    ],
    [
      'leaves no directive behind in what it adds',
      {},
      containers({ name: 'a', $patch: 'merge', env: [{ name: 'X', $patch: 'delete' }] }),
      containers({ name: 'a', env: [] }),
    ],
  ];
  // Metadata is merged over the object's own, which has a name.
  test.each(rows)('%s', (_, before, patch, after) => {
    const meta = isObject(before.metadata) ? before.metadata : {};
    const result = applyPatch(type, { ...deployment(before), metadata: { name: 'web', ...meta } }, patch, kind);
    const expected = isObject(after.metadata) ? after.metadata : {};
    expect(result).toEqual({ ...deployment(after), metadata: { name: 'web', ...expected } });
  });

  const refusals: readonly (readonly [name: string, patch: Json, code: number])[] = [
    ['whose item lacks the key', containers({ image: '1' }), 400],
    ['with an unknown directive', { spec: { $patch: 'shuffle' } }, 400],
    ['that is a list', [], 400],
    ['whose order is no list', pod({ '$setElementOrder/containers': 'a' }), 400],
  ];
  test.each(refusals)('%s is refused', (_, patch, code) => {
    expect(() => patched(type, containers(a), patch)).toThrow(expect.objectContaining({ code }));
  });

  test('of a custom kind is refused: 415, with what is accepted', () => {
    const custom = { group: 'security.istio.io', kind: 'AuthorizationPolicy' };
    expect(() => applyPatch(type, deployment({}), {}, custom)).toThrow(expect.objectContaining({ code: 415 }));
    expect(() => applyPatch(type, deployment({}), {}, custom)).toThrow('accepted media types include: application/json-patch+json');
  });
});

test.each<PatchType>(['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json'])(
  'whatever a client sends as %s is applied or refused, never thrown at, and the object before is not touched',
  (type) => {
    const key = fc.constantFrom(
      'spec',
      'template',
      'containers',
      'name',
      'metadata',
      'finalizers',
      '$patch',
      '$retainKeys',
      '$setElementOrder/containers',
      '__proto__',
    );
    const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom<Json>(null, 1, 'a', 'delete', 'replace'),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
        fc.record({
          op: fc.constantFrom('add', 'remove', 'move', 'copy', 'test'),
          path: fc.constantFrom('', '/', '/spec', '/metadata/x', '/__proto__/x'),
          from: fc.constant('/spec'),
          value: tie('tree'),
        }),
      ),
    }));
    fc.assert(
      fc.property(tree, fc.array(tree, { maxLength: 3 }), (spec, list) => {
        const before = deployment({ spec });
        const text = JSON.stringify(before);
        for (const patch of [spec, list]) {
          try {
            applyPatch(type, before, patch, kind);
          } catch (why) {
            expect(why).toBeInstanceOf(StatusError);
          }
        }
        expect(JSON.stringify(before)).toBe(text);
        expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
      }),
    );
  },
);
