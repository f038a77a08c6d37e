// `ambientctl check` and `analyze` on a mesh with nodes: all is well on one that is whole; then things are broken on purpose, and each is named.
// What is said in every single case is tested beside the commands; here it is that a real mesh gives the facts that they judge.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { type Answered, MeshLab } from '../lab/mesh-lab.ts';

describe.skipIf(!hasKubectl())('is all well (needs kubectl)', () => {
  const owned = new AsyncDisposableStack();
  let mesh: MeshLab;
  let folder: string;
  beforeAll(async () => {
    mesh = owned.use(await MeshLab.start());
    folder = owned.adopt(mkdtempSync(join(tmpdir(), 'ambientctl-')), (path) => rmSync(path, { recursive: true, force: true }));
  }, 120_000);
  afterAll(() => owned.disposeAsync());

  const type = (...words: string[]): Promise<Answered> => mesh.ambientctl(words);
  const apply = async (...objects: object[]): Promise<void> => {
    for (const each of objects) await mesh.kubectl.ok('apply -f -', JSON.stringify(each));
  };

  test('a mesh that is whole: not one word to worry about', async () => {
    const { code, out, err } = await type('check');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^\d+ right, 0 to look at, 0 wrong$/m);
    expect(out).toContain('✔ nodes          a ztunnel is ready on each of 2 nodes\n');
    expect(out).toContain('✔ proxies        2 proxies took what the control plane sent\n');
    expect(out).toMatch(/^✔ certificates {3}\d+ certificates are valid, the first until /m);
    expect(out).toContain('✔ pods           all 3 pods that should be in the mesh are in it\n');
    expect(await type('check', '--pre')).toMatchObject({ code: 0, err: '' });
    expect(await type('analyze', '-A')).toMatchObject({ code: 0, err: '' });
  }, 60_000);

  test('configuration: a policy of requests without a waypoint, a NetworkPolicy that forgets the mesh, and a waypoint that nobody deployed', async () => {
    await apply(
      {
        apiVersion: 'security.istio.io/v1',
        kind: 'AuthorizationPolicy',
        metadata: { name: 'only-get', namespace: 'default' },
        spec: {
          targetRefs: [{ kind: 'Service', group: '', name: 'server' }],
          rules: [{ to: [{ operation: { methods: ['GET'] } }] }],
        },
      },
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: 'web-only', namespace: 'default' },
        spec: { podSelector: { matchLabels: { app: 'server' } }, ingress: [{ ports: [{ port: 8080 }] }] },
      },
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'lost', labels: { 'istio.io/use-waypoint': 'nowhere' } } },
    );
    const { code, out, err } = await type('analyze', '-A');
    expect([code, err]).toEqual([79, expect.stringContaining('3 findings at level Error or worse')]);
    expect(out).toContain('Error [AMB0001] (AuthorizationPolicy default/only-get) Service default/server is not bound to a waypoint.\n');
    expect(out).toContain('Error [AMB0008] (NetworkPolicy default/web-only) It selects server-a, server-b, which the mesh serves');
    expect(out).toContain('Error [AMB0003] (Namespace lost) It asks for waypoint lost/nowhere, and there is no such Gateway.\n');
    const checked = await type('check', '-o', 'json');
    expect([checked.code, checked.err]).toEqual([1, 'ambientctl: 3 things are wrong\n']);
    const wrong: readonly { readonly topic: string; readonly verdict: string }[] = JSON.parse(checked.out);
    expect(wrong.filter(({ verdict }) => verdict === 'wrong').map(({ topic }) => topic)).toEqual([
      'waypoints',
      'configuration',
      'configuration',
    ]);
    await mesh.kubectl.ok('delete authorizationpolicy/only-get networkpolicy/web-only namespace/lost');
  }, 60_000);

  test('before it is applied, a file is judged in the cluster that it is for', async () => {
    const file = join(folder, 'route.json');
    const parent = { kind: 'Service', group: '', name: 'server', port: 80 };
    const route = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'to-nowhere', namespace: 'default' },
      spec: { parentRefs: [parent], rules: [{ backendRefs: [{ name: 'nobody', port: 80 }] }] },
    };
    writeFileSync(file, JSON.stringify(route));
    const { code, out } = await type('analyze', file);
    expect(code).toBe(79);
    expect(out).toContain('Error [IST0101] (HTTPRoute default/to-nowhere) Service default/nobody was not found.\n');
    expect(out).toContain('Warning [AMB0002] (HTTPRoute default/to-nowhere) Service default/server is not bound to a waypoint');
  }, 30_000);

  test('a node without its agent, and a pod there that nobody enrols', async () => {
    const onlyNodeA = { spec: { template: { spec: { nodeSelector: { 'kubernetes.io/hostname': 'node-a' } } } } };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'late', namespace: 'default', labels: { app: 'late', 'istio.io/dataplane-mode': 'none' } },
      spec: { nodeSelector: { 'kubernetes.io/hostname': 'node-b' }, containers: [{ name: 'client', image: 'ambient-mesh/client' }] },
    };
    await apply(pod);
    await mesh.kubectl.ok('wait pod/late --for=condition=Ready --timeout=30s');
    await mesh.kubectl.ok(`-n istio-system patch daemonset istio-cni-node --type=merge -p ${JSON.stringify(onlyNodeA)}`);
    await mesh.kubectl.ok('label pod late --overwrite istio.io/dataplane-mode=ambient');
    const said = await eventually(
      async () => {
        const seen = await type('check');
        return seen.out.includes('node-b has no node agent') ? seen : undefined;
      },
      { timeoutMs: 40_000, everyMs: 500, what: 'a word about the agent of node-b' },
    );
    expect(said.code).toBe(1);
    expect(said.out).toContain('✘ nodes          node node-b has no node agent\n');
    expect(said.out).toContain('✘ pods           pod default/late on node node-b should be in the mesh and is not: ');
    expect(await type('analyze')).toMatchObject({ code: 79, out: expect.stringContaining('Error [AMB0014] (Pod default/late)') });
  }, 90_000);
});
