// The user's CLI as a user types it, on a mesh with nodes: a waypoint is deployed, waited for, listed and removed; the tunnels tell what they know.
// What each command prints in every case is tested beside it; here it meets a faithful API server and a control plane that deploys.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { type Answered, MeshLab } from '../lab/mesh-lab.ts';

describe.skipIf(!hasKubectl())('ambientctl on a cluster (needs kubectl)', () => {
  const owned = new AsyncDisposableStack();
  let mesh: MeshLab;
  let folder: string;
  beforeAll(async () => {
    mesh = owned.use(await MeshLab.start());
    folder = owned.adopt(mkdtempSync(join(tmpdir(), 'ambientctl-')), (path) => rmSync(path, { recursive: true, force: true }));
  }, 120_000);
  afterAll(() => owned.disposeAsync());

  const type = (line: string): Promise<Answered> => mesh.ambientctl(line.split(' '));
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

  const json = async (line: string): Promise<unknown> => {
    const { code, out, err } = await type(`${line} -o json`);
    if (code !== 0) throw new Error(err);
    return JSON.parse(out);
  };
  const ask = (): Promise<string> => mesh.kubectl.ok('exec client -- curl -s -m 5 http://server/');

  test('a ztunnel tells what it knows, of its own node or as the first that is found', async () => {
    expect((await type('ztunnel-config workload --node node-a --workload-namespace default')).out).toMatch(
      /^NAMESPACE +POD NAME +ADDRESS +NODE +WAYPOINT +PROTOCOL\ndefault +client +\S+ +node-a +\S+ +HBONE\n/,
    );
    expect((await type('zc service --service-namespace default')).out).toMatch(/^default +server +\S+ +waypoint +2\/2$/m);
    const pod = await mesh.ztunnel('node-b');
    const certificates = await json(`zc certificate ${pod}`);
    expect(certificates).toContainEqual(
      expect.objectContaining({ identity: 'spiffe://cluster.local/ns/default/sa/server', state: 'Available' }),
    );
    expect((await type(`zc log ${pod} --level info,access:debug`)).out).toContain('access=debug');
    expect((await type(`zc log ${pod} --reset`)).out).not.toContain('access=debug');
  }, 60_000);

  test('every proxy has taken what the control plane sent it', async () => {
    const settled = async (): Promise<readonly string[] | undefined> => {
      const { out } = await type('proxy-status');
      const rows = out.trim().split('\n').slice(1);
      return rows.every((row) => !/STALE|NACKED|DISCONNECTED/.test(row)) ? rows : undefined;
    };
    const rows = await eventually(settled, { what: 'proxies in step', timeoutMs: 40_000 });
    expect(rows.filter((row) => / ztunnel +node-[ab] +istiod-\S+ +SYNCED \(\S+\) +SYNCED \(\S+\) +-$/.test(row))).toHaveLength(2);
    expect(rows.filter((row) => /^waypoint-\S+\.default +waypoint /.test(row))).toHaveLength(1);
  }, 60_000);

  test('a waypoint tells where it sends requests', async () => {
    await ask();
    expect((await type('waypoint config clusters')).out).toMatch(/^default\/server.default.svc.cluster.local port 80 +2\/2 /m);
    expect((await type('waypoint config all --with-headers')).out).toMatch(
      /^ROUTES\n[\s\S]*^CERTIFICATES\n[\s\S]* Leaf +Available +true /m,
    );
  }, 30_000);

  test('who moves how much, and what was said of it', async () => {
    const measuring = json('top services --interval 3s');
    const measured = measuring.then(() => true);
    // Counters move between the samples, whenever those are.
    while (!(await Promise.race([measured, ask().then(() => false)])));
    expect(await measuring).toContainEqual(expect.objectContaining({ namespace: 'default', name: 'server', denied: 0 }));
    const lines = async (): Promise<string | undefined> => {
      const { out } = await type('tail --no-follow --lines 500 --workload client -n default');
      return out.includes('ok') ? out : undefined;
    };
    expect(await eventually(lines, { what: 'a line about the client', timeoutMs: 40_000 })).toMatch(
      / outbound \S+ +default\/client:\d+ -> default\/waypoint-\S+ .*ok/,
    );
  }, 60_000);

  test('a report holds what helps, and no key and no token', async () => {
    const file = join(folder, 'report.tar.gz');
    const { code, err } = await type(`bug-report ${file}`);
    expect([code, err]).toEqual([0, '']);
    const all = execFileSync('tar', ['xzOf', file], { encoding: 'utf8', maxBuffer: 2 ** 28 });
    expect(all).toContain('spiffe://cluster.local/ns/default/sa/client');
    expect(all).toContain('istio_tcp_connections_opened_total');
    expect(all).not.toMatch(/PRIVATE KEY|\beyJ[\w-]{10,}\.eyJ/);
    const secret = await mesh.kubectl.ok('-n istio-system get secret istio-ca-secret -o jsonpath={.data.ca-key\\.pem}');
    const key = Buffer.from(secret, 'base64')
      .toString('utf8')
      .split('\n')
      .filter((line) => line.length > 30 && !line.startsWith('-----'));
    expect(key.length).toBeGreaterThan(0);
    for (const line of key) expect(all.includes(line)).toBe(false);
    expect(all.includes(secret.slice(40, 90))).toBe(false);
  }, 90_000);

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
