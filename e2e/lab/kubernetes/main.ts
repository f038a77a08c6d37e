// The lab's Kubernetes API by itself, for use by hand: `node e2e/lab/kubernetes/main.ts --port 0 --kubeconfig FILE`.
// Listens on loopback only and ends with Ctrl-C. No controllers: what nobody reconciles stays as it was written.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { KubeApi } from './kube-api.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' }, kubeconfig: { type: 'string' } } });
const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new RangeError(`not a port: ${values.port}`);

const api = await KubeApi.start({ listen: { ip: '127.0.0.1', port } });
if (values.kubeconfig === undefined) process.stdout.write(api.kubeconfig());
else writeFileSync(values.kubeconfig, api.kubeconfig(), { mode: 0o600 });
process.stderr.write(`serving on https://127.0.0.1:${api.port}\n`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void api[Symbol.asyncDispose]());
