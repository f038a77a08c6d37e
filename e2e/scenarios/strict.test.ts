// Strict enrolment: a pod that belongs in the mesh and cannot be brought in is kept from talking in clear, everybody is told why, and it is let
// talk again the moment it is in. On the lab's cluster; the pod's processes are hidden from the agent by taking them out of their control group.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { eventually } from '../lab/eventually.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { MeshLab } from '../lab/mesh-lab.ts';

const patience = { timeoutMs: 30_000, everyMs: 100 };

describe.skipIf(!hasKubectl())('a pod that the agent cannot find', () => {
  let mesh: MeshLab;
  beforeAll(async () => {
    mesh = await MeshLab.start();
    await mesh.kubectl.ok('create namespace plain');
    await mesh.kubectl.ok('-n plain wait --for=create serviceaccount/default --timeout=10s');
  }, 120_000);
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  const k = (command: string, input?: string): Promise<string> => mesh.kubectl.ok(command, input);
  const until = (what: string, probe: () => Promise<boolean>): Promise<true> =>
    eventually(async () => ((await probe()) ? true : undefined), { ...patience, what });
  const lines = async (): Promise<readonly string[]> => (await mesh.logs('plain', 'lost')).split('\n').filter((line) => line !== '');
  /** What the next requests say. */
  async function next(wanted: string): Promise<void> {
    const before = (await lines()).length;
    await until(`requests that say ${wanted}`, async () => {
      const fresh = (await lines()).slice(before + 2);
      return fresh.length > 0 && fresh.every((line) => line.includes(wanted));
    });
  }
  const events = (): Promise<string> =>
    k(`-n plain get events --field-selector involvedObject.name=lost -o jsonpath='{range .items[*]}{.reason}: {.message}{"\\n"}{end}'`);
  const agent = (): Promise<string> =>
    k('-n istio-system get pods -l k8s-app=istio-cni-node --field-selector spec.nodeName=node-a -o jsonpath={.items[0].metadata.name}');
  const metrics = async (): Promise<string> => k(`-n istio-system exec ${await agent()} -- curl -s localhost:15014/metrics`);

  /** The pod's processes, hidden from the agent until the story is told. */
  async function hidden(story: () => Promise<void>): Promise<void> {
    const uid = await k('-n plain get pod lost -o jsonpath={.metadata.uid}');
    const root = mesh.cluster.controlGroups;
    const pod = `${root}/kubepods/burstable/pod${uid}`;
    const containers = readdirSync(pod, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const moved = containers.flatMap(({ name }) => {
      const pids = readFileSync(`${pod}/${name}/cgroup.procs`, 'utf8')
        .split('\n')
        .filter((pid) => pid !== '');
      for (const pid of pids) writeFileSync(`${root}/cgroup.procs`, pid);
      return pids.map((pid) => ({ pid, home: `${pod}/${name}/cgroup.procs` }));
    });
    expect(moved.length).toBeGreaterThan(0);
    try {
      await story();
    } finally {
      for (const { pid, home } of moved) writeFileSync(home, pid);
    }
  }

  const asks = async (): Promise<string> =>
    stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'lost', namespace: 'plain' },
      spec: {
        nodeSelector: { 'kubernetes.io/hostname': 'node-a' },
        containers: [
          {
            name: 'app',
            image: 'ambient-mesh/client',
            args: [`http://${await mesh.ipOf('server-b')}:8080/`],
            env: [{ name: 'EVERY_MS', value: '50' }],
          },
        ],
      },
    });

  test.each([
    ['passes in clear, and everybody is told', 'false', ' 200 '],
    ['is kept from talking in strict mode, and everybody is told', 'true', 'failed'],
  ])(
    '%s',
    async (_, strict, meanwhile) => {
      await k(`-n istio-system set env daemonset/istio-cni-node AMBIENT_STRICT_ENROLMENT=${strict}`);
      await k('-n istio-system rollout status daemonset/istio-cni-node --timeout=60s');
      await k('apply -f -', await asks());
      await k('-n plain wait pod lost --for=condition=Ready --timeout=20s');
      await next(' 200 ');
      await hidden(async () => {
        await k('-n plain label pod lost istio.io/dataplane-mode=ambient');
        await until('an Event', async () => (await events()).includes('NotEnrolled: Not in the mesh (no-namespace)'));
        expect(await metrics()).toContain('ambient_pods_not_enrolled{reason="no-namespace"} 1');
        await next(meanwhile);
      });
      await until(
        'the annotation',
        async () => (await k('-n plain get pod lost -o jsonpath={.metadata.annotations.ambient\\.istio\\.io/redirection}')) === 'enabled',
      );
      await next(' 200 ');
      await until('the Event', async () => (await events()).includes('Enrolled: In the mesh; before that: no-namespace'));
      expect(await metrics()).not.toContain('ambient_pods_not_enrolled{');
      expect(await k(`-n istio-system exec ${await agent()} -- nft list tables`)).not.toContain('closed');
      await k('-n plain delete pod lost --grace-period=0 --force');
    },
    120_000,
  );
});
