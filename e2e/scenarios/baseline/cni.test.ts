// The node agent away and back: pods that are in the mesh do not need it, and what it has put on its node it puts there again.
// The pods of echo-apps.ts call each other; worked by stock kubectl. (facts: control-plane §11.3)
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { echoPorts } from '../../lab/cluster/apps/echo-protocol.ts';
import { hasKubectl } from '../../lab/kubernetes/kubectl.ts';
import { manifest } from '../../lab/mesh-lab.ts';
import { echoNames } from './echo-apps.ts';
import { EchoMesh, settles } from './echo-mesh.ts';
import { outcomeOf } from './outcome.ts';

const agents = 'daemonset/istio-cni-node';
const kubeconfig = '/var/run/istio-cni/istio-cni-kubeconfig';
/** Of the DaemonSet alone: who may do what stays. */
const daemonSet = readFileSync(manifest('cni-agent'), 'utf8')
  .split(/^---$/m)
  .find((document) => document.includes('kind: DaemonSet'));

describe.skipIf(!hasKubectl())('with pods in the mesh', () => {
  let echo: EchoMesh;
  beforeAll(async () => {
    echo = await EchoMesh.start();
  }, 120_000);
  afterAll(() => echo?.[Symbol.asyncDispose]());

  const system = (command: string, input?: string): Promise<string> => echo.mesh.kubectl.ok(`-n istio-system ${command}`, input);
  const agentPods = async (): Promise<readonly string[]> =>
    (await system('get pods -l k8s-app=istio-cni-node -o name')).split('\n').filter((name) => name !== '');
  const ready = (): Promise<string> => system(`rollout status ${agents} --timeout=40s`);

  /** Why calls fail, of everyone to everyone, by pod and by Service. */
  const errors = async (): Promise<readonly string[]> => {
    const hosts = [...echoNames.flatMap((name) => [echo.pod(name).v4, echo.pod(name).v6]), 'captured', 'uncaptured'];
    const orders = (['http', 'tcp'] as const).flatMap((protocol) => hosts.map((host) => ({ protocol, host, port: echoPorts[protocol] })));
    const all = await Promise.all(echoNames.map((from) => echo.calls(from, orders)));
    return all.flat(2).flatMap(({ error = [] }) => error);
  };

  const load = (kind: 'captured' | 'uncaptured', node: 'node-a' | 'node-b') =>
    ({ kind, node, protocol: 'http', host: echo.vip('captured', 'v4'), port: echoPorts.http, everyMs: 25 }) as const;
  const loads = () => [load('captured', 'node-a'), load('captured', 'node-b'), load('uncaptured', 'node-a')];

  async function nobodyNotices(meanwhile: () => Promise<void>): Promise<void> {
    for (const { what, lines } of await echo.underLoad(loads(), meanwhile)) {
      const { percent, failures } = outcomeOf(lines);
      expect({ what, percent, failures }).toEqual({ what, percent: 100, failures: [] });
    }
  }

  test('agents that are restarted find their pods in the mesh, and nobody notices', async () => {
    await nobodyNotices(async () => {
      await system(`rollout restart ${agents}`);
      await ready();
    });
    expect([...(await echo.annotated())].sort()).toEqual(['captured-v1', 'captured-v2']);
  }, 120_000);

  test('a restarted agent whose kubeconfig was deleted writes it again, and is ready', async () => {
    const read = (pod: string) => echo.mesh.kubectl.run(['-n', 'istio-system', 'exec', pod.replace('pod/', ''), '--', 'cat', kubeconfig]);
    for (const pod of await agentPods()) {
      expect((await read(pod)).stdout).toContain('istio-cni');
      await system(`exec ${pod.replace('pod/', '')} -- rm ${kubeconfig}`);
    }
    await system(`rollout restart ${agents}`);
    await ready();
    for (const pod of await agentPods()) expect((await read(pod)).stdout).toContain('istio-cni');
  }, 120_000);

  test('without any agent, what is in the mesh goes on', async () => {
    await nobodyNotices(async () => {
      await system(`delete ${agents}`);
      await settles([], agentPods);
      expect(await errors()).toEqual([]);
    });
    expect([...(await echo.annotated())].sort()).toEqual(['captured-v1', 'captured-v2']);
  }, 120_000);

  test('an agent that comes back serves its pods again, old and new', async () => {
    await system('apply -f -', daemonSet);
    await ready();
    await echo.k('rollout restart deployment/captured-v2');
    await echo.k('rollout status deployment/captured-v2 --timeout=30s');
    await settles(['captured-v1', 'captured-v2'], async () => [...new Set(await echo.annotated())].sort());
    await echo.findPods();
    expect(await errors()).toEqual([]);
  }, 120_000);
});
