// The user's CLI as a user types it, on a mesh with nodes: a waypoint is deployed, waited for, listed and removed; the tunnels tell what they know.
// What each command prints in every case is tested beside it; here it meets a faithful API server and a control plane that deploys.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { MeshLab } from '../lab/mesh-lab.ts';

const program = fileURLToPath(new URL('../../packages/ambientctl/bin/ambientctl.mjs', import.meta.url));

interface Seen {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe.skipIf(!hasKubectl())('ambientctl on a cluster', () => {
  const owned = new AsyncDisposableStack();
  let mesh: MeshLab;
  let kubeconfig: string;
  beforeAll(async () => {
    mesh = owned.use(await MeshLab.start());
    const folder = owned.adopt(mkdtempSync(join(tmpdir(), 'ambientctl-')), (path) => rmSync(path, { recursive: true, force: true }));
    kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, mesh.cluster.api.kubeconfig(), { mode: 0o600 });
  }, 120_000);
  afterAll(() => owned.disposeAsync());

  const type = (line: string): Promise<Seen> =>
    new Promise((resolve) => {
      const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', KUBECONFIG: kubeconfig };
      execFile(process.execPath, [program, ...line.split(' ')], { env, maxBuffer: 2 ** 26 }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code), out, err }),
      );
    });
  const labelOf = (namespace: string): Promise<string> =>
    mesh.kubectl.ok(`get namespace ${namespace} -o jsonpath={.metadata.labels.istio\\.io/use-waypoint}`);

  test('a waypoint is deployed and, once it is ready, the namespace is sent through it', async () => {
    expect(await type('waypoint apply --enroll-namespace --wait')).toEqual({
      code: 0,
      out: `✅ waypoint default/waypoint applied
✅ waypoint default/waypoint is ready!
✅ namespace default labeled with "istio.io/use-waypoint: waypoint"
`,
      err: '',
    });
    expect(await labelOf('default')).toBe('waypoint');
    expect(await mesh.kubectl.ok('get namespace default -o jsonpath={.metadata.labels.istio\\.io/dataplane-mode}')).toBe('ambient');
    expect(await mesh.kubectl.ok('get deployment waypoint -o jsonpath={.status.readyReplicas}')).toBe('1');
  }, 90_000);

  test('a namespace that has one is left as it is', async () => {
    const { code, out, err } = await type('waypoint apply --enroll-namespace --name another');
    expect([code, out, err]).toEqual([0, '', expect.stringContaining('nothing was applied')]);
    expect(await labelOf('default')).toBe('waypoint');
  });

  test('it is listed, with its status', async () => {
    expect((await type('waypoint list -A')).out).toBe(
      'NAMESPACE   NAME       REVISION   TRAFFIC TYPE   PROGRAMMED\ndefault     waypoint   default    service        True\n',
    );
    const { code, out } = await type('waypoint status -o json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual([
      expect.objectContaining({ namespace: 'default', name: 'waypoint', status: 'True', reason: 'Programmed' }),
    ]);
  });

  test('what others have written is not taken from them without being told to', async () => {
    const gateway = (await type('waypoint generate --name theirs --for workload -n default')).out;
    await mesh.kubectl.ok('apply --server-side -f -', gateway);
    const { code, err } = await type('waypoint apply --name theirs --for all');
    expect([code, err]).toEqual([1, expect.stringContaining('--overwrite')]);
    expect((await type('waypoint apply --name theirs --for all --overwrite')).code).toBe(0);
    expect((await type('waypoint list -o json')).out).toContain('"trafficType": "all"');
  });

  test('it is removed by name, and what was made for it goes too', async () => {
    expect(await type('waypoint delete waypoint theirs gone')).toEqual({
      code: 0,
      out: 'waypoint default/waypoint deleted\nwaypoint default/theirs deleted\nwaypoint default/gone not found\n',
      err: '',
    });
    expect((await type('waypoint list')).out).toBe('No waypoints found.\n');
    await mesh.kubectl.ok('wait deployment/waypoint --for=delete --timeout=20s');
  }, 60_000);
});
