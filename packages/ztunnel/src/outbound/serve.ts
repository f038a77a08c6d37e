// The story of an outbound connection: capture, plan, forward, move bytes, tell. Owns its report and its entry in the register.
// Called for each connection accepted on port 15001; socks5.ts joins in after its handshake.
import type { Socket } from 'node:net';
import { formatSocket, type Ip } from '@ambient-mesh/model/address';
import type { Refusal } from '@ambient-mesh/model/next-hop';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Ms } from '@ambient-mesh/runtime/time';
import type { Registered } from '../connections.ts';
import { type Told, toldOfFault, toldOfPump } from '../ending.ts';
import { outboundLoop } from '../illegal-ports.ts';
import { move } from '../move.ts';
import type { Pod } from '../pods/pod.ts';
import type { Bytes } from '../telemetry/access-log.ts';
import type { ConnectionReport } from '../telemetry/connection-report.ts';
import { type Captured, capture } from './capture.ts';
import type { Far } from './far.ts';
import { forward } from './forward.ts';
import { type Plan, plan } from './plan.ts';
import { type Reached, told } from './told.ts';

export async function serveOutbound(pod: Pod, socket: Socket): Promise<void> {
  const captured = capture(socket, pod.shared.memory);
  if (captured === undefined) return;
  using _counted = pod.shared.telemetry.socketOpen('source');
  await relayOutbound(pod, captured);
}

/** Never rejects. */
export async function relayOutbound(pod: Pod, captured: Captured): Promise<void> {
  using _running = pod.drain.enter();
  const startedAt = pod.shared.clock.monotonic();
  const { near, from, destination } = captured;
  using open = pod.connections.outbound({ from, originalDst: formatSocket(destination), to: destination, protocol: 'TCP', peers: [] });
  const source = await pod.self();
  const decided = source === undefined ? unknownSource(pod) : await decide(pod, source, captured);
  if (source === undefined || 'text' in decided) {
    near.abort('cancel');
    if ('text' in decided) pod.shared.telemetry.connections.refused(from, destination, 'source', decided.text);
    return;
  }
  await carryOut(pod, { captured, source, hop: decided, open, startedAt });
}

interface Story {
  readonly captured: Captured;
  readonly source: Workload;
  readonly hop: Plan;
  readonly open: Registered;
  /** Monotonic: when it was accepted. */
  readonly startedAt: Ms;
}

const unknownSource = (pod: Pod) => ({ text: `the workload of pod ${pod.info.namespace}/${pod.info.name} is not known to the mesh` });

/** Asks again when the plan needs an address or a name first. */
async function decide(
  pod: Pod,
  source: Workload,
  { from, destination, at }: Captured,
): Promise<Plan | Refusal | { readonly text: string }> {
  const { shared } = pod;
  if (outboundLoop(shared.illegal, destination, at))
    return { text: `illegal call to ${formatSocket(destination)}: that port is the tunnel's own` };
  const asked = new Set<string>();
  const resolved = new Map<string, readonly Ip[]>();
  const { network, xdsOnDemand, sameNodeFastPath, crlPath } = shared.config;
  // What nobody shows a certificate for cannot be checked for revocation.
  const inMemory = sameNodeFastPath && crlPath === '';
  const servedHere = inMemory ? (w: Workload, ip: Ip) => shared.podAt(w, ip) !== undefined : undefined;
  const request = { source, sourceIp: from.ip, destination, network, random: shared.random, resolved, ...(xdsOnDemand && { asked }) };
  for (;;) {
    const answer = plan(shared.mesh, request, servedHere);
    if (!('need' in answer)) return answer;
    if (answer.need === 'dns') {
      shared.telemetry.dns.onDemand(source, answer.hostname);
      resolved.set(answer.hostname, await shared.names.resolve(answer.hostname));
    } else {
      asked.add(answer.key);
      await shared.demand(answer.key);
    }
  }
}

async function carryOut(pod: Pod, story: Story): Promise<void> {
  const { captured, source, hop, open, startedAt } = story;
  const { connections } = pod.shared.telemetry;
  const openReport = (reached?: Reached): ConnectionReport => connections.open(told({ captured, source, hop, reached }), startedAt);
  // Whom a tunnel inside a tunnel reaches is known only once it is there.
  let report = hop.by === 'double-hbone' ? undefined : openReport();
  const end = (how: Told): void => {
    report ??= openReport();
    if (how !== 'cut by drain') report.end(how);
    report[Symbol.dispose]();
  };
  open.entry.to = hop.to;
  open.entry.protocol = hop.by === 'double-hbone' ? 'DOUBLEHBONE' : 'authority' in hop ? 'HBONE' : 'TCP';
  try {
    using far = await forwardUnlessCut(pod, story, report?.bytes);
    open.entry.peers = far.peers;
    report ??= openReport(far.reached);
    const entries = far.open === undefined ? [open] : [open, far.open];
    const result = await move({ far: far.conduit, near: captured.near }, report.bytes, entries);
    const how = toldOfPump(result, open.cutBecause);
    far.end?.(how);
    end(how);
  } catch (e) {
    captured.near.abort('cancel');
    end(toldOfFault(e, open.cutBecause, { overHbone: 'authority' in hop }));
  }
}

/** On its own, so that what gives up the making of a connection is not kept as long as the connection. */
function forwardUnlessCut(pod: Pod, { captured, source, hop, open }: Story, bytes: Bytes | undefined): Promise<Far> {
  const stop = new AbortController();
  // As the destination's side sees it; ours tells why it was cut.
  open.whenCut(() => stop.abort(new Error('the client gave up')));
  return forward(pod, { from: captured.from, destination: captured.destination, source, hop, stop, bytes });
}
