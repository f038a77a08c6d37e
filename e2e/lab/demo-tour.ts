// The tour of the demo: each step does one thing that a user of the mesh cares about, checks it, and says in a line what was seen.
// A step that sees something else throws. Used by demo.ts, with and without --check.
import type { CallReport } from './apps/protocol.ts';
import { type PodName, port, type Stage } from './demo-stage.ts';
import { eventually } from './eventually.ts';
import { policy, principal } from './resources.ts';
import { watchWire } from './wire-watch.ts';

export interface Step {
  readonly title: string;
  /** What was seen, in a few words. */
  readonly run: (stage: Stage) => Promise<string>;
}

const get = (stage: Stage, from: PodName, to: PodName, family: 'v4' | 'v6' = 'v4'): Promise<CallReport> => {
  const address = stage.pods[to].addresses[family];
  const host = family === 'v6' ? `[${address}]` : address;
  return stage.pods[from].call(`${host}:${port}`, { send: `GET / HTTP/1.1\r\nhost: ${to}\r\n\r\n` });
};

function see(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

const bodyOf = (report: CallReport): string => report.text.split('\r\n\r\n').at(-1)?.trim() ?? '';

const crossesAsHbone: Step = {
  title: 'A request from node a to node b crosses the wire on port 15008 only, and the server sees the client itself',
  async run(stage) {
    using wire = watchWire(stage.lab.underlay);
    for (const family of ['v4', 'v6'] as const) {
      const body = bodyOf(await get(stage, 'client-a', 'server-b', family));
      see(body.endsWith(`you are ${stage.pods['client-a'].addresses[family]}`), `the server answered: ${body}`);
    }
    const { hbone, other } = wire.crossed();
    see(other === 0 && hbone > 0, `${hbone} segments on 15008 and ${other} on other ports`);
    return `${hbone} TCP segments on 15008, ${other} on any other port; "${bodyOf(await get(stage, 'client-a', 'server-b'))}"`;
  },
};

const logged: Step = {
  title: 'Both access logs name both identities',
  async run(stage) {
    for (const tunnel of Object.values(stage.ztunnels)) tunnel.child.forget();
    await get(stage, 'client-a', 'server-b');
    const both = [
      'src.identity="spiffe://cluster.local/ns/default/sa/client-a"',
      'dst.identity="spiffe://cluster.local/ns/default/sa/server-b"',
    ];
    const line = await stage.ztunnels.a.access('direction="outbound"', ...both);
    await stage.ztunnels.b.access('direction="inbound"', ...both);
    return line.slice(line.indexOf('\t') + 1).replaceAll('\t', ' ');
  },
};

const staysOnNode: Step = {
  title: 'A request on one node never leaves the process',
  async run(stage) {
    stage.ztunnels.a.child.forget();
    const body = bodyOf(await get(stage, 'client-a', 'server-a'));
    see(body.includes('hello from server-a'), `the server answered: ${body}`);
    await stage.ztunnels.a.access('direction="inbound"', 'dst.workload="server-a"');
    const metrics = await stage.ztunnels.a.metrics();
    const labels = { source_workload: 'client-a', destination_workload: 'server-a', connection_security_policy: 'local' };
    see(
      metrics.sum('istio_tcp_connections_opened_total', labels) === 2,
      'the metrics do not say connection_security_policy="local" for both reporters',
    );
    return `"${body}", connection_security_policy="local"`;
  },
};

const outsideWorks: Step = {
  title: 'A client outside the mesh still reaches a server in it, in clear',
  async run(stage) {
    const body = bodyOf(await get(stage, 'outside', 'server-b'));
    see(body.includes('hello from server-b'), `the server answered: ${body}`);
    return `"${body}"`;
  },
};

const deny = policy({ name: 'no-client-a', action: 'Deny', match: principal('default', 'client-a') });

const deniesNew: Step = {
  title: 'A policy by identity denies new connections; the log names the policy and who was denied',
  async run(stage) {
    await stage.lab.controlPlane.put(deny);
    stage.ztunnels.b.child.forget();
    const { outcome } = await get(stage, 'client-a', 'server-b');
    see(outcome === 'closed' || outcome === 'reset', `client-a was ${outcome}`);
    const line = await stage.ztunnels.b.access('explicitly denied by: default/no-client-a');
    see(bodyOf(await get(stage, 'client-b', 'server-b')).includes('hello'), 'client-b was denied too');
    await stage.lab.controlPlane.remove(deny);
    see(bodyOf(await get(stage, 'client-a', 'server-b')).includes('hello'), 'client-a is still denied');
    return line.slice(line.indexOf('error='));
  },
};

const deniesOpen: Step = {
  title: 'The same policy ends connections that are already open',
  async run(stage) {
    const app = stage.pods['client-a'].app;
    const opened = await app.ask('open', { to: `${stage.pods['server-b'].ip}:${port}` });
    await eventually(async () => ((await established(stage)) ? true : undefined), { what: 'an open connection in the dump' });
    await stage.lab.controlPlane.put(deny);
    try {
      const before = performance.now();
      const outcome = await app.ask('ended', { ...opened, timeoutMs: 5_000 });
      see(outcome === 'closed' || outcome === 'reset', 'the connection stayed open');
      return `ended within ${Math.ceil(performance.now() - before)} ms of the acknowledgement of the policy`;
    } finally {
      await stage.lab.controlPlane.remove(deny);
    }
  },
};

async function established(stage: Stage): Promise<boolean> {
  const dump = await stage.ztunnels.b.configDump();
  return JSON.stringify(dump.workloadState[stage.pods['server-b'].uid] ?? {}).includes(stage.pods['client-a'].ip);
}

const counted: Step = {
  title: 'Metrics say who talked to whom and how much',
  async run(stage) {
    const metrics = await stage.ztunnels.b.metrics();
    const labels = { reporter: 'destination', source_workload: 'client-a', destination_workload: 'server-b' };
    const opened = metrics.sum('istio_tcp_connections_opened_total', labels);
    const denied = metrics.sum('istio_tcp_connections_failed_total', { ...labels, response_flags: 'DENY' });
    see(opened > 0 && denied > 0, `opened ${opened}, denied ${denied}`);
    return `client-a to server-b: ${opened} opened, ${denied} denied, ${metrics.sum('istio_tcp_sent_bytes_total', labels)} bytes sent back`;
  },
};

export const tour: readonly Step[] = [crossesAsHbone, logged, staysOnNode, outsideWorks, deniesNew, deniesOpen, counted];
export { deny as demoPolicy };
