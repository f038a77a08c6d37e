// For any objects that somebody writes: an analysis ends, and every finding can be printed. Clusters and files hold what no schema has ever seen.
import { objectOf } from '@ambient-mesh/kube/raw';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allAnalyzers } from './all-analyzers.ts';
import { analyse } from './analysis.ts';
import { words } from './analyzers/words.ts';
import { assumeApplied } from './assumed.ts';
import { isCode } from './codes.ts';
import { addObject, type Manifest } from './manifest.ts';
import { worldOf } from './world.ts';

const kinds = [
  ['v1', 'Pod'],
  ['v1', 'Service'],
  ['v1', 'Namespace'],
  ['discovery.k8s.io/v1', 'EndpointSlice'],
  ['apps/v1', 'Deployment'],
  ['gateway.networking.k8s.io/v1', 'Gateway'],
  ['gateway.networking.k8s.io/v1', 'HTTPRoute'],
  ['networking.istio.io/v1', 'VirtualService'],
  ['networking.istio.io/v1', 'DestinationRule'],
  ['networking.istio.io/v1', 'ServiceEntry'],
  ['networking.istio.io/v1', 'WorkloadEntry'],
  ['security.istio.io/v1', 'AuthorizationPolicy'],
  ['security.istio.io/v1', 'PeerAuthentication'],
  ['security.istio.io/v1', 'RequestAuthentication'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
] as const;

const name = fc.constantFrom('a', 'b', '', '__proto__');
/** Of fields that are read, so that nonsense gets deep. */
const field = fc.constantFrom(
  ...[
    'selector',
    'matchLabels',
    'rules',
    'from',
    'source',
    'principals',
    'to',
    'operation',
    'ports',
    'targetRefs',
    'hosts',
    'http',
    'route',
  ],
  ...['destination', 'host', 'subset', 'subsets', 'labels', 'listeners', 'parentRefs', 'backendRefs', 'name', 'kind', 'port', 'targetPort'],
  ...[
    'jwtRules',
    'jwksUri',
    'ingress',
    'podSelector',
    'policyTypes',
    'endpoints',
    'addresses',
    'template',
    'metadata',
    'spec',
    'containers',
  ],
);
const leaf = fc.oneof(fc.constantFrom('a', 'b', '*', 'a.b', 'STRICT', 'http://[', '80'), fc.integer(), fc.boolean(), fc.constant(null));
const { nonsense } = fc.letrec((tie) => ({
  nonsense: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('nonsense'), { maxLength: 2 }),
    fc.dictionary(field, tie('nonsense'), { maxKeys: 4 }),
  ),
}));
const marks = fc.dictionary(fc.constantFrom('a', ...Object.keys(words), 'ambient-mesh.dev/require-x'), leaf, { maxKeys: 3 });
const someObject = fc.record({
  is: fc.constantFrom(...kinds),
  metadata: fc.oneof(fc.record({ namespace: name, name, labels: marks, annotations: marks }), nonsense),
  spec: fc.oneof(fc.dictionary(field, nonsense, { maxKeys: 4 }), nonsense),
  status: nonsense,
});

test('any objects: an analysis ends, with findings that can be shown', () => {
  fc.assert(
    fc.property(fc.array(someObject, { maxLength: 6 }), fc.boolean(), (objects, isLive) => {
      const manifest: Manifest = new Map();
      for (const { is, ...object } of objects) addObject(manifest, objectOf({ apiVersion: is[0], kind: is[1], ...object }));
      const world = worldOf(isLive ? manifest : assumeApplied(manifest), { isLive });
      const found = analyse(world, { analyzers: allAnalyzers, namespaces: undefined, suppressed: [], outputThreshold: 'Info' });
      for (const { code, message, advice } of found)
        expect([isCode(code), message.length > 1, advice.length > 1]).toEqual([true, true, true]);
    }),
    { numRuns: 300 },
  );
}, 60_000);
