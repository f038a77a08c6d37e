// The parts of the mesh in any order, and killed at any moment: whatever happens, the same state is reached with nobody's help, and no pod
// starts outside the mesh that belongs in it. On the lab's cluster, by stock kubectl.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { eventually } from '../lab/eventually.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { MeshLab, manifest } from '../lab/mesh-lab.ts';

const patience = { timeoutMs: 60_000, everyMs: 100 };
const mode = 'istio.io/dataplane-mode';

const until = (what: string, probe: () => Promise<boolean>): Promise<true> =>
  eventually(async () => ((await probe()) ? true : undefined), { ...patience, what });

/** Value of the annotation of each pod of the default namespace, by name. */
async function redirections(mesh: MeshLab): Promise<Readonly<Record<string, string>>> {
  const { items } = JSON.parse(await mesh.kubectl.ok('get pods -o json')) as {
    items: { metadata: { name: string; annotations?: Record<string, string> } }[];
  };
  return Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.annotations?.['ambient.istio.io/redirection'] ?? '']));
}

/** The client's requests go through the mesh and arrive. */
async function reaches(mesh: MeshLab): Promise<boolean> {
  const { code, stdout } = await mesh.kubectl.run(['exec', 'client', '--', 'curl', '-s', '-m', '3', 'http://server/']);
  return code === 0 && stdout.includes('"peer"');
}

const parts = ['control-plane', 'cni-agent', 'ztunnel'] as const;
const orders: readonly (readonly (typeof parts)[number][])[] = [
  ['control-plane', 'cni-agent', 'ztunnel'],
  ['control-plane', 'ztunnel', 'cni-agent'],
  ['cni-agent', 'control-plane', 'ztunnel'],
  ['cni-agent', 'ztunnel', 'control-plane'],
  ['ztunnel', 'control-plane', 'cni-agent'],
  ['ztunnel', 'cni-agent', 'control-plane'],
];

describe.skipIf(!hasKubectl())('in any order', () => {
  test.each(orders.map((order) => [order.join(', '), order] as const))(
    '%s, with the apps there before them',
    async (_, order) => {
      await using mesh = await MeshLab.bare();
      const { kubectl } = mesh;
      await mesh.define();
      await kubectl.ok(`label namespace default ${mode}=ambient`);
      await kubectl.ok(`apply -f ${manifest('apps')}`);
      await kubectl.ok('wait pod --all --for=condition=Ready --timeout=30s');
      for (const part of order) {
        await kubectl.ok(`apply -f ${manifest(part)}`);
        // Each gets the time to find that the others are not there.
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
      await until('every pod enrolled', async () => {
        const { outside, ...inside } = await redirections(mesh);
        return outside === '' && Object.values(inside).every((value) => value === 'enabled');
      });
      await until('a request through the mesh', () => reaches(mesh));
      const ztunnel = await mesh.ztunnel('node-a');
      await until('its line in the log', async () => (await mesh.logs('istio-system', ztunnel)).includes('src.workload="client"'));
    },
    120_000,
  );
});

/** The same sequence in every run: a failure can be looked at again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

describe.skipIf(!hasKubectl())('killed at random under load', () => {
  let mesh: MeshLab;
  beforeAll(async () => {
    mesh = await MeshLab.start();
  }, 120_000);
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  /** Says at its very start whether it is captured. */
  const newcomer = (name: string, node: string): string =>
    stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { app: 'newcomer' } },
      spec: {
        nodeSelector: { 'kubernetes.io/hostname': node },
        containers: [{ name: 'app', image: 'ambient-mesh/sleep', command: ['sh', '-c', 'nft list tables; exec sleep 3600'] }],
      },
    });

  test('pods that are made meanwhile start enrolled or wait, and in the end everybody is where he belongs', async () => {
    const { kubectl } = mesh;
    const chance = seeded(4);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(chance() * from.length)] ?? expect.unreachable();
    const made: string[] = [];
    for (let round = 1; round <= 10; round++) {
      const victim = pick(['k8s-app=istio-cni-node', 'k8s-app=istio-cni-node', 'app=ztunnel', 'app=istiod']);
      const killed = kubectl.ok(
        `-n istio-system delete pod -l ${victim} --field-selector spec.nodeName=${pick(['node-a', 'node-b'])} --grace-period=0 --force`,
      );
      const name = `newcomer-${round}`;
      await kubectl.ok('apply -f -', newcomer(name, pick(['node-a', 'node-b'])));
      made.push(name);
      if (round % 3 === 0) await kubectl.ok(`delete pod ${made.shift()} --grace-period=0 --force`);
      if (round % 4 === 0) await kubectl.ok(`label pod server-a ${mode}=none`);
      if (round % 4 === 2) await kubectl.ok(`label pod server-a ${mode}-`);
      await killed;
      await new Promise((resolve) => setTimeout(resolve, chance() * 1_500));
    }
    await kubectl.ok(`label pod server-a ${mode}-`);
    await kubectl.ok('-n istio-system rollout status daemonset/istio-cni-node --timeout=60s');
    await kubectl.ok('-n istio-system rollout status daemonset/ztunnel --timeout=60s');
    await kubectl.ok('-n istio-system rollout status deployment/istiod --timeout=60s');
    await kubectl.ok('wait pod --all --for=condition=Ready --timeout=60s');
    let seen: Readonly<Record<string, string>> = {};
    const settled = async (): Promise<boolean> => {
      seen = await redirections(mesh);
      const { outside, ...inside } = seen;
      return outside === '' && Object.values(inside).every((value) => value === 'enabled');
    };
    await eventually(async () => ((await settled()) ? true : undefined), {
      ...patience,
      what: () => `every pod enrolled: ${JSON.stringify(seen)}`,
    });
    for (const name of made) expect([name, await mesh.logs('default', name)]).toEqual([name, expect.stringContaining('istio-ambient-nat')]);
    for (const name of ['client', 'server-a', 'server-b', ...made]) {
      const tables = await kubectl.ok(`exec ${name} -- nft list tables`);
      expect([name, tables]).toEqual([name, expect.stringContaining('istio-ambient-nat')]);
    }
    await until('requests through the mesh', () => reaches(mesh));
    for (const server of ['server-a', 'server-b']) {
      const url = `http://${await mesh.ipOf(server)}:8080/`;
      await until(
        `an answer of ${server}`,
        async () => (await kubectl.run(['exec', 'client', '--', 'curl', '-s', '-m', '3', url])).code === 0,
      );
    }
  }, 240_000);
});
