// `npm run demo`: a cluster of two nodes on this machine with the mesh on it, and a short tour by kubectl; then it stays up until Ctrl-C, which removes everything.
// With --check it walks the tour by itself, a line a step, and exits 1 if any step fails.
import { tour } from './demo-tour.ts';
import { serveGraph } from './graph.ts';
import { MeshLab, manifest } from './mesh-lab.ts';

const say = (text = ''): void => void process.stdout.write(`${text}\n`);

/** True when every step saw what it should. What was typed is said with what was seen. */
async function walk(mesh: MeshLab, stop: AbortSignal): Promise<boolean> {
  let well = true;
  for (const step of tour) {
    if (stop.aborted) return well;
    const typed = new Set<string>();
    const type = (command: string): Promise<string> => {
      typed.add(command);
      return mesh.type(command);
    };
    const report = (how: string, what: string): void =>
      say([`${how}  ${step.title}`, ...[...typed].map((each) => `$ ${each}`), what].join('\n      '));
    try {
      report('ok  ', await step.run(mesh, type));
    } catch (e) {
      well = false;
      report('FAIL', e instanceof Error ? e.message : String(e));
    }
  }
  return well;
}

function introduce(mesh: MeshLab, graph: string): void {
  say(`
The mesh is up, and the namespace default is in it. The graph of who talks to whom, live (the address opens once; ambientctl dashboard gives another):

  ${graph}

From another terminal, in this folder:

  export KUBECONFIG=${mesh.cluster.kubeconfigPath} PATH=$PWD/node_modules/.bin:$PATH
  kubectl get pods -A -o wide
  kubectl exec client -- curl -s http://server/
  kubectl -n istio-system logs -f daemonset/ztunnel                who talks to whom
  kubectl -n istio-system logs -f daemonset/istio-cni-node         who comes and goes
  kubectl apply -f ${manifest('deny')}                     forbid the client the servers
  kubectl label namespace default istio.io/dataplane-mode-         everybody out
  ambientctl check                                                 whether all is well
  ambientctl explain client server --path /                        the way of a request, and who decides
  ambientctl tail                                                  who talks to whom, as text

docs/getting-started.md goes through it step by step.
The wire, as root:  nsenter --net=/proc/${process.pid}/fd/${mesh.lab.underlay.fd} tcpdump -ni br0 tcp

Ctrl-C removes everything.
`);
}

async function main(check: boolean): Promise<number> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  say('Building a cluster of two nodes in network namespaces of its own:');
  const began = performance.now();
  const seconds = (): string => ((performance.now() - began) / 1_000).toFixed(1);
  await using mesh = await MeshLab.start((line) => say(`  ${seconds().padStart(5)} s  ${line}`), { enrol: false });
  say(`  ${seconds().padStart(5)} s  ready. A short tour:\n`);
  const well = await walk(mesh, stop.signal);
  if (!check && !stop.signal.aborted) {
    await using graph = await serveGraph(mesh);
    introduce(mesh, graph.url);
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
