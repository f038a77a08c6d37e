// The tour of the demo: each step does one thing that a user of the mesh cares about, by kubectl, checks it, and says in a line what was seen.
// A step that sees something else throws. Used by demo.ts, with and without --check, and by the scenarios.
import { eventually } from './eventually.ts';
import { type MeshLab, manifest } from './mesh-lab.ts';
import { watchWire } from './wire-watch.ts';

export interface Step {
  readonly title: string;
  /** What was seen, in a few words. */
  readonly run: (mesh: MeshLab) => Promise<string>;
}

const patience = { timeoutMs: 10_000, everyMs: 50 };

function see(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

/** What the server said, or undefined when it was not reached. */
async function ask(mesh: MeshLab, from: string, url: string): Promise<{ readonly pod: string; readonly peer: string } | undefined> {
  const { code, stdout } = await mesh.kubectl.run(['exec', from, '--', 'curl', '-sg', '-m', '5', url]);
  return code === 0 ? (JSON.parse(stdout) as { pod: string; peer: string }) : undefined;
}

const urlOf = async (mesh: MeshLab, pod: string, family: 0 | 1 = 0): Promise<string> => {
  const ip = await mesh.ipOf(pod, family);
  return `http://${family === 1 ? `[${ip}]` : ip}:8080/`;
};

/** The newest line of a node's access log that has all of these; waits for it. */
async function accessLine(mesh: MeshLab, node: 'node-a' | 'node-b', ...pieces: readonly string[]): Promise<string> {
  const pod = await mesh.ztunnel(node);
  const find = async (): Promise<string | undefined> =>
    (await mesh.logs('istio-system', pod))
      .split('\n')
      .findLast((line) => line.includes('\taccess\t') && pieces.every((piece) => line.includes(piece)));
  return eventually(find, { ...patience, what: `a line with ${pieces.join(', ')} in the log of ${pod}` });
}

const conditionOf = (mesh: MeshLab, policy: string): Promise<string> =>
  mesh.kubectl.ok(`get authorizationpolicy ${policy} -o jsonpath={.status.conditions[?(@.type=="ZtunnelAccepted")].message}`);

const crossesAsHbone: Step = {
  title: 'A request from node-a to node-b crosses the wire on port 15008 only, and the server sees the client itself',
  async run(mesh) {
    using wire = watchWire(mesh.lab.underlay);
    for (const family of [0, 1] as const) {
      const said = await ask(mesh, 'client', await urlOf(mesh, 'server-b', family));
      const client = await mesh.ipOf('client', family);
      see(said?.pod === 'server-b' && said.peer === client, `the server answered: ${JSON.stringify(said)}, the client is ${client}`);
    }
    const { hbone, other } = wire.crossed();
    see(other === 0 && hbone > 0, `${hbone} segments on 15008 and ${other} on other ports`);
    return `${hbone} TCP segments on 15008, ${other} on any other port`;
  },
};

const identities = [
  'src.identity="spiffe://cluster.local/ns/default/sa/client"',
  'dst.identity="spiffe://cluster.local/ns/default/sa/server"',
];

const logged: Step = {
  title: 'Both access logs name both identities',
  async run(mesh) {
    await accessLine(mesh, 'node-b', 'direction="inbound"', 'dst.workload="server-b"', ...identities);
    const line = await accessLine(mesh, 'node-a', 'direction="outbound"', 'dst.workload="server-b"', ...identities);
    return line.slice(line.indexOf('\t') + 1).replaceAll('\t', ' ');
  },
};

const staysOnNode: Step = {
  title: 'A request on one node never leaves the process',
  async run(mesh) {
    const said = await ask(mesh, 'client', await urlOf(mesh, 'server-a'));
    see(said?.pod === 'server-a', `the server answered: ${JSON.stringify(said)}`);
    await accessLine(mesh, 'node-a', 'direction="inbound"', 'dst.workload="server-a"', 'security="local"');
    return `"${said?.pod}", security="local"`;
  },
};

const byService: Step = {
  title: 'A Service leads to both servers',
  async run(mesh) {
    const vip = await mesh.kubectl.ok('get service server -o jsonpath={.spec.clusterIP}');
    const reached = new Set<string>();
    const both = async (): Promise<true | undefined> => {
      reached.add((await ask(mesh, 'client', `http://${vip}/`))?.pod ?? 'nobody');
      return reached.has('server-a') && reached.has('server-b') ? true : undefined;
    };
    await eventually(both, { ...patience, what: () => `both servers; reached: ${[...reached].join(', ')}` });
    return `${vip} is ${[...reached].sort().join(' and ')}`;
  },
};

const outsideWorks: Step = {
  title: 'A client outside the mesh still reaches a server in it, in clear',
  async run(mesh) {
    const said = await ask(mesh, 'outside', await urlOf(mesh, 'server-b'));
    see(said?.pod === 'server-b', `the server answered: ${JSON.stringify(said)}`);
    return `"${said?.pod}"`;
  },
};

const denies: Step = {
  title: 'A policy is in force as soon as it is applied, its status says so, and a denial names who, to whom and by which rule',
  async run(mesh) {
    const url = await urlOf(mesh, 'server-b');
    await mesh.kubectl.ok(`apply -f ${manifest('deny')}`);
    try {
      await eventually(async () => ((await ask(mesh, 'client', url)) === undefined ? true : undefined), {
        ...patience,
        what: 'a denied request',
      });
      const accepted = await eventually(async () => (await conditionOf(mesh, 'deny-client')) || undefined, {
        ...patience,
        what: 'a condition',
      });
      see(accepted === 'attached to ztunnel', `the condition says: ${accepted}`);
      const line = await accessLine(mesh, 'node-b', 'default/deny-client', ...identities);
      see((await ask(mesh, 'outside', url)) !== undefined, 'the client outside was denied too');
      return `status: "${accepted}"; log: ${line.slice(line.indexOf('error='))}`;
    } finally {
      await mesh.kubectl.ok(`delete -f ${manifest('deny')}`);
      await eventually(() => ask(mesh, 'client', url), { ...patience, what: 'an allowed request' });
    }
  },
};

const l7 = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: by-path }
spec: { selector: { matchLabels: { app: server } }, action: DENY, rules: [{ to: [{ operation: { paths: ["/admin"] } }] }] }
`;

const neverSilent: Step = {
  title: 'A policy that nobody enforces yet is never silent',
  async run(mesh) {
    await mesh.kubectl.ok('apply -f -', l7);
    try {
      const said = await eventually(async () => (await conditionOf(mesh, 'by-path')) || undefined, { ...patience, what: 'a condition' });
      see(said.includes('paths'), `the condition says: ${said}`);
      const events = (): Promise<string> => mesh.kubectl.ok('get events --field-selector reason=UnenforcedL7Attributes -o name');
      await eventually(async () => (await events()) || undefined, { ...patience, what: 'an event' });
      return `status: "${said}"`;
    } finally {
      await mesh.kubectl.ok('delete authorizationpolicy by-path');
    }
  },
};

const labelled: Step = {
  title: 'A pod is taken out of the mesh by a label, and put back, without a restart',
  async run(mesh) {
    const redirection = (): Promise<string> =>
      mesh.kubectl.ok('get pod client -o jsonpath={.metadata.annotations.ambient\\.istio\\.io/redirection}');
    await mesh.kubectl.ok('label pod client istio.io/dataplane-mode=none');
    await eventually(async () => ((await redirection()) === '' ? true : undefined), { ...patience, what: 'a pod that is out' });
    const said = await ask(mesh, 'client', await urlOf(mesh, 'server-b'));
    see(said?.pod === 'server-b', `out of the mesh, the server answered: ${JSON.stringify(said)}`);
    await mesh.kubectl.ok('label pod client istio.io/dataplane-mode-');
    await eventually(async () => ((await redirection()) === 'enabled' ? true : undefined), { ...patience, what: 'a pod that is in again' });
    return 'kubectl label pod client istio.io/dataplane-mode=none, and back';
  },
};

export const tour: readonly Step[] = [crossesAsHbone, logged, staysOnNode, byService, outsideWorks, denies, neverSilent, labelled];
