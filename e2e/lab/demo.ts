// `npm run demo`: a cluster of two nodes on this machine with the mesh on it, and a short tour by kubectl; then it stays up until Ctrl-C, which removes everything.
// With --check it walks the tour by itself, a line a step, and exits 1 if any step fails.
import { tour } from './demo-tour.ts';
import { MeshLab, manifest } from './mesh-lab.ts';

const say = (text = ''): void => void process.stdout.write(`${text}\n`);

/** True when every step saw what it should. */
async function walk(mesh: MeshLab, stop: AbortSignal): Promise<boolean> {
  let well = true;
  for (const { title, run } of tour) {
    if (stop.aborted) return well;
    try {
      say(`ok    ${title}\n      ${await run(mesh)}`);
    } catch (e) {
      well = false;
      say(`FAIL  ${title}\n      ${e instanceof Error ? e.message : String(e)}`);
    }
  }
  return well;
}

async function introduce(mesh: MeshLab): Promise<void> {
  const server = await mesh.ipOf('server-b');
  say(`
The mesh is up. From another terminal:

  export KUBECONFIG=${mesh.cluster.kubeconfigPath}
  kubectl get pods -A -o wide
  kubectl exec client -- curl -s http://${server}:8080/            ask a server on the other node
  kubectl -n istio-system logs -f ds/ztunnel                       who talks to whom
  kubectl apply -f ${manifest('deny')}     forbid the client the servers
  kubectl get authorizationpolicy deny-client -o yaml              what became of it
  kubectl delete authorizationpolicy deny-client
  kubectl label pod client istio.io/dataplane-mode=none            take a pod out of the mesh
  kubectl -n istio-system port-forward deploy/istiod 15014         then: curl localhost:15014/metrics

The wire:  nsenter --net=/proc/${process.pid}/fd/${mesh.lab.underlay.fd} tcpdump -ni br0 tcp        (as root)

Ctrl-C removes everything.
`);
}

async function main(check: boolean): Promise<number> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  say('Building a cluster of two nodes in network namespaces of its own:');
  const began = performance.now();
  const seconds = (): string => ((performance.now() - began) / 1_000).toFixed(1);
  await using mesh = await MeshLab.start((line) => say(`  ${seconds().padStart(5)} s  ${line}`));
  say(`  ${seconds().padStart(5)} s  ready. A short tour:\n`);
  const well = await walk(mesh, stop.signal);
  if (!check && !stop.signal.aborted) {
    await introduce(mesh);
    await new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve(), { once: true }));
  }
  return well ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.includes('--check'));
} catch (e) {
  say(e instanceof Error ? e.message : String(e));
  process.exitCode = 1;
}
