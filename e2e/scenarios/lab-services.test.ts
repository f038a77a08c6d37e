// Services and DNS for pods that no mesh carries, as a cluster's own node proxy and DNS give them: what the mesh is put into, and compared with.
// One cluster of two nodes without any mesh, worked by kubectl; its pods are shared by the tests, their Services are not.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { underlayAddress } from '../lab/addressing.ts';
import { LabCluster } from '../lab/cluster/lab-cluster.ts';
import { eventually } from '../lab/eventually.ts';
import { hasKubectl, Kubectl, type KubectlResult } from '../lab/kubernetes/kubectl.ts';
import { Lab } from '../lab/lab.ts';

const patience = { timeoutMs: 20_000, everyMs: 50 };
/** So many that none of two endpoints is missed by chance: one time in 2^39. */
const enough = 40;

describe.skipIf(!hasKubectl())('without a mesh', () => {
  let kubectl: Kubectl;
  const owned = new AsyncDisposableStack();

  beforeAll(async () => {
    const lab = owned.use(await Lab.start());
    const cluster = owned.use(await LabCluster.start({ lab }));
    for (const name of ['node-a', 'node-b']) await cluster.addNode(await lab.node(name));
    kubectl = owned.use(new Kubectl(cluster.api.kubeconfig()));
    await kubectl.ok('wait --for=create serviceaccount/default --timeout=10s');
    await apply(
      pod('web-a', 'node-a', { containers: [echo], hostname: 'web-a', subdomain: 'peers' }),
      pod('web-b', 'node-b', { containers: [echo], hostname: 'web-b', subdomain: 'peers' }),
      pod('client', 'node-a', { containers: [sleeper] }),
      pod('of-node', 'node-a', { containers: [sleeper], hostNetwork: true }),
      service('web', { selector: { group: 'web' } }),
      service('peers', { selector: { group: 'web' }, clusterIP: 'None' }),
    );
    await kubectl.ok('label pod web-a web-b group=web');
    await kubectl.ok('wait pod --all --for=condition=Ready --timeout=30s');
  }, 60_000);
  afterAll(() => owned.disposeAsync());

  const apply = (...objects: object[]): Promise<string> => kubectl.ok('apply -f -', objects.map((each) => stringify(each)).join('---\n'));
  const sh = (from: string, script: string): Promise<KubectlResult> => kubectl.run(['exec', from, '--', 'sh', '-c', script]);
  const becomes = (what: string, probe: () => Promise<boolean>): Promise<true> =>
    eventually(async () => ((await probe()) ? true : undefined), { ...patience, what });

  /** Cluster addresses of a Service, IPv4 first, as they stand in URLs. */
  const vips = async (name: string): Promise<string[]> =>
    (await kubectl.ok(`get service ${name} -o jsonpath={.spec.clusterIPs[*]}`)).trim().split(' ').map(inUrl);

  interface Asked {
    /** Of the pods that answered, each once. */
    readonly pods: readonly string[];
    readonly peers: readonly string[];
    readonly answers: number;
    readonly stderr: string;
  }

  /** So many requests, each by a connection of its own. */
  async function ask(from: string, host: string, count = 1, options = ''): Promise<Asked> {
    const { stdout, stderr } = await sh(from, `curl -sS -m 5 -H 'connection: close' ${options} 'http://${host}/[1-${count}]'`);
    const all = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as { pod: string; peer: string }]));
    const [pods, peers] = [new Set(all.map((each) => each.pod)), new Set(all.map(({ peer }) => peer))];
    return { pods: [...pods].toSorted(), peers: [...peers], answers: all.length, stderr };
  }

  /** What a program of Node.js in the client's pod prints, as JSON. `resolver` asks the DNS that its pod is told. */
  async function inNode<T>(expression: string): Promise<T> {
    const program = `const dns = require('node:dns/promises'); const resolver = new dns.Resolver({ timeout: 2000, tries: 2 });
      (${expression}).catch(({ code }) => code).then((said) => console.log(JSON.stringify(said)));`;
    const { stdout, stderr } = await kubectl.run(['exec', 'client', '--', process.execPath, '-e', program]);
    if (stdout === '') throw new Error(`no answer: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** Once the nodes have heard of it. */
  const isUp = (host: string, from = 'client'): Promise<true> =>
    becomes(`an answer of ${host}`, async () => (await ask(from, host)).answers === 1);

  test.each([
    ['its name', async () => ['web']],
    ['its name with the namespace', async () => ['web.default']],
    ['its whole name', async () => ['web.default.svc.cluster.local']],
    ['its addresses of both families', () => vips('web')],
  ] as const)('a Service is reached by %s, on all nodes alike, and the client stays who he is', async (_, hostsOf) => {
    const own = (await kubectl.ok('get pod client -o jsonpath={.status.podIPs[*].ip}')).split(' ');
    for (const host of await hostsOf()) {
      await isUp(host);
      const { pods, peers, answers, stderr } = await ask('client', host, enough);
      expect([host, pods, answers, stderr]).toEqual([host, ['web-a', 'web-b'], enough, '']);
      for (const peer of peers) expect(own).toContain(peer);
    }
  });

  test('by programs of the node too', async () => {
    for (const host of await vips('web')) {
      await isUp(host, 'of-node');
      expect((await ask('of-node', host, enough)).pods).toEqual(['web-a', 'web-b']);
    }
  });

  test('an endpoint that is taken out gets no new connections, and gets them again when it is back', async () => {
    await apply(service('moving', { selector: { moving: 'about' } }));
    await kubectl.ok('label pod web-a web-b moving=about');
    const all = await vips('moving');
    const answering = async (): Promise<string[]> =>
      (await Promise.all(all.map((host) => ask('client', host, enough)))).map(({ pods }) => pods.join(' '));
    await becomes('answers of both', async () => (await answering()).every((pods) => pods === 'web-a web-b'));
    await kubectl.ok('label pod web-b moving-');
    await becomes('answers of one', async () => (await answering()).every((pods) => pods === 'web-a'));
    await kubectl.ok('label pod web-b moving=about');
    await becomes('answers of both again', async () => (await answering()).every((pods) => pods === 'web-a web-b'));
  });

  test.each(['client', 'of-node'])('a Service that nobody is behind refuses %s at once, over both families', async (from) => {
    const name = `empty-${from}`;
    await apply(service(name, { selector: { nobody: 'here' } }));
    for (const host of await vips(name)) {
      // In words: where there is no way at all, curl's exit code is the same.
      const refusal = async (): Promise<string> => (await sh(from, `curl -sv -m 2 http://${host}/`)).stderr;
      await becomes(`a refusal by ${host}`, async () => (await refusal()).includes('Connection refused'));
    }
  });

  test('a datagram to such a Service is refused too', async () => {
    await apply(service('empty-udp', { selector: { nobody: 'here' }, ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] }));
    const [v4 = '', v6 = ''] = await vips('empty-udp');
    for (const server of [v4, v6])
      await becomes(
        `a refusal by ${server}`,
        async () =>
          (await inNode<string>(`(resolver.setServers(['${server}']), resolver.resolve4('web.default.svc.cluster.local'))`)) ===
          'ECONNREFUSED',
      );
  });

  test('a pod that asks its own Service gets an answer from itself', async () => {
    await apply(service('self', { selector: { self: 'same' } }));
    await kubectl.ok('label pod web-a self=same');
    for (const host of ['self', ...(await vips('self'))]) {
      await isUp(host, 'web-a');
      expect(await ask('web-a', host, 5)).toMatchObject({ pods: ['web-a'], answers: 5, stderr: '' });
    }
  });

  test('UDP goes through a Service as TCP does, to endpoints that somebody wrote down', async () => {
    const ports = [{ name: 'dns', port: 53, protocol: 'UDP' }];
    const endpoints = [['IPv4', underlayAddress.v4] as const, ['IPv6', underlayAddress.v6] as const].map(([addressType, ip]) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `names-${addressType.toLowerCase()}`, labels: { 'kubernetes.io/service-name': 'names' } },
      addressType,
      endpoints: [{ addresses: [ip] }],
      ports,
    }));
    await apply(service('names', { ports }), ...endpoints);
    const [want] = await vips('web');
    for (const server of await vips('names'))
      await becomes(
        `an address from ${server}`,
        async () =>
          String(await inNode(`(resolver.setServers(['${server}']), resolver.resolve4('web.default.svc.cluster.local'))`)) === want,
      );
  });

  test('a headless Service has the addresses of its pods, and each pod a name', async () => {
    const ips = async (name: string): Promise<string[]> =>
      (await kubectl.ok(`get pod ${name} -o jsonpath={.status.podIPs[*].ip}`)).split(' ');
    const [a, b] = [await ips('web-a'), await ips('web-b')];
    const lookup = async (name: string): Promise<string[]> =>
      (await inNode<{ address: string }[]>(`dns.lookup('${name}', { all: true })`)).map(({ address }) => address).toSorted();
    await becomes('two endpoints', async () => (await lookup('peers')).length === 4);
    expect(await lookup('peers')).toEqual([...a, ...b].toSorted());
    expect(await lookup('web-b.peers')).toEqual(b.toSorted());
    expect((await ask('client', 'web-b.peers:8080')).pods).toEqual(['web-b']);
  });

  test('ports are found by name', async () => {
    const places = (name: string): Promise<{ name: string; port: number }[]> =>
      inNode(`resolver.resolveSrv('_http._tcp.${name}.default.svc.cluster.local')`);
    expect(await places('web')).toMatchObject([{ name: 'web.default.svc.cluster.local', port: 80 }]);
    const found = (await places('peers')).map(({ name, port }) => `${name}:${port}`).toSorted();
    expect(found).toEqual(['a', 'b'].map((each) => `web-${each}.peers.default.svc.cluster.local:8080`));
  });

  test('an alias leads to the Service that it names; one to the world ends there', async () => {
    const alias = (name: string, externalName: string): object => service(name, { type: 'ExternalName', externalName, ports: undefined });
    await apply(alias('other-name', 'web.default.svc.cluster.local'), alias('world', 'example.com'));
    await isUp('other-name');
    expect((await ask('client', 'other-name', enough)).pods).toEqual(['web-a', 'web-b']);
    const cname = (): Promise<unknown> => inNode(`resolver.resolveCname('world.default.svc.cluster.local')`);
    await becomes('the alias', async () => String(await cname()) === 'example.com');
    expect(await inNode(`dns.lookup('world')`)).toMatch(/^E(NOTFOUND|AI_AGAIN)$/);
  });

  test.each(['none.default.svc.cluster.local', 'web.other.svc.cluster.local', 'example.com'])('%s does not exist', async (name) => {
    expect(await inNode(`resolver.resolve4('${name}')`)).toBe('ENOTFOUND');
  });

  test.each([
    ['client', 'kubernetes.default.svc'],
    ['client', 'kubernetes.default.svc.cluster.local'],
    ['client', '$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT'],
    // Pods of the node's network have the machine's DNS.
    ['of-node', '$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT'],
  ])('%s reaches the API server as %s, and is known by its token', async (from, host) => {
    const review = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
    const script = `cd /var/run/secrets/kubernetes.io/serviceaccount && curl -sS -m 5 --cacert ca.crt -H "authorization: Bearer $(cat token)" \
-H 'content-type: application/json' -d '${review}' "https://${host}/apis/authentication.k8s.io/v1/selfsubjectreviews"`;
    const { stdout, stderr } = await sh(from, script);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout).status.userInfo.username).toBe('system:serviceaccount:default:default');
  });

  test('the address of the API server that pods are told is that of its Service', async () => {
    const told = (await sh('client', 'echo $KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT')).stdout.trim();
    expect([told]).toEqual((await vips('kubernetes')).map((vip) => `${vip}:443`));
  });
});

const inUrl = (ip: string): string => (ip.includes(':') ? `[${ip}]` : ip);

const ready = { readinessProbe: { httpGet: { port: 8080, path: '/ready' }, periodSeconds: 1 } };
const echo = { name: 'app', image: 'ambient-mesh/http-echo', ...ready };
const sleeper = { name: 'app', image: 'ambient-mesh/sleep' };

function pod(name: string, node: string, spec: object): object {
  const placed = { nodeSelector: { 'kubernetes.io/hostname': node }, terminationGracePeriodSeconds: 1, ...spec };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: placed };
}

/** Of both families, with port 80. */
function service(name: string, spec: object): object {
  const families = 'externalName' in spec ? {} : { ipFamilyPolicy: 'PreferDualStack' };
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }];
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ...families, ports, ...spec } };
}
