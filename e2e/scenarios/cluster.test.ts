// The mesh as a whole, on the lab's cluster, worked by stock kubectl: the tour of the demo, and what must go on when parts of it are restarted.
// Runs on a real API server when KUBEBUILDER_ASSETS names one. Without kubectl there is nothing to work it with: skipped.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tour } from '../lab/demo-tour.ts';
import { eventually } from '../lab/eventually.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { MeshLab } from '../lab/mesh-lab.ts';

const patience = { timeoutMs: 30_000, everyMs: 100 };

describe.skipIf(!hasKubectl())('a cluster with the mesh', () => {
  let mesh: MeshLab;
  beforeAll(async () => {
    mesh = await MeshLab.start(() => {}, { enrol: false });
  }, 120_000);
  afterAll(() => mesh?.[Symbol.asyncDispose]());
  const type = (command: string): Promise<string> => mesh.type(command);

  const until = (what: string, probe: () => Promise<boolean>): Promise<true> =>
    eventually(async () => ((await probe()) ? true : undefined), { ...patience, what });

  test.each(tour.map((step) => [step.title, step] as const))('%s', async (_, step) => {
    expect(await step.run(mesh, type)).not.toBe('');
  });

  describe('under traffic from one node to the other, no request fails', () => {
    let asked = 0;

    /** A client that asks again and again while `meanwhile` goes on; what it saw. */
    async function traffic(meanwhile: () => Promise<void>): Promise<{ readonly good: number; readonly bad: readonly string[] }> {
      const name = `asker-${++asked}`;
      const url = `http://${await mesh.ipOf('server-b')}:8080/`;
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: {
          serviceAccountName: 'client',
          nodeSelector: { 'kubernetes.io/hostname': 'node-a' },
          containers: [{ name: 'client', image: 'ambient-mesh/client', args: [url], env: [{ name: 'EVERY_MS', value: '20' }] }],
        },
      };
      await mesh.kubectl.ok('apply -f -', JSON.stringify(pod));
      const lines = async (): Promise<readonly string[]> => (await mesh.logs('default', name)).split('\n').filter((line) => line !== '');
      const more = async (): Promise<void> => {
        const before = (await lines()).length;
        await until('further requests', async () => (await lines()).length > before + 20);
      };
      await until('a first request', async () => (await lines()).length > 0);
      await meanwhile();
      await more();
      const all = await lines();
      await mesh.kubectl.ok(`delete pod ${name} --grace-period=0 --force`);
      return { good: all.filter((line) => line.includes(' 200 ')).length, bad: all.filter((line) => !line.includes(' 200 ')) };
    }

    test('while istiod-lite is killed and comes back', async () => {
      const seen = await traffic(async () => {
        await mesh.kubectl.ok('-n istio-system delete pod -l app=istiod --grace-period=0 --force');
        await until(
          'another istiod',
          async () => (await mesh.kubectl.ok('-n istio-system get deployment istiod -o jsonpath={.status.readyReplicas}')) === '1',
        );
      });
      expect(seen.bad).toEqual([]);
      expect(seen.good).toBeGreaterThan(20);
    }, 90_000);

    test('while the API server is killed and comes back', async () => {
      const seen = await traffic(async () => {
        await mesh.cluster.api.stop();
        await mesh.cluster.api.start();
        await until('the API server', async () => (await mesh.kubectl.run(['get', '--raw', '/readyz'])).code === 0);
      });
      expect(seen.bad).toEqual([]);
    }, 90_000);
  });

  test('after both, what is applied is in force as before', async () => {
    // The one that was killed could not give up its lease: for 15 s nobody else may write.
    await until('a leader', async () => (await mesh.kubectl.ok('-n istio-system logs deployment/istiod')).includes('"event":"leading"'));
    const policies = tour.find(({ title }) => title.startsWith('A policy is in force'));
    expect(await policies?.run(mesh, type)).toContain('deny-client');
  }, 60_000);

  test('a ztunnel holds certificates for the identities of its own node only', async () => {
    const identities = async (node: 'node-a' | 'node-b'): Promise<readonly string[]> => {
      const pod = await mesh.ztunnel(node);
      const dump = JSON.parse(await mesh.kubectl.ok(`-n istio-system exec ${pod} -- curl -s localhost:15000/config_dump`)) as {
        certificates: readonly { identity: string }[];
      };
      // Its own, by which its metrics are reached, and those of its pods.
      return dump.certificates
        .map(({ identity }) => identity)
        .filter((identity) => !identity.endsWith('/sa/ztunnel'))
        .sort();
    };
    const own = (name: string): string => `spiffe://cluster.local/ns/default/sa/${name}`;
    expect(await identities('node-b')).toEqual([own('server')]);
    expect(await identities('node-a')).toEqual([own('client'), own('server')]);
  });

  test('a ztunnel that is replaced serves its pods again, and pods created meanwhile too', async () => {
    const before = await mesh.ztunnel('node-a');
    await mesh.kubectl.ok(`-n istio-system delete pod ${before} --wait=true`);
    await until(
      'another ztunnel',
      async () => (await mesh.kubectl.ok('-n istio-system get daemonset ztunnel -o jsonpath={.status.numberReady}')) === '2',
    );
    const step = tour.find(({ title }) => title.startsWith('Between nodes'));
    await until('requests as before', async () => (await step?.run(mesh, type).catch(() => undefined)) !== undefined);
  }, 90_000);
});
