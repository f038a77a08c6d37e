// The tour of the demo: each step does one thing that a user of the mesh cares about, by the kubectl commands that docs/getting-started.md shows,
// checks what came of it, and says in a line what was seen. A step that sees something else throws. Used by demo.ts, and by the scenarios.
import type { Graph, GraphEdge } from '@ambient-mesh/dashboard/graph';
import { eventually } from './eventually.ts';
import { serveGraph } from './graph.ts';
import { type MeshLab, manifest } from './mesh-lab.ts';
import { watchWire } from './wire-watch.ts';

export interface Step {
  readonly title: string;
  /** Typed in this order; `run` checks. Paths are as from the top of the repository. */
  readonly commands: readonly string[];
  /** What was seen, in a few words. @param type runs the next of the commands. */
  readonly run: (mesh: MeshLab, type: Typist) => Promise<string>;
}

/** Runs a command of the step as a shell would. @throws when it fails */
export type Typist = (command: string) => Promise<string>;

const patience = { timeoutMs: 15_000, everyMs: 50 };

function see(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

interface Answer {
  readonly pod: string;
  readonly peer: string;
}

const answerIn = (text: string): Answer => JSON.parse(text) as Answer;

/** What the server said, or undefined when it was not reached. */
async function ask(mesh: MeshLab, from: string, url: string): Promise<Answer | undefined> {
  const { code, stdout } = await mesh.kubectl.run(['exec', from, '--', 'curl', '-sg', '-m', '5', url]);
  return code === 0 ? answerIn(stdout) : undefined;
}

const urlOf = async (mesh: MeshLab, pod: string, family: 0 | 1 = 0): Promise<string> => {
  const ip = await mesh.ipOf(pod, family);
  return `http://${family === 1 ? `[${ip}]` : ip}:8080/`;
};

const redirection = (mesh: MeshLab, pod: string): Promise<string> =>
  mesh.kubectl.ok(`get pod ${pod} -o jsonpath={.metadata.annotations.ambient\\.istio\\.io/redirection}`);

const becomes = (mesh: MeshLab, pods: readonly string[], wanted: string): Promise<true> => {
  const all = async (): Promise<true | undefined> => {
    const said = await Promise.all(pods.map((pod) => redirection(mesh, pod)));
    return said.every((each) => each === wanted) ? true : undefined;
  };
  return eventually(all, { ...patience, what: `${pods.join(', ')} ${wanted === '' ? 'outside the mesh' : wanted}` });
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

const askServer = 'kubectl exec client -- curl -s http://server/';
const members = ['client', 'server-a', 'server-b'] as const;

const outsideAtFirst: Step = {
  title: 'The apps run, and the mesh leaves them alone',
  commands: ['kubectl get pods -o wide', askServer],
  async run(mesh, type) {
    see((await type('kubectl get pods -o wide')).includes('server-b'), 'there is no server-b');
    const { pod, peer } = answerIn(await type(askServer));
    see(peer === (await mesh.ipOf('client')), `the server saw ${peer}`);
    await becomes(mesh, members, '');
    return `"${pod}" answered ${peer}, in clear`;
  },
};

const labelNamespace = 'kubectl label namespace default istio.io/dataplane-mode=ambient';

const enrols: Step = {
  title: 'One label, and the pods of a namespace are in the mesh; none of them is restarted',
  commands: [
    labelNamespace,
    "kubectl get pods -o custom-columns='NAME:.metadata.name,MESH:.metadata.annotations.ambient\\.istio\\.io/redirection'",
  ],
  async run(mesh, type) {
    const restarts = (): Promise<string> => mesh.kubectl.ok('get pods -o jsonpath={.items[*].status.containerStatuses[0].containerID}');
    const before = await restarts();
    const began = performance.now();
    await type(labelNamespace);
    await becomes(mesh, members, 'enabled');
    const took = Math.round(performance.now() - began);
    see((await restarts()) === before, 'containers were restarted');
    const table = await type(this.commands[1] ?? '');
    see(/outside\s+<none>/.test(table), `the pod that opted out: ${table}`);
    return `${members.join(', ')} are enabled after ${took} ms; outside, which opted out, is not`;
  },
};

const crossesAsHbone: Step = {
  title: 'Between nodes only mutual TLS on port 15008 is on the wire, and the server still sees the client itself',
  commands: [],
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
const readLog = 'kubectl -n istio-system logs daemonset/ztunnel --tail=3';

const logged: Step = {
  title: 'Both access logs name both identities',
  commands: [readLog],
  async run(mesh, type) {
    await accessLine(mesh, 'node-b', 'direction="inbound"', 'dst.workload="server-b"', ...identities);
    const line = await accessLine(mesh, 'node-a', 'direction="outbound"', 'dst.workload="server-b"', ...identities);
    await type(readLog);
    return line.slice(line.indexOf('\t') + 1).replaceAll('\t', ' ');
  },
};

const staysOnNode: Step = {
  title: 'A request on one node never leaves the process',
  commands: [],
  async run(mesh) {
    const said = await ask(mesh, 'client', await urlOf(mesh, 'server-a'));
    see(said?.pod === 'server-a', `the server answered: ${JSON.stringify(said)}`);
    await accessLine(mesh, 'node-a', 'direction="inbound"', 'dst.workload="server-a"', 'security="local"');
    return `"${said?.pod}", security="local"`;
  },
};

const byService: Step = {
  title: 'A Service leads to both servers, for pods in the mesh and outside',
  commands: [askServer, 'kubectl exec outside -- curl -s http://server/'],
  async run(_mesh, type) {
    for (const command of this.commands) {
      const reached = new Set<string>();
      const both = async (): Promise<true | undefined> => {
        reached.add(answerIn(await type(command)).pod);
        return reached.has('server-a') && reached.has('server-b') ? true : undefined;
      };
      await eventually(both, { ...patience, what: () => `both servers; reached: ${[...reached].join(', ')}` });
    }
    return 'server-a and server-b, both times';
  },
};

const fromFirstPacket: Step = {
  title: 'A pod that is made later is in the mesh before its first packet',
  commands: [
    "kubectl run later --image=ambient-mesh/sleep --command -- sh -c 'nft list tables; exec sleep 3600'",
    'kubectl wait pod later --for=condition=Ready',
    'kubectl logs later',
    'kubectl delete pod later --now',
  ],
  async run(_mesh, type) {
    const [run = '', wait = '', logs = '', remove = ''] = this.commands;
    await type(run);
    await type(wait);
    const tables = await type(logs);
    see(tables.includes('table inet istio-ambient-nat'), `at its start the pod had these tables: ${tables}`);
    await type(remove);
    return 'its first act was to list the rules around it, and they were there';
  },
};

const denies: Step = {
  title: 'A policy is in force as soon as it is applied, its status says so, and a denial names who, to whom and by which rule',
  commands: [
    `kubectl apply -f ${manifest('deny')}`,
    'kubectl get authorizationpolicy deny-client -o yaml',
    `kubectl delete -f ${manifest('deny')}`,
  ],
  async run(mesh, type) {
    const [apply = '', get = '', remove = ''] = this.commands;
    const url = await urlOf(mesh, 'server-b');
    await type(apply);
    try {
      const denied = async (): Promise<true | undefined> => ((await ask(mesh, 'client', url)) === undefined ? true : undefined);
      await eventually(denied, { ...patience, what: 'a denied request' });
      const accepted = await eventually(async () => (await conditionOf(mesh, 'deny-client')) || undefined, {
        ...patience,
        what: 'a condition',
      });
      see(accepted === 'attached to ztunnel', `the condition says: ${accepted}`);
      see((await type(get)).includes('ZtunnelAccepted'), 'the policy has no status');
      const line = await accessLine(mesh, 'node-b', 'default/deny-client', ...identities);
      see((await ask(mesh, 'outside', url)) !== undefined, 'the client outside was denied too');
      return `status: "${accepted}"; log: ${line.slice(line.indexOf('error='))}`;
    } finally {
      await type(remove);
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
  commands: [],
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

const optsOut: Step = {
  title: 'A pod is taken out of the mesh by a label, and put back, without a restart',
  commands: ['kubectl label pod client istio.io/dataplane-mode=none', 'kubectl label pod client istio.io/dataplane-mode-'],
  async run(mesh, type) {
    const [out = '', back = ''] = this.commands;
    await type(out);
    await becomes(mesh, ['client'], '');
    const said = await ask(mesh, 'client', await urlOf(mesh, 'server-b'));
    see(said?.pod === 'server-b', `out of the mesh, the server answered: ${JSON.stringify(said)}`);
    await type(back);
    await becomes(mesh, ['client'], 'enabled');
    return 'out, in clear, and in again';
  },
};

const heals: Step = {
  title: 'Who meddles with a pod’s rules is found out within seconds',
  commands: ['kubectl exec client -- nft flush ruleset', 'kubectl get events --field-selector involvedObject.name=client'],
  async run(mesh, type) {
    const [flush = '', events = ''] = this.commands;
    const began = performance.now();
    await type(flush);
    const tables = (): Promise<string> => mesh.kubectl.ok('exec client -- nft list tables');
    await eventually(async () => ((await tables()).includes('istio-ambient-nat') ? true : undefined), { ...patience, what: 'rules again' });
    const took = Math.round(performance.now() - began);
    const told = async (): Promise<true | undefined> => ((await type(events)).includes('NotEnrolled') ? true : undefined);
    await eventually(told, { ...patience, what: 'an Event' });
    return `repaired after ${took} ms, and an Event says so`;
  },
};

const looksIn: Step = {
  title: 'A waypoint looks into requests: one is deployed, a service uses it, and writing is refused while reading goes on',
  commands: [
    `kubectl apply -f ${manifest('waypoint')}`,
    'kubectl wait gateway/waypoint --for=condition=Programmed --timeout=60s',
    'kubectl label service server istio.io/use-waypoint=waypoint',
    'kubectl exec client -- curl -s -X DELETE http://server/',
    'kubectl get authorizationpolicy read-only -o yaml',
    'kubectl label service server istio.io/use-waypoint-',
    `kubectl delete -f ${manifest('waypoint')}`,
  ],
  async run(mesh, type) {
    const [apply = '', wait = '', use = '', write = '', status = '', leave = '', remove = ''] = this.commands;
    await type(apply);
    const began = performance.now();
    await type(wait);
    const took = Math.round(performance.now() - began);
    await type(use);
    let refused = '';
    const denied = async (): Promise<true | undefined> => {
      refused = await mesh.type(write);
      return refused === 'RBAC: access denied' ? true : undefined;
    };
    await eventually(denied, { ...patience, what: 'the refusal' });
    await type(write);
    see(answerIn(await mesh.type(askServer)).pod.startsWith('server-'), 'reading does not go through');
    const told = async (): Promise<true | undefined> =>
      (await mesh.type(status)).includes('bound to default/waypoint') ? true : undefined;
    await eventually(told, { ...patience, what: 'the status of the policy' });
    await type(status);
    await type(leave);
    await type(remove);
    return `ready after ${took} ms; DELETE: "${refused}", GET answers`;
  },
};

const answersQuestions: Step = {
  title: 'One command says whether all is well, another why a request goes through',
  commands: ['ambientctl check', 'ambientctl explain client server --path /', 'ambientctl top --once'],
  async run(mesh, type) {
    const [check = '', explain = '', top = ''] = this.commands;
    const [checked = ''] = (await type(check)).trimEnd().split('\n').slice(-1);
    const told = await type(explain);
    see(told.includes('ALLOWED'), `explain says: ${told}`);
    // It shows what moves while it looks.
    const looked = type(top);
    let looking = true;
    const stop = looked.finally(() => (looking = false)).catch(() => {});
    while (looking) await ask(mesh, 'client', 'http://server/');
    await stop;
    const moving = await looked;
    see(moving.includes('server'), `top says: ${moving}`);
    return checked;
  },
};

const draws: Step = {
  title: 'The graph shows who talks to whom, a few seconds after they do',
  commands: [],
  async run(mesh) {
    await using graph = await serveGraph(mesh);
    const opened = await fetch(graph.url, { redirect: 'manual' });
    const cookie = opened.headers
      .getSetCookie()
      .map((each) => each.split(';')[0])
      .join('; ');
    const began = performance.now();
    const drawn = async (): Promise<GraphEdge | undefined> => {
      await ask(mesh, 'client', 'http://server/');
      const answer = await fetch(new URL('/api/graph', graph.url), { headers: { cookie } });
      const { edges } = (await answer.json()) as Graph;
      return edges.find(({ from, to }) => from === 'workload:default/client' && to === 'service:default/server');
    };
    const { security } = await eventually(drawn, { ...patience, what: 'an edge from the client to the service' });
    return `client > server, ${security}, after ${Math.round(performance.now() - began)} ms`;
  },
};

const leaves: Step = {
  title: 'Without the label everybody is out again, and nothing is left in the pods',
  commands: ['kubectl label namespace default istio.io/dataplane-mode-', labelNamespace],
  async run(mesh, type) {
    await type(this.commands[0] ?? '');
    await becomes(mesh, members, '');
    const tables = (): Promise<string> => mesh.kubectl.ok('exec server-b -- nft list tables');
    await eventually(async () => ((await tables()) === '' ? true : undefined), { ...patience, what: 'no tables' });
    const { pod } = answerIn(await mesh.type(askServer));
    await type(labelNamespace);
    await becomes(mesh, members, 'enabled');
    return `"${pod}" answered in clear; then labelled again`;
  },
};

export const tour: readonly Step[] = [
  outsideAtFirst,
  enrols,
  crossesAsHbone,
  logged,
  staysOnNode,
  byService,
  fromFirstPacket,
  denies,
  neverSilent,
  optsOut,
  heals,
  looksIn,
  answersQuestions,
  draws,
  leaves,
];
