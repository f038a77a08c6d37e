// The graph as the control plane serves it: who talks to whom on a living mesh, who may see it, and how soon.
// A viewer's browser would come over a port-forward, and so does this test. The page itself is page.test.ts.
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { ExplainAnswer, Graph, GraphEdge, LogAnswer, Session } from '@ambient-mesh/dashboard/graph';
import { Netns } from '@ambient-mesh/host/netns';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Child } from '../lab/child.ts';
import { eventually } from '../lab/eventually.ts';
import { httpIn } from '../lab/http.ts';
import { KubeApi } from '../lab/kubernetes/kube-api.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { MeshLab, manifest } from '../lab/mesh-lab.ts';
import { hasPrometheus, Prometheus } from '../lab/prometheus.ts';

const ambientctl = fileURLToPath(new URL('../../packages/ambientctl/bin/ambientctl.mjs', import.meta.url));
const patience = { timeoutMs: 20_000, everyMs: 250 };
/** From traffic to its edge. */
const soon = { timeoutMs: 5_000, everyMs: 100 };

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

describe.skipIf(!hasKubectl())('the graph (needs kubectl)', () => {
  let mesh: MeshLab;
  let istiod: string;
  let token: string;

  beforeAll(async () => {
    mesh = await MeshLab.start();
    const { kubectl } = mesh;
    istiod = await kubectl.ok('-n istio-system get pods -l app=istiod -o jsonpath={.items[0].metadata.name}');
    await kubectl.ok('create serviceaccount viewer');
    await kubectl.ok('create serviceaccount stranger');
    token = await kubectl.ok('create token viewer');
  }, 120_000);
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  async function ask(
    path: string,
    headers: Readonly<Record<string, string>> = { authorization: `Bearer ${token}` },
    method = 'GET',
  ): Promise<Answer> {
    const connection = await mesh.cluster.client.portForward({ namespace: 'istio-system', name: istiod }, 15_013);
    try {
      return await new Promise<Answer>((resolve, reject) => {
        const asked = request({ path, method, headers: { host: 'localhost:15013', ...headers }, createConnection: () => connection });
        asked.on('error', reject);
        asked.on('response', (answer) => {
          let body = '';
          answer.setEncoding('utf8');
          answer.on('data', (text: string) => {
            body += text;
          });
          answer.on('error', reject);
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
        });
        asked.end();
      });
    } finally {
      connection.destroy();
    }
  }
  const graph = async (window = 60): Promise<Graph> => JSON.parse((await ask(`/api/graph?window=${window}`)).body) as Graph;
  const edge = async (id: string, holds: (edge: GraphEdge) => boolean = () => true, wait = patience): Promise<GraphEdge> => {
    let last: Graph | undefined;
    const find = async (): Promise<GraphEdge | undefined> => {
      last = await graph();
      return last.edges.find((each) => each.id === id && holds(each));
    };
    return eventually(find, { ...wait, what: () => `${id} in ${JSON.stringify(last, undefined, 1)}` });
  };
  const curl = (from: string, ...more: readonly string[]) => mesh.kubectl.run(['exec', from, '--', 'curl', '-s', '-m', '5', ...more]);

  test('nobody without a token, nobody with a bad one, nobody by another name', async () => {
    expect((await ask('/api/graph', {})).status).toBe(401);
    const bad = await ask('/api/graph', { authorization: 'Bearer nonsense' });
    expect([bad.status, JSON.parse(bad.body)]).toEqual([401, { error: expect.stringContaining('does not accept this token') }]);
    expect((await ask('/api/graph', { authorization: `Bearer ${token}`, host: 'evil.example' })).status).toBe(403);
    expect((await ask('/', { host: 'evil.example' })).status).toBe(403);
  });

  test('a viewer is known by name; the page forbids every other origin', async () => {
    const { viewer, source, features } = JSON.parse((await ask('/api/session')).body) as Session;
    expect([viewer, source, features.logs]).toEqual(['system:serviceaccount:default:viewer', 'proxies', false]);
    expect((await ask('/')).headers['content-security-policy']).toContain("default-src 'self'");
  });

  test('it explains what it shows, to those who may see both ends', async () => {
    const asked = `/api/explain?from=default/client&to=${await mesh.ipOf('server-b')}:8080`;
    const { outcome, steps } = JSON.parse((await ask(asked)).body) as ExplainAnswer;
    expect([outcome, steps.map(({ at }) => at)]).toEqual(['allowed', ['default/client', 'default/server-b']]);
    expect((await ask('/api/explain?from=default/nobody&to=server')).status).toBe(400);
  });

  test('a token becomes a cookie, which lets its browser in', async () => {
    const { status, headers } = await ask('/api/session', { authorization: `Bearer ${token}` }, 'POST');
    const [cookie = ''] = String(headers['set-cookie']).split(';');
    expect([status, String(headers['set-cookie'])]).toEqual([200, expect.stringContaining('HttpOnly; SameSite=Strict')]);
    expect((await ask('/api/session', { cookie })).status).toBe(200);
    expect((await ask('/api/session', { cookie: `${cookie}x` })).status).toBe(401);
  });

  test('members are there before anybody talks, and an edge within five seconds of its traffic', async () => {
    const { nodes, namespaces } = await graph();
    expect(nodes).toContainEqual({
      id: 'workload:default/client',
      kind: 'workload',
      namespace: 'default',
      name: 'client',
      pods: 1,
      inMesh: true,
    });
    expect(namespaces).toContain('default');
    await curl('client', `http://${await mesh.ipOf('server-b')}:8080/`);
    const direct = await edge(
      'workload:default/client>workload:default/server-b>tcp',
      ({ connectionsPerSecond }) => connectionsPerSecond > 0,
      soon,
    );
    expect(direct).toMatchObject({ security: 'mutual_tls', denials: 0, deniedBy: [], failuresPerSecond: 0 });
    expect(direct.bytesPerSecond.sent).toBeGreaterThan(0);
    expect(direct.bytesPerSecond.received).toBeGreaterThan(direct.bytesPerSecond.sent);
    expect(direct.principals.source).toBe('spiffe://cluster.local/ns/default/sa/client');
  });

  test('a service stands between its clients and its pods; a neighbour on the node is reached without a wire', async () => {
    const used = (id: string) => async (): Promise<GraphEdge | undefined> => {
      await curl('client', 'http://server/');
      return (await graph()).edges.find((each) => each.id === id && each.connectionsPerSecond > 0);
    };
    const legs = [
      'workload:default/client>service:default/server>tcp',
      ...['a', 'b'].map((pod) => `service:default/server>workload:default/server-${pod}>tcp`),
    ];
    const [, near, far] = await Promise.all(legs.map((what) => eventually(used(what), { ...patience, what })));
    expect([near?.security, far?.security]).toEqual(['local', 'mutual_tls']);
  });

  test('whoever is outside comes in clear, from outside', async () => {
    await curl('outside', `http://${await mesh.ipOf('server-b')}:8080/`);
    await eventually(async () => ((await graph()).edges.some(({ security }) => security === 'none') ? true : undefined), {
      ...patience,
      what: 'an edge in clear',
    });
  });

  test('a denial turns up with the name of its policy, and is no failure', async () => {
    await mesh.kubectl.ok(`apply -f ${manifest('deny')}`);
    const ip = await mesh.ipOf('server-b');
    await eventually(async () => ((await curl('client', `http://${ip}:8080/`)).code !== 0 ? true : undefined), {
      ...patience,
      what: 'a denial',
    });
    const denied = await edge('workload:default/client>workload:default/server-b>tcp', ({ denials }) => denials > 0, soon);
    expect(denied).toMatchObject({ deniedBy: ['default/deny-client'], failuresPerSecond: 0 });
    await mesh.kubectl.ok(`delete -f ${manifest('deny')}`);
  });

  test('who may not see a namespace sees nothing of it', async () => {
    const { api } = mesh.cluster;
    if (!(api instanceof KubeApi)) return;
    const stranger = 'system:serviceaccount:default:stranger';
    api.faults.forbid = (_, resource, user, namespace) => user.name === stranger && resource === 'namespaces' && namespace === 'default';
    const authorization = `Bearer ${await mesh.kubectl.ok('create token stranger')}`;
    const { body } = await ask('/api/graph', { authorization });
    expect(body).not.toContain('server');
    expect((JSON.parse(body) as Graph).edges).toEqual([]);
    api.faults.forbid = () => false;
  });

  test('a waypoint is a hop; what it refuses is red with its policy; requests have times', async () => {
    const { kubectl } = mesh;
    await kubectl.ok(`apply -f ${manifest('waypoint')}`);
    await kubectl.ok('wait gateway/waypoint --for=condition=Programmed --timeout=60s');
    await kubectl.ok('label service server istio.io/use-waypoint=waypoint');
    await kubectl.ok('wait service/server --for=condition=istio.io/WaypointBound --timeout=20s');
    // The collector looks for new proxies every ten seconds, and what they told before its first question is of no known time.
    await eventually(
      async () => {
        await curl('client', 'http://server/');
        await curl('client', '-X', 'POST', 'http://server/');
        const { edges } = await graph();
        const hop = edges.find(({ id }) => id === 'waypoint:default/waypoint>service:default/server>http');
        return hop?.http !== undefined && hop.http.requestsPerSecond > 0 && hop.denials > 0 ? true : undefined;
      },
      { timeoutMs: 60_000, everyMs: 500, what: 'requests through the waypoint' },
    );
    const all = await graph();
    const by = (id: string) =>
      all.edges.find((each) => each.id === id) ?? expect.fail(`${id} in ${JSON.stringify(all.edges, undefined, 1)}`);
    expect(by('workload:default/client>waypoint:default/waypoint>tcp')).toMatchObject({
      security: 'mutual_tls',
      deniedBy: ['no policy allows it'],
    });
    const hop = by('waypoint:default/waypoint>service:default/server>http');
    expect(hop).toMatchObject({ security: 'mutual_tls', deniedBy: ['no policy allows it'] });
    expect(hop.http?.p99Ms).toBeGreaterThan(0);
    expect(all.edges.some(({ id }) => /^service:default\/server>workload:default\/server-[ab]>http$/.test(id))).toBe(true);
    expect(all.nodes).toContainEqual(expect.objectContaining({ id: 'waypoint:default/waypoint', pods: 1 }));
  }, 90_000);

  describe('as ambientctl serves it', () => {
    let child: Child;
    let url: URL;
    let cookie: string;
    const get = async <T>(path: string): Promise<T> => {
      const answer = await fetch(new URL(path, url), { headers: { cookie } });
      expect([answer.status, path]).toEqual([200, path]);
      return (await answer.json()) as T;
    };

    beforeAll(async () => {
      const argv = [process.execPath, ambientctl, 'dashboard', '--no-open', '--kubeconfig', mesh.cluster.kubeconfigPath];
      child = new Child({ netns: Netns.current(), cwd: mesh.lab.folder, argv, env: { PATH: process.env.PATH ?? '' } });
      url = new URL((await child.line(/^http:/, 20_000)).trim());
    }, 30_000);
    afterAll(() => child?.[Symbol.asyncDispose]());

    test('its address lets one browser in, once', async () => {
      expect((await fetch(new URL('/api/graph', url))).status).toBe(401);
      const first = await fetch(url, { redirect: 'manual' });
      expect([first.status, first.headers.get('location')]).toEqual([303, '/']);
      [cookie = ''] = (first.headers.get('set-cookie') ?? '').split(';');
      expect((await fetch(url, { redirect: 'manual' })).status).toBe(401);
      expect(await get<Session>('/api/session')).toMatchObject({ source: 'proxies', features: { logs: true, explain: true } });
    });

    test('traffic has an edge, lines of the access log, and an explanation', async () => {
      const ip = await mesh.ipOf('server-b');
      await get<Graph>('/api/graph?window=15');
      await curl('client', `http://${ip}:8080/`);
      const id = 'workload:default/client>workload:default/server-b>tcp';
      const edge = async (): Promise<GraphEdge | undefined> =>
        (await get<Graph>('/api/graph?window=15')).edges.find((each) => each.id === id && each.connectionsPerSecond > 0);
      expect(await eventually(edge, { ...patience, what: id })).toMatchObject({ security: 'mutual_tls' });
      const { lines } = await get<LogAnswer>('/api/log?from=workload:default/client&to=workload:default/server-b&limit=5');
      expect(lines.length).toBeGreaterThan(0);
      expect(lines[0]).toMatchObject({ pod: expect.stringContaining('ztunnel'), text: expect.stringContaining('default/server-b') });
      expect(lines[0]?.at).toBeGreaterThan(Date.now() - 600_000);
      const explained = await get<ExplainAnswer>(`/api/explain?from=default/client&to=${ip}:8080`);
      expect(explained.outcome).toBe('allowed');
      expect(explained.steps.length).toBeGreaterThan(0);
    });

    test('Ctrl-C ends it well', async () => {
      child.signal('SIGINT');
      expect(await child.exited(10_000)).toBe(0);
    });
  });

  describe.skipIf(!hasPrometheus())('as Prometheus remembers it (needs Prometheus)', () => {
    let prometheus: Prometheus;
    let child: Child;
    let url: URL;
    /** Where Prometheus is. */
    const get = (path: string, headers: Readonly<Record<string, string>>) =>
      httpIn(mesh.lab.underlay, { port: Number(url.port), path, headers: { host: 'localhost', ...headers } });

    beforeAll(async () => {
      prometheus = await Prometheus.start(mesh);
      const kubeconfig = `${mesh.lab.folder}/kubeconfig-inside`;
      writeFileSync(kubeconfig, mesh.cluster.kubeconfigInside, { mode: 0o600 });
      const flags = ['--no-open', '--prometheus', 'http://127.0.0.1:9090', '--kubeconfig', kubeconfig];
      child = new Child({ netns: mesh.lab.underlay, cwd: mesh.lab.folder, argv: [process.execPath, ambientctl, 'dashboard', ...flags] });
      url = new URL((await child.line(/^http:/, 20_000)).trim());
    }, 60_000);
    afterAll(async () => {
      await child?.[Symbol.asyncDispose]();
      await prometheus?.[Symbol.asyncDispose]();
    });

    test('the same edges: the way to the waypoint, and its requests behind it', async () => {
      const { headers } = await get(`/${url.search}`, {});
      const [cookie = ''] = String(headers['set-cookie']).split(';');
      let last: Graph | undefined;
      const drawn = async (): Promise<Graph | undefined> => {
        await curl('client', 'http://server/');
        await curl('client', '-X', 'POST', 'http://server/');
        last = JSON.parse((await get('/api/graph?window=60', { cookie })).body.toString()) as Graph;
        const hop = last.edges.find(({ id }) => id === 'waypoint:default/waypoint>service:default/server>http');
        return hop?.http !== undefined && hop.http.requestsPerSecond > 0 && hop.denials > 0 ? last : undefined;
      };
      const graph = await eventually(drawn, {
        timeoutMs: 60_000,
        everyMs: 500,
        what: () => `requests in ${JSON.stringify(last, undefined, 1)}`,
      });
      expect([graph.source, graph.windowSeconds, graph.warnings]).toEqual(['prometheus', 60, []]);
      const client = graph.edges.find(({ id }) => id === 'workload:default/client>waypoint:default/waypoint>tcp');
      expect(client).toMatchObject({ security: 'mutual_tls', deniedBy: ['no policy allows it'] });
    }, 90_000);
  });
});
