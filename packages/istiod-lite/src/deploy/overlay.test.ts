// What users may lay over the objects of a waypoint, and what each kind of patch does to them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { overlay } from './overlay.ts';

const base = {
  metadata: { name: 'waypoint', labels: { a: '1' } },
  spec: {
    replicas: 1,
    containers: [
      {
        name: 'istio-proxy',
        image: 'old',
        args: ['proxy', 'waypoint'],
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '2' },
        ],
      },
      { name: 'other' },
    ],
    ports: [{ port: 15_008, name: 'mesh' }],
    tolerations: [{ key: 'a' }],
    volumes: [{ name: 'data', emptyDir: {} }],
  },
};

const laid: readonly (readonly [rule: string, patch: object, spec: object])[] = [
  ['a scalar replaces', { spec: { replicas: 3 } }, { replicas: 3 }],
  ['null removes', { spec: { replicas: null } }, { replicas: undefined }],
  [
    'containers merge by name, and keep their places',
    { spec: { containers: [{ name: 'other', image: 'x' }] } },
    { containers: [base.spec.containers[0], { name: 'other', image: 'x' }] },
  ],
  [
    'a new container comes last',
    { spec: { containers: [{ name: 'third' }] } },
    { containers: [...base.spec.containers, { name: 'third' }] },
  ],
  [
    'env merges by name',
    {
      spec: {
        containers: [
          {
            name: 'istio-proxy',
            env: [
              { name: 'B', value: '3' },
              { name: 'C', value: '4' },
            ],
          },
        ],
      },
    },
    {
      containers: [
        {
          ...base.spec.containers[0],
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '3' },
            { name: 'C', value: '4' },
          ],
        },
        { name: 'other' },
      ],
    },
  ],
  [
    'args are replaced whole',
    { spec: { containers: [{ name: 'istio-proxy', args: ['x'] }] } },
    { containers: [{ ...base.spec.containers[0], args: ['x'] }, { name: 'other' }] },
  ],
  [
    '$patch: delete removes an item',
    { spec: { containers: [{ name: 'other', $patch: 'delete' }] } },
    { containers: [base.spec.containers[0]] },
  ],
  [
    '$patch: replace in a list replaces it',
    { spec: { containers: [{ $patch: 'replace' }, { name: 'only' }] } },
    { containers: [{ name: 'only' }] },
  ],
  [
    'ports of a service merge by port',
    { spec: { ports: [{ port: 15_008, nodePort: 30_008 }, { port: 80 }] } },
    { ports: [{ port: 15_008, name: 'mesh', nodePort: 30_008 }, { port: 80 }] },
  ],
  [
    'the same port of another protocol is another port',
    { spec: { ports: [{ port: 15_008, protocol: 'UDP' }] } },
    { ports: [...base.spec.ports, { port: 15_008, protocol: 'UDP' }] },
  ],
  ['tolerations are replaced', { spec: { tolerations: [{ key: 'b' }] } }, { tolerations: [{ key: 'b' }] }],
  [
    'volumes merge by name, and $retainKeys drops what they were',
    { spec: { volumes: [{ name: 'data', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] } },
    { volumes: [{ name: 'data', hostPath: { path: '/x' } }] },
  ],
];
test.each(laid)('%s', (_, patch, spec) => {
  const result = overlay(base, patch);
  expect(result).toEqual({ ok: { ...base, spec: { ...base.spec, ...spec } } });
});

test('$patch: replace in an object replaces it', () => {
  expect(overlay(base, { metadata: { $patch: 'replace', name: 'waypoint' } })).toEqual({ ok: { ...base, metadata: { name: 'waypoint' } } });
});

const deep = (levels: number): object => (levels === 0 ? {} : { a: deep(levels - 1) });
const refused: readonly (readonly [rule: string, patch: unknown, why: RegExp])[] = [
  ['text', 'spec', /not a mapping/],
  ['a list', [], /not a mapping/],
  ['an item without its key', { spec: { containers: [{ image: 'x' }] } }, /an item in containers without name/],
  ['an item that is no mapping', { spec: { env: ['A'] } }, /an item in env that is not a mapping/],
  ['a directive that is not understood', { spec: { '$setElementOrder/containers': [] } }, /\$setElementOrder/],
  ['an order that makes no sense', { spec: { $patch: 'delete' } }, /\$patch: "delete"/],
  ['nesting without end', deep(100), /levels deep/],
];
test.each(refused)('refused: %s', (_, patch, why) => {
  expect(overlay(base, patch)).toEqual({ mistake: expect.stringMatching(why) });
});

test('whatever a user writes, the answer is an object or a mistake, and the base stays as it was', () => {
  const before = structuredClone(base);
  fc.assert(
    fc.property(
      fc.object({
        maxDepth: 5,
        key: fc.constantFrom('spec', 'metadata', 'containers', 'env', 'ports', 'name', '$patch', '__proto__', 'x'),
      }),
      (patch) => {
        const result = overlay(base, patch);
        expect('ok' in result || typeof result.mistake === 'string').toBe(true);
        expect(base).toEqual(before);
        expect({}).not.toHaveProperty('x');
      },
    ),
  );
});
