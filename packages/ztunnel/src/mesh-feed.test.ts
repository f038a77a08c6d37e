// What a change of the mesh brings about in the main thread: the same change in the data threads, certificates fetched ahead and forgotten.
// Beside mesh-feed.ts. The book is told of, not run: its own rules are tested in identity.
// The data plane is a recorder; a real one is tested by its compliance suite.
import { CertificateBook } from '@ambient-mesh/identity/certificate-book';
import type { MeshDelta } from '@ambient-mesh/model/delta';
import { delta, meshOf, workload } from '@ambient-mesh/model/testing';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { describe, expect, test } from 'vitest';
import type { DataPlane, DataPlaneCommand } from './dataplane/data-plane.ts';
import { feed } from './mesh-feed.ts';

function given({ node = 'n1', book = true }: { readonly node?: string; readonly book?: boolean } = {}) {
  const commands: DataPlaneCommand[] = [];
  const plane: DataPlane = {
    threads: [],
    send: async (command) => void commands.push(command),
    metrics: async () => [],
    connections: async () => [],
    [Symbol.asyncDispose]: async () => {},
  };
  // An authority that never answers: what is asked for stays on the book.
  const certificates = new CertificateBook({ sign: () => new Promise(() => {}), clock: fakeClock(), random: () => 0.5 });
  const mesh = meshOf({}, node);
  const lost: unknown[] = [];
  const ports = { mesh, plane, book: book ? certificates : undefined, onLost: (why: unknown) => void lost.push(why) };
  const apply = (change: Partial<MeshDelta>) => feed(ports, delta(change));
  const wanted = () => certificates.states().map(({ identity }) => identity.replace('spiffe://cluster.local/ns/', ''));
  return { ports, apply, wanted, commands, mesh, lost };
}

const pod = (name: string, account: string, more: Partial<Parameters<typeof workload>[0]> = {}) =>
  workload({ name, serviceAccount: account, protocol: 'HBONE', ...more });

describe('certificates', () => {
  const rows: readonly (readonly [rule: string, changes: readonly Partial<MeshDelta>[], wanted: readonly string[]])[] = [
    ['none without workloads', [], []],
    ['one for a pod of this node', [{ workloads: [pod('p', 'a')] }], ['ns/sa/a']],
    ['none for a pod of another node', [{ workloads: [pod('p', 'a', { node: 'n2' })] }], []],
    ['none for a pod outside the mesh', [{ workloads: [pod('p', 'a', { protocol: 'TCP' })] }], []],
    ['one for a pod that speaks HBONE by itself', [{ workloads: [pod('p', 'a', { protocol: 'TCP', nativeTunnel: true })] }], ['ns/sa/a']],
    ['one for two pods of an account', [{ workloads: [pod('p', 'a'), pod('q', 'a')] }], ['ns/sa/a']],
    [
      'kept while one of the two is left',
      [{ workloads: [pod('p', 'a'), pod('q', 'a')] }, { removedAddresses: [pod('p', 'a').uid] }],
      ['ns/sa/a'],
    ],
    ['forgotten with the last of them', [{ workloads: [pod('p', 'a')] }, { removedAddresses: [pod('p', 'a').uid] }], []],
    [
      'forgotten although a pod of another node has it',
      [{ workloads: [pod('p', 'a'), pod('q', 'a', { node: 'n2' })] }, { removedAddresses: [pod('p', 'a').uid] }],
      [],
    ],
    [
      'kept when the pod of another node goes',
      [{ workloads: [pod('p', 'a'), pod('q', 'a', { node: 'n2' })] }, { removedAddresses: [pod('q', 'a').uid] }],
      ['ns/sa/a'],
    ],
    ['exchanged when a pod changes its account', [{ workloads: [pod('p', 'a')] }, { workloads: [pod('p', 'b')] }], ['ns/sa/b']],
    [
      'kept when a pod is replaced in one change',
      [{ workloads: [pod('p', 'a')] }, { removedAddresses: [pod('p', 'a').uid], workloads: [pod('q', 'a')] }],
      ['ns/sa/a'],
    ],
    ['kept when a pod changes otherwise', [{ workloads: [pod('p', 'a')] }, { workloads: [pod('p', 'a', { hostname: 'p' })] }], ['ns/sa/a']],
    [
      'fetched when a pod joins the mesh',
      [{ workloads: [pod('p', 'a', { protocol: 'TCP' })] }, { workloads: [pod('p', 'a')] }],
      ['ns/sa/a'],
    ],
    [
      'fetched when a pod comes to this node',
      [{ workloads: [pod('p', 'a', { node: 'n2' })] }, { workloads: [pod('p', 'a')] }],
      ['ns/sa/a'],
    ],
    ['forgotten when it leaves for another', [{ workloads: [pod('p', 'a')] }, { workloads: [pod('p', 'a', { node: 'n2' })] }], []],
  ];
  test.each(rows)('%s', (_, changes, want) => {
    const { apply, wanted } = given();
    for (const change of changes) apply(change);
    expect(wanted()).toEqual(want);
  });

  test('without a node name every node is this one', () => {
    const { apply, wanted } = given({ node: '' });
    apply({ workloads: [pod('p', 'a', { node: 'n1' }), pod('q', 'b', { node: 'n2' })] });
    expect(wanted()).toEqual(['ns/sa/a', 'ns/sa/b']);
  });

  test('dedicated mode fetches nothing ahead', () => {
    const { apply, wanted } = given({ book: false });
    apply({ workloads: [pod('p', 'a')] });
    expect(wanted()).toEqual([]);
  });
});

test('the data threads are told the same, in order', () => {
  const { apply, commands, mesh } = given();
  const [first, second] = [{ workloads: [pod('p', 'a')] }, { removedAddresses: [pod('p', 'a').uid] }];
  apply(first);
  expect([...mesh.workloads()]).toHaveLength(1);
  apply(second);
  expect(commands).toEqual([
    { do: 'mesh', delta: delta(first) },
    { do: 'mesh', delta: delta(second) },
  ]);
});

test('a data thread that cannot follow is reported', async () => {
  const { ports, lost } = given();
  const why = new Error('out of memory');
  feed({ ...ports, plane: { ...ports.plane, send: () => Promise.reject(why) } }, delta({}));
  await Promise.resolve();
  expect(lost).toEqual([why]);
});
