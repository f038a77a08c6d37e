// Pods that come into the mesh, stay in it and leave it, by the real node agent on the lab's cluster: what users do, and what others do to them.
// Worked by stock kubectl; what a foreign tool would do is done inside the pod by `kubectl exec`.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { pods } from '../lab/cluster/kinds.ts';
import { eventually } from '../lab/eventually.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { MeshLab } from '../lab/mesh-lab.ts';

const patience = { timeoutMs: 20_000, everyMs: 50 };
const mode = 'istio.io/dataplane-mode';

describe.skipIf(!hasKubectl())('enrolment', () => {
  let mesh: MeshLab;
  beforeAll(async () => {
    mesh = await MeshLab.start();
    await mesh.kubectl.ok('create namespace plain');
    await mesh.kubectl.ok('-n plain wait --for=create serviceaccount/default --timeout=10s');
  }, 120_000);
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  const k = (command: string, input?: string): Promise<string> => mesh.kubectl.ok(command, input);
  const until = (what: string, probe: () => Promise<boolean>, timeoutMs = patience.timeoutMs): Promise<true> =>
    eventually(async () => ((await probe()) ? true : undefined), { ...patience, timeoutMs, what });
  const redirection = (pod: string): Promise<string> =>
    k(`-n plain get pod ${pod} -o jsonpath={.metadata.annotations.ambient\\.istio\\.io/redirection}`);
  const ipOf = (pod: string, family = 0): Promise<string> => k(`-n plain get pod ${pod} -o jsonpath={.status.podIPs[${family}].ip}`);
  const exec = (pod: string, ...argv: readonly string[]): Promise<string> =>
    mesh.kubectl.run(['-n', 'plain', 'exec', pod, '--', ...argv]).then(({ code, stdout, stderr }) => {
      if (code !== 0) throw new Error(`${argv.join(' ')} in ${pod}: ${stdout}${stderr}`);
      return stdout;
    });
  const pod = (
    name: string,
    more: {
      node?: 'a' | 'b';
      image?: string;
      args?: readonly string[];
      env?: Record<string, string>;
      labels?: object;
      listens?: number;
    } = {},
  ): string =>
    stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'plain', labels: { app: name, ...more.labels } },
      spec: {
        nodeSelector: { 'kubernetes.io/hostname': `node-${more.node ?? 'a'}` },
        containers: [
          {
            name: 'app',
            image: more.image ?? 'ambient-mesh/sleep',
            ...(more.args && { args: more.args }),
            env: Object.entries(more.env ?? {}).map(([name, value]) => ({ name, value })),
            ...(more.listens && { readinessProbe: { tcpSocket: { port: more.listens }, periodSeconds: 1 } }),
          },
        ],
      },
    });
  /** Running pods, and after the test none. */
  async function withPods(manifests: readonly string[], names: readonly string[], story: () => Promise<void>): Promise<void> {
    await k('apply -f -', manifests.join('---\n'));
    try {
      await k(`-n plain wait pod ${names.join(' ')} --for=condition=Ready --timeout=30s`);
      await story();
    } finally {
      await k(`-n plain delete pod ${names.join(' ')} --grace-period=0 --force`);
      await k(`label namespace plain ${mode}-`);
    }
  }
  const echo = { image: 'ambient-mesh/app', args: ['9000=echo'], listens: 9000 } as const;

  /** Talks over one connection for a while, a line and its echo every 50 ms. */
  const talk = (from: string, ip: string, lines: number): Promise<string> =>
    exec(
      from,
      'bash',
      '-c',
      `exec 3<>/dev/tcp/${ip}/9000; for i in $(seq ${lines}); do echo $i >&3; read -t 3 -u 3 x || { echo "cut at $i"; exit; }; sleep 0.05; done; echo whole`,
    );

  test('a running pod is in the mesh within 300 ms of its label, and out again', async () => {
    await withPods(
      [pod('far', { image: 'ambient-mesh/http-echo', listens: 8080, node: 'b', labels: { [mode]: 'ambient' } })],
      ['far'],
      async () => {
        const url = `http://${await ipOf('far')}:8080/`;
        const took: number[] = [];
        for (const name of ['late-1', 'late-2', 'late-3']) took.push(await enrolmentOf(name, url));
        process.stdout.write(`from label to the first encrypted connection: ${took.join(', ')} ms\n`);
        expect(took.toSorted((a, b) => a - b)[1]).toBeLessThan(300);
      },
    );
  });

  /** How long after its label the connections of a running pod, which asks all the time, are encrypted; then takes it out again. */
  async function enrolmentOf(name: string, url: string): Promise<number> {
    let tookMs = Number.NaN;
    await withPods([pod(name, { image: 'ambient-mesh/client', args: [url], env: { EVERY_MS: '10' } })], [name], async () => {
      await until('traffic', async () => (await mesh.logs('plain', name)).includes(' 200 '));
      expect(await redirection(name)).toBe('');
      const labelledAt = await label(name);
      const line = async (): Promise<string | undefined> => accessLog('a', `src.workload="${name}"`, 'direction="outbound"');
      // kubectl takes more of the machine than what is measured.
      await new Promise((resolve) => setTimeout(resolve, 600));
      const first = await eventually(line, { ...patience, what: 'an encrypted connection' });
      tookMs = Date.parse(first.split('\t')[0] ?? '') - labelledAt;
      await until('the annotation', async () => (await redirection(name)) === 'enabled');
      await k(`-n plain label pod ${name} ${mode}-`);
      await until('no annotation', async () => (await redirection(name)) === '');
      await until('no rules', async () => (await exec(name, 'nft', 'list', 'tables')) === '');
    });
    return tookMs;
  }

  /** Without starting kubectl, which takes longer than what is measured. Resolves with the moment before. */
  async function label(name: string): Promise<number> {
    const body = { metadata: { labels: { [mode]: 'ambient' } } };
    const before = Date.now();
    await mesh.cluster.client.patch(pods, { namespace: 'plain', name }, { type: 'merge', body });
    return before;
  }

  /** The first access line of a node's ztunnel that has all of these. */
  async function accessLog(node: 'a' | 'b', ...pieces: readonly string[]): Promise<string | undefined> {
    const lines = (await mesh.logs('istio-system', await mesh.ztunnel(`node-${node}`))).split('\n');
    return lines.find((line) => line.includes('\taccess\t') && pieces.every((piece) => line.includes(piece)));
  }

  test.each([0, 1])('connections that were open before go on as they were, into the pod and out of it (family %i)', async (family) => {
    await withPods([pod('old', echo), pod('peer', { ...echo, node: 'b' })], ['old', 'peer'], async () => {
      const [old, peer] = [await ipOf('old', family), await ipOf('peer', family)];
      const talks = Promise.all([talk('old', peer, 80), talk('peer', old, 80)]);
      await k(`-n plain label pod old peer ${mode}=ambient`);
      await until('enrolment', async () => (await redirection('old')) === 'enabled' && (await redirection('peer')) === 'enabled');
      expect(await talk('old', peer, 3)).toBe('whole\n');
      expect(await talks).toEqual(['whole\n', 'whole\n']);
    });
  });

  test('connections through the tunnel end when the pod leaves the mesh, and new ones go on at once', async () => {
    await withPods(
      [pod('leaver', { labels: { [mode]: 'ambient' } }), pod('peer', { ...echo, node: 'b' })],
      ['leaver', 'peer'],
      async () => {
        const peer = await ipOf('peer');
        await k(`-n plain label pod leaver ${mode}-`);
        // One connection after the other while the pod leaves.
        const asks = `for i in $(seq 150); do exec 3<>/dev/tcp/${peer}/9000 && echo $i >&3 && read -t 2 -u 3 x && exec 3>&- || echo failed $i; sleep 0.01; done; echo done`;
        expect(await exec('leaver', 'bash', '-c', asks)).toBe('done\n');
        await until('no annotation', async () => (await redirection('leaver')) === '');
      },
    );
  });

  test('a namespace: pods that run come in, pods that start later are in from their first packet, and a pod may stay out', async () => {
    await withPods([pod('first'), pod('stays-out', { labels: { [mode]: 'none' } })], ['first', 'stays-out'], async () => {
      await k(`label namespace plain ${mode}=ambient`);
      await until('the running pod', async () => (await redirection('first')) === 'enabled');
      // Its first act is to look: the rules are there before it is.
      const looks = { image: 'ambient-mesh/sleep' };
      await k('apply -f -', pod('second', looks));
      await k('-n plain wait pod second --for=condition=Ready --timeout=20s');
      expect(await redirection('second')).toBe('enabled');
      expect(await exec('second', 'nft', 'list', 'tables')).toContain('istio-ambient-nat');
      expect(await redirection('stays-out')).toBe('');
      await k('-n plain delete pod second --grace-period=0 --force');
      await k(`label namespace plain ${mode}-`);
      await until('nobody', async () => (await redirection('first')) === '');
    });
  });

  test('pods in excluded namespaces are never enrolled', async () => {
    await k(`label namespace kube-system ${mode}=ambient`);
    const stays = pod('excluded', { labels: { [mode]: 'ambient' } }).replace('namespace: plain', 'namespace: kube-system');
    await k('apply -f -', stays);
    await k('-n kube-system wait pod excluded --for=condition=Ready --timeout=20s');
    expect(await k('-n kube-system get pod excluded -o jsonpath={.metadata.annotations.ambient\\.istio\\.io/redirection}')).toBe('');
    await k('-n kube-system delete pod excluded --grace-period=0 --force');
    await k(`label namespace kube-system ${mode}-`);
  });

  const events = (pod: string): Promise<string> =>
    k(`-n plain get events --field-selector involvedObject.name=${pod} -o jsonpath='{range .items[*]}{.reason}: {.message}{"\\n"}{end}'`);

  test.each([
    ['all rules are flushed', ['nft', 'flush', 'ruleset']],
    ['one rule is taken out', ['nft', 'flush', 'chain', 'inet', 'istio-ambient-nat', 'istio-output']],
  ])('when %s by somebody else, the pod is in the mesh again within 5 s, and an Event says what was wrong', async (_, foreign) => {
    await withPods([pod('victim', { labels: { [mode]: 'ambient' } })], ['victim'], async () => {
      const before = await exec('victim', 'nft', 'list', 'ruleset');
      const damagedAt = Date.now();
      await exec('victim', ...foreign);
      const bare = (rules: string): string => rules.replace(/counter packets \d+ bytes \d+/g, 'counter');
      await until('the same rules', async () => bare(await exec('victim', 'nft', 'list', 'ruleset')) === bare(before), 5_000);
      process.stdout.write(`repaired after ${Date.now() - damagedAt} ms\n`);
      await until('the Events', async () => (await events('victim')).includes('Enrolled: In the mesh; before that: rules-damaged'));
      expect(await events('victim')).toContain('NotEnrolled: Not in the mesh (rules-damaged)');
    });
  });

  test('other rules in a pod are nobody else’s business', async () => {
    await withPods([pod('own-rules', { labels: { [mode]: 'ambient' } })], ['own-rules'], async () => {
      await exec('own-rules', 'nft', 'add', 'table', 'inet', 'mine');
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect(await exec('own-rules', 'nft', 'list', 'tables')).toContain('table inet mine');
      expect(await events('own-rules')).not.toContain('NotEnrolled');
    });
  });

  test('health probes reach a pod past the mesh: with STRICT mutual TLS, and while its ztunnel is away', async () => {
    const probed = stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'probed', namespace: 'plain', labels: { [mode]: 'ambient' } },
      spec: {
        nodeSelector: { 'kubernetes.io/hostname': 'node-b' },
        containers: [
          {
            name: 'app',
            image: 'ambient-mesh/http-echo',
            readinessProbe: { httpGet: { path: '/probe', port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
          },
        ],
      },
    });
    const strict = {
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'strict', namespace: 'plain' },
      spec: { mtls: { mode: 'STRICT' } },
    };
    await k('apply -f -', stringify(strict));
    await withPods([probed], ['probed'], async () => {
      const outside = await mesh.kubectl.run(['exec', 'outside', '--', 'curl', '-s', '-m', '3', `http://${await ipOf('probed')}:8080/`]);
      expect(outside.code).not.toBe(0);
      await k(`-n istio-system delete pod ${await mesh.ztunnel('node-b')} --grace-period=0 --force`);
      const seen = async (): Promise<readonly string[]> =>
        (await mesh.logs('plain', 'probed')).split('\n').filter((line) => line.includes('/probe 200'));
      const before = (await seen()).length;
      await until('more probes', async () => (await seen()).length > before + 2);
      expect(new Set((await seen()).map((line) => line.split(' ').at(-1)))).toEqual(new Set(['169.254.7.127']));
      expect(await k('-n plain get pod probed -o jsonpath={.status.conditions[?(@.type=="Ready")].status}')).toBe('True');
    });
    await k('-n plain delete peerauthentication strict');
  }, 60_000);

  test('a NetworkPolicy that shuts the mesh out says so', async () => {
    await withPods([pod('policed', { labels: { [mode]: 'ambient' } })], ['policed'], async () => {
      const policy = {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: 'app-port-only', namespace: 'plain' },
        spec: { podSelector: { matchLabels: { app: 'policed' } }, policyTypes: ['Ingress'], ingress: [{ ports: [{ port: 8080 }] }] },
      };
      await k('apply -f -', stringify(policy));
      await until('an Event', async () => (await events('app-port-only')).includes('BlocksMeshTraffic'));
      expect(await events('app-port-only')).toContain('15008');
      await k('-n plain delete networkpolicy app-port-only');
    });
  });

  test('200 pods on one node are in the mesh 10 s after their namespace is labelled', async () => {
    const many = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'many', namespace: 'plain' },
      spec: {
        replicas: 200,
        selector: { matchLabels: { app: 'many' } },
        template: {
          metadata: { labels: { app: 'many' } },
          spec: { nodeSelector: { 'kubernetes.io/hostname': 'node-b' }, containers: [{ name: 'app', image: 'ambient-mesh/sleep' }] },
        },
      },
    };
    await k('apply -f -', stringify(many));
    await until(
      '200 running pods',
      async () => (await k('-n plain get deployment many -o jsonpath={.status.readyReplicas}')) === '200',
      120_000,
    );
    const began = Date.now();
    await k(`label namespace plain ${mode}=ambient`);
    const annotations = (): Promise<string> =>
      k('-n plain get pods -o jsonpath={.items[*].metadata.annotations.ambient\\.istio\\.io/redirection}');
    const enrolled = async (): Promise<number> => (await annotations()).split(' ').filter((each) => each === 'enabled').length;
    // Asked seldom: kubectl itself costs more than enrolling a pod.
    await eventually(async () => ((await enrolled()) === 200 ? true : undefined), {
      timeoutMs: 30_000,
      everyMs: 500,
      what: '200 enrolled pods',
    });
    const tookMs = Date.now() - began;
    process.stdout.write(`200 pods enrolled in ${tookMs} ms\n`);
    expect(tookMs).toBeLessThan(10_000);
    await k('-n plain delete deployment many');
    await k(`label namespace plain ${mode}-`);
    await until('no pods', async () => (await k('-n plain get pods -o name')) === '', 60_000);
  }, 240_000);
});
