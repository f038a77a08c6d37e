// What clients notice when servers and ztunnels are replaced, and pods leave the mesh and come back, while they ask all the time.
// The pods of echo-apps.ts are asked by clients in and outside of the mesh; worked by stock kubectl. (facts: control-plane §11.1, §11.3)
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { echoPorts, type LoadLine, type LoadOrder } from '../../lab/cluster/apps/echo-protocol.ts';
import { hasKubectl } from '../../lab/kubernetes/kubectl.ts';
import { type EchoName, versionOf } from './echo-apps.ts';
import { EchoMesh, type LoadFrom, patience, settles } from './echo-mesh.ts';
import { outcomeOf, unexplained } from './outcome.ts';

const label = 'istio.io/dataplane-mode';

describe.skipIf(!hasKubectl())('under load from pods in and outside of the mesh', () => {
  let echo: EchoMesh;
  beforeAll(async () => {
    echo = await EchoMesh.start();
  }, 120_000);
  afterAll(() => echo?.[Symbol.asyncDispose]());

  type Wish = LoadFrom & LoadOrder;
  const ask = (kind: LoadFrom['kind'], node: LoadFrom['node'], host: string): Wish => ({
    kind,
    node,
    protocol: 'http',
    host,
    port: echoPorts.http,
    everyMs: 25,
  });
  /** By the Service's name and by its address, from either side. */
  const loads = (): readonly Wish[] => [
    ask('captured', 'node-a', 'captured'),
    ask('captured', 'node-b', echo.vip('captured', 'v4')),
    ask('uncaptured', 'node-a', echo.vip('captured', 'v6')),
    ask('uncaptured', 'node-b', 'captured'),
  ];

  test('servers are replaced: no request fails', async () => {
    const seen = await echo.underLoad(loads(), async () => {
      for (const name of ['captured-v1', 'captured-v2']) {
        await echo.k(`rollout restart deployment/${name}`);
        await echo.k(`rollout status deployment/${name} --timeout=30s`);
      }
    });
    for (const { what, lines } of seen) {
      const { requests, percent, failures } = outcomeOf(lines);
      expect({ what, percent, failures }).toEqual({ what, percent: 100, failures: [] });
      expect(requests).toBeGreaterThan(40);
      expect(new Set(lines.map(({ pod }) => pod)).size, what).toBe(4);
    }
    await echo.findPods();
  }, 120_000);

  test('ztunnels are replaced: at least 99 of 100 requests go well, and every failure is explained', async () => {
    const span = { from: 0, to: 0 };
    const seen = await echo.underLoad(loads(), async () => {
      span.from = Date.now();
      await echo.mesh.kubectl.ok('-n istio-system rollout restart daemonset/ztunnel');
      await echo.mesh.kubectl.ok('-n istio-system rollout status daemonset/ztunnel --timeout=30s');
      await settles(
        2,
        async () => (await echo.mesh.kubectl.ok('-n istio-system get pods -l app=ztunnel -o name')).split('\n').filter(Boolean).length,
      );
      span.to = Date.now();
    });
    for (const { what, lines } of seen) {
      const { percent, failures } = outcomeOf(lines);
      expect({ what, unexplained: unexplained(lines, span) }).toEqual({ what, unexplained: [] });
      expect(percent, `${what}: ${failures.join(', ')}`).toBeGreaterThanOrEqual(99);
    }
  }, 120_000);

  test.each(['captured-v1', 'captured-v2'] as const)(
    '%s leaves the mesh and comes back: at least 90 of 100 requests go well',
    async (name) => {
      const { name: pod } = echo.pod(name);
      const others = (await echo.annotated()).filter((each) => each !== name);
      const seen = await echo.underLoad(loads(), async () => {
        await echo.k(`label pod ${pod} ${label}=none`);
        await settles(others, () => echo.annotated());
        await reached(name);
        await echo.k(`label pod ${pod} ${label}-`);
        await settles([...others, name].sort(), async () => [...(await echo.annotated())].sort());
        await reached(name);
      });
      for (const { what, lines } of seen) {
        const { percent, failures } = outcomeOf(lines);
        expect(percent, `${what}: ${failures.join(', ')}`).toBeGreaterThanOrEqual(90);
        expect(fromPod(lines, name).length, what).toBeGreaterThan(0);
      }
    },
    120_000,
  );

  const fromPod = (lines: readonly LoadLine[], name: EchoName): readonly LoadLine[] =>
    lines.filter(({ version }) => version === versionOf(name));

  /** From either side, by everyone who may. */
  async function reached(name: EchoName): Promise<void> {
    const order = { protocol: 'http', host: echo.pod(name).v4, port: echoPorts.http } as const;
    for (const from of ['captured-v1', 'uncaptured-v2'] as const)
      await settles(echo.pod(name).name, async () => (await echo.call(from, order)).answer?.pod ?? '');
  }

  test(
    'a namespace that is excluded stays outside of the mesh, whatever its labels and those of its pods say',
    async () => {
      const pod = (name: string, labels: object) =>
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name, labels },
          spec: {
            containers: [{ name: 'echo', image: 'ambient-mesh/echo', readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 } }],
          },
        });
      const k = (command: string, input?: string): Promise<string> => echo.mesh.kubectl.ok(`-n kube-system ${command}`, input);
      const annotation = (name: string, namespace: string): Promise<string> =>
        echo.mesh.kubectl.ok(`-n ${namespace} get pod ${name} -o jsonpath={.metadata.annotations.ambient\\.istio\\.io/redirection}`);
      await k(`label namespace kube-system ${label}=ambient`);
      try {
        await k('apply -f -', [pod('excluded', {}), pod('excluded-ambient', { [label]: 'ambient' })].join('\n'));
        await k('wait pod excluded excluded-ambient --for=condition=Ready --timeout=30s');
        // By then the agents have seen all that was there before.
        await echo.k('apply -f -', pod('included', {}));
        await echo.k('wait pod included --for=condition=Ready --timeout=30s');
        await settles('enabled', () => annotation('included', 'echo'));
        for (const name of ['excluded', 'excluded-ambient']) expect([name, await annotation(name, 'kube-system')]).toEqual([name, '']);
      } finally {
        await k(`label namespace kube-system ${label}-`);
        await k('delete pod excluded excluded-ambient --ignore-not-found --grace-period=1');
        await echo.k('delete pod included --ignore-not-found --grace-period=1');
      }
    },
    patience.timeoutMs * 2,
  );
});
