// Which edges and nodes each filter leaves.
import { expect, test } from 'vitest';
import { edgeOf, graphOf, nodeOf } from '../testing/pieces.ts';
import { shown } from './filter.ts';
import { initialView, type View } from './view.ts';

const web = 'workload:shop/web';
const cart = 'service:shop/cart';
const ledger = 'workload:bank/ledger';
const graph = graphOf(
  [
    edgeOf(web, cart, { openConnections: 1 }),
    edgeOf(web, ledger, { denials: 2, deniedBy: ['bank/only-cart'] }),
    edgeOf('unknown', web, { security: 'none', bytesPerSecond: { sent: 1, received: 0 } }),
    edgeOf(cart, ledger, { protocol: 'http' }),
  ],
  [nodeOf('workload:batch/report')],
);

const rows: readonly (readonly [name: string, view: Partial<View>, edges: readonly number[], nodes: number])[] = [
  ['no filter leaves everything', {}, [0, 1, 2, 3], 5],
  ['a namespace keeps what it talks to', { namespaces: ['bank'] }, [1, 3], 3],
  ['a namespace without traffic still has its nodes', { namespaces: ['batch'] }, [], 1],
  ['protocol', { protocol: 'http' }, [3], 2],
  ['only denied', { deniedOnly: true }, [1], 2],
  ['only in clear', { clearOnly: true }, [2], 2],
  ['idle ones hidden; a denial is not idle', { hideIdle: true }, [0, 1, 2], 4],
  ['filters must all agree', { deniedOnly: true, clearOnly: true }, [], 0],
  ['search by name', { search: 'LEDGER' }, [1, 3], 3],
  ['search by policy', { search: 'only-cart' }, [1], 2],
  ['search by kind', { search: 'service' }, [0, 3], 3],
  ['every word must be found', { search: ' web  ledger ' }, [1], 2],
  ['search finds nodes without edges', { search: 'report' }, [], 1],
];
for (const [name, view, edges, nodes] of rows) {
  test(name, () => {
    const left = shown(graph, { ...initialView('graph'), ...view });
    expect(left.edges.map((edge) => graph.edges.indexOf(edge))).toEqual(edges);
    expect(left.nodes).toHaveLength(nodes);
  });
}

test('an edge whose end is missing is not drawn', () => {
  const broken = { ...graph, nodes: graph.nodes.filter(({ id }) => id !== ledger) };
  expect(shown(broken, initialView('graph')).edges).toHaveLength(2);
});
