// Sentences, labels, news, pictures: what is said of an edge or a node in each place.
import { expect, test } from 'vitest';
import { edgeOf, graphOf, nodeOf } from '../testing/pieces.ts';
import { columns, sorted } from './columns.ts';
import { factsOfEdge, factsOfNode } from './facts.ts';
import { newDenials } from './news.ts';
import { edgePicture, nodePicture } from './picture.ts';
import { edgeInWords, edgeLabel, nodeInWords, provenance, summary } from './summary.ts';

const idle = edgeOf('workload:shop/web', 'service:shop/cart');
const busy = edgeOf('unknown', 'workload:shop/web', { security: 'none', bytesPerSecond: { sent: 1_000, received: 2_000 } });
const denied = edgeOf('workload:shop/web', 'workload:bank/ledger', { denials: 3, deniedBy: ['bank/a', 'bank/b'] });
const http = edgeOf('waypoint:shop/w', 'service:shop/cart', {
  protocol: 'http',
  http: { requestsPerSecond: 42, errorRate: 0.03, p50Ms: 4, p99Ms: 87 },
});
const graph = graphOf([idle, busy, denied, http]);

const rows: readonly (readonly [name: string, said: unknown, want: unknown])[] = [
  ['the summary counts what matters', summary(graph), '5 nodes, 4 edges, 3 kB/s, 1 denied, 1 in clear'],
  ['the summary of nothing', summary({ nodes: [], edges: [] }), 'no nodes, no edges'],
  [
    'figures that do not cover the window yet',
    provenance({ ...graph, windowSeconds: 12 }, 60),
    'from the proxies themselves, so far over 12 s',
  ],
  ['figures that do', provenance({ ...graph, source: 'prometheus' }, 60), 'from Prometheus'],
  ['idle edges have no label', edgeLabel(idle), ''],
  ['bytes both ways', edgeLabel(busy), '3 kB/s'],
  ['a denial is told before all else', edgeLabel(denied), 'denied · bank/a'],
  ['requests where a waypoint reports', edgeLabel(http), '42/s · 3 % err · p99 87 ms'],
  [
    'rare errors are not rounded away',
    edgeLabel({ ...http, http: { requestsPerSecond: 1, errorRate: 0.0001, p50Ms: 1, p99Ms: 1 } }),
    '1/s · <0.1 % err · p99 1 ms',
  ],
  ['an edge in words', edgeInWords(idle), 'shop/web to service shop/cart, TCP'],
  [
    'a node in words',
    nodeInWords(nodeOf('workload:shop/web', { inMesh: false }), graph.edges),
    'Workload shop/web, 2 edges out, 1 edge in, 1 denied, not in the mesh',
  ],
  ['outside in words', nodeInWords(nodeOf('unknown'), graph.edges), 'Outside the mesh, 1 edge out, no edges in'],
  ['facts: denials first, with all policies', factsOfEdge(denied)[0], ['Denied', '3 in this window: bank/a, bank/b']],
  ['facts: a denial without a policy', factsOfEdge({ ...denied, deniedBy: [] })[0], ['Denied', '3 in this window']],
  ['facts: latency where there is one', factsOfEdge(http).find(([term]) => term === 'Latency')?.[1], 'p50 4 ms, p99 87 ms'],
  ['facts: no identity is no line', factsOfEdge(idle).some(([term]) => term.includes('identity')), false],
  [
    'facts: who is not enrolled',
    factsOfNode(nodeOf('workload:a/b', { inMesh: false })).at(-1),
    ['Mesh', 'Not enrolled: its traffic is in clear'],
  ],
  ['picture: classes carry the meaning', edgePicture(denied).classes, 'lock-closed denied'],
  ['picture: in clear', edgePicture(busy).classes, 'lock-open'],
  ['picture: not enrolled', nodePicture(nodeOf('workload:a/b', { inMesh: false })).classes, 'workload bare'],
  ['picture: outside stands in no group', nodePicture(nodeOf('unknown')).parent, ''],
  ['picture: more traffic is wider', edgePicture(busy).width > edgePicture(idle).width, true],
  ['table: what has no figure sorts below zero', sorted([idle, http], 'errors', true)[0], http],
  ['table: by traffic', sorted([idle, busy], 'traffic', true)[0], busy],
  ['table: in clear first', sorted([idle, busy], 'security', true)[0], busy],
  ['table: denials with their policy', columns.denied.text(denied), '3 · bank/a'],
  ['table: no requests are not zero requests', columns.requests.text(idle), '–'],
];
for (const [name, said, want] of rows) test(name, () => expect(said).toEqual(want));

test('equals keep their order', () => {
  expect(sorted([denied, idle], 'requests', true)).toEqual(sorted([idle, denied], 'requests', true));
});

const many = Array.from({ length: 5 }, (_, at) => edgeOf(`workload:a/${at}`, 'workload:b/c', { denials: 1 }));
const news: readonly (readonly [
  name: string,
  before: Parameters<typeof newDenials>[0],
  now: Parameters<typeof newDenials>[1],
  want: string,
])[] = [
  ['the first graph is no news', undefined, graph, ''],
  ['the same denials are no news', graph, graph, ''],
  ['fewer are none', graph, graphOf([{ ...denied, denials: 1 }]), ''],
  ['a new one is', graphOf([idle]), graph, 'Denied: shop/web to bank/ledger, bank/a.'],
  ['and one more of the old', graph, graphOf([{ ...denied, denials: 4, deniedBy: [] }]), 'Denied: shop/web to bank/ledger.'],
  ['many are counted', graphOf([]), graphOf(many), 'Denied: a/0 to b/c. Denied: a/1 to b/c. Denied: a/2 to b/c. And 2 more.'],
];
for (const [name, before, now, want] of news) test(name, () => expect(newDenials(before, now)).toBe(want));
