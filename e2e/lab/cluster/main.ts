// The lab's cluster by itself, for use by hand: `node e2e/lab/cluster/main.ts --nodes 2 --kubeconfig FILE`. Needs root; ends with Ctrl-C.
// No mesh on it: its CNI chain is open to others, and it listens on loopback only.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Lab } from '../lab.ts';
import { LabCluster } from './lab-cluster.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '2' },
    kubeconfig: { type: 'string' },
  },
});
const count = Number(values.nodes);
if (!Number.isInteger(count) || count < 1 || count > 250) throw new RangeError(`not a number of nodes: ${values.nodes}`);

const parts = new AsyncDisposableStack();
const lab = parts.use(await Lab.start());
const cluster = parts.use(await LabCluster.start({ lab }));
for (let i = 1; i <= count; i++) {
  const node = await lab.node(`node-${i}`);
  await cluster.addNode(node, { labels: { 'topology.kubernetes.io/zone': `zone-${i}` } });
}
const path = values.kubeconfig ?? cluster.kubeconfigPath;
if (values.kubeconfig !== undefined) writeFileSync(path, cluster.api.kubeconfig(), { mode: 0o600 });
process.stdout.write(`export KUBECONFIG=${path}\n`);

const stop = async (): Promise<void> => {
  await parts.disposeAsync();
  process.exit();
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
