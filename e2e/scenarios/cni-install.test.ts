// What the node agent does to its node, and takes away again: plugin, chain entry, kubeconfig, rules; seen from a pod that looks at the node.
// One story in order: installed, meddled with, away, not wanted on a node, uninstalled. On the lab's cluster, by stock kubectl.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { eventually } from '../lab/eventually.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { MeshLab, manifest } from '../lab/mesh-lab.ts';

const patience = { timeoutMs: 40_000, everyMs: 200 };

describe.skipIf(!hasKubectl())('on the node', () => {
  let mesh: MeshLab;
  const k = (command: string, input?: string): Promise<string> => mesh.kubectl.ok(command, input);
  const until = (what: string, probe: () => Promise<boolean>): Promise<true> =>
    eventually(async () => ((await probe()) ? true : undefined), { ...patience, what });
  const folders = { bin: '/opt/cni/bin', net: '/etc/cni/net.d', run: '/var/run/istio-cni' };
  const onNode = (node: 'a' | 'b', command: string): Promise<string> =>
    mesh.kubectl.run(['exec', `looker-${node}`, '--', 'sh', '-c', command]).then(({ stdout }) => stdout);
  const looker = (node: 'a' | 'b'): string =>
    stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `looker-${node}` },
      spec: {
        hostNetwork: true,
        nodeSelector: { 'kubernetes.io/hostname': `node-${node}` },
        containers: [
          {
            name: 'looker',
            image: 'ambient-mesh/sleep',
            volumeMounts: Object.keys(folders).map((name) => ({ name, mountPath: `/node/${name}` })),
          },
        ],
        volumes: Object.entries(folders).map(([name, path]) => ({ name, hostPath: { path, type: 'DirectoryOrCreate' } })),
      },
    });
  const chain = (node: 'a' | 'b'): Promise<string> => onNode(node, `grep -o '"type": *"[^"]*"' /node/net/10-lab.conflist | cut -d'"' -f4`);
  /** Everything that the agent has put on the node. */
  const seen = async (node: 'a' | 'b') => ({
    chain: (await chain(node)).trim().split('\n'),
    plugin: (await onNode(node, 'ls /node/bin')).includes('istio-cni'),
    kubeconfig: (await onNode(node, 'ls /node/run')).includes('istio-cni-kubeconfig'),
    rules: (await onNode(node, 'nft list ruleset')).includes('snat ip to 169.254.7.127'),
  });
  const installed = { chain: ['lab-bridge', 'istio-cni'], plugin: true, kubeconfig: true, rules: true };
  const nothing = { chain: ['lab-bridge'], plugin: false, kubeconfig: false, rules: false };
  const becomes = (node: 'a' | 'b', wanted: typeof nothing): Promise<true> => {
    let last: object = {};
    const same = async (): Promise<true | undefined> => {
      last = await seen(node);
      return JSON.stringify(last) === JSON.stringify(wanted) ? true : undefined;
    };
    return eventually(same, { ...patience, what: () => `${JSON.stringify(wanted)} on node-${node}; seen: ${JSON.stringify(last)}` });
  };
  const agents = 'daemonset/istio-cni-node';
  const ready = (): Promise<string> => k(`-n istio-system rollout status ${agents} --timeout=60s`);
  const reaches = async (): Promise<boolean> =>
    (await mesh.kubectl.run(['exec', 'client', '--', 'curl', '-s', '-m', '3', `http://${await mesh.ipOf('server-b')}:8080/`])).code === 0;

  beforeAll(async () => {
    mesh = await MeshLab.start();
    await k('apply -f -', [looker('a'), looker('b')].join('---\n'));
    await k('wait pod looker-a looker-b --for=condition=Ready --timeout=30s');
  }, 120_000);
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test('everything is in place, ours last in the chain', async () => {
    for (const node of ['a', 'b'] as const) expect(await seen(node)).toEqual(installed);
  });

  test.each([
    ['the entry is taken out of the chain', `sed -i 's/"type": *"istio-cni"/"type": "portmap"/' /node/net/10-lab.conflist`],
    ['the plugin is removed', 'rm /node/bin/istio-cni'],
    ['the kubeconfig is removed', 'rm /node/run/istio-cni-kubeconfig'],
  ])('when %s, it is back soon', async (_, drift) => {
    await onNode('a', drift);
    await until('what was there', async () => {
      const { chain: types, plugin, kubeconfig } = await seen('a');
      return types.at(-1) === 'istio-cni' && plugin && kubeconfig;
    });
    // Foreign entries are nobody's to remove.
    await onNode('a', `sed -i 's/"type": *"portmap"/"type": "istio-cni"/' /node/net/10-lab.conflist`);
    await becomes('a', installed);
  });

  test("the node's rules are written again when somebody flushes them", async () => {
    // Ours alone: the node's way to Services is in others.
    await onNode('a', 'nft flush table inet istio-ambient-nat');
    await becomes('a', installed);
  });

  test('a pod of the mesh that is made while the agent is away waits, is told why, and starts enrolled; others start', async () => {
    await k(
      `-n istio-system patch ${agents} --type=merge -p {"spec":{"template":{"spec":{"containers":[{"name":"install-cni","image":"ambient-mesh/none"}]}}}}`,
    );
    // One node after the other is updated, and the first already fails.
    const broken = async (): Promise<string | undefined> => {
      const { items } = JSON.parse(await k('-n istio-system get pods -l k8s-app=istio-cni-node -o json')) as {
        items: { spec: { nodeName: string }; status: { containerStatuses?: { state: { waiting?: { reason: string } } }[] } }[];
      };
      return items.find(({ status }) => status.containerStatuses?.[0]?.state.waiting?.reason === 'ErrImagePull')?.spec.nodeName;
    };
    const node = await eventually(broken, { ...patience, what: 'a node without agent' });
    const there = (name: string, labels: object): string => {
      const containers = [{ name: 'app', image: 'ambient-mesh/sleep' }];
      const spec = { nodeSelector: { 'kubernetes.io/hostname': node }, containers };
      return stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec });
    };
    await k('apply -f -', [there('waits', {}), there('starts', { 'istio.io/dataplane-mode': 'none' })].join('---\n'));
    await k('wait pod starts --for=condition=Ready --timeout=30s');
    const events = (): Promise<string> => k('get events --field-selector involvedObject.name=waits -o jsonpath={.items[*].message}');
    await until('an Event', async () => (await events()).includes('the node agent could not be contacted'));
    expect(await k('get pod waits -o jsonpath={.status.phase}')).toBe('Pending');
    await k(`apply -f ${manifest('cni-agent')}`);
    await ready();
    await k('wait pod waits --for=condition=Ready --timeout=60s');
    expect(await k('get pod waits -o jsonpath={.metadata.annotations.ambient\\.istio\\.io/redirection}')).toBe('enabled');
    await k('delete pod waits starts --grace-period=0 --force');
  }, 120_000);

  test('a node that the agent is not wanted on any more is left clean, and its pods go on', async () => {
    await k(
      `-n istio-system patch ${agents} --type=merge -p {"spec":{"template":{"spec":{"nodeSelector":{"kubernetes.io/hostname":"node-a"}}}}}`,
    );
    await becomes('b', nothing);
    await becomes('a', installed);
    await until('requests as before', reaches);
  }, 120_000);

  test('uninstalled, nothing is left on any node, and pods that are in the mesh go on', async () => {
    await k(`-n istio-system delete ${agents}`);
    for (const node of ['a', 'b'] as const) await becomes(node, nothing);
    await until('requests as before', reaches);
  }, 120_000);
});
