// The story of an inbound connection in clear, caught on port 15006: no identity, so policies see an address only.
// Shares admission and dialling with tunnels; differs in where it goes, which is exactly where the client wanted.
import type { Socket } from 'node:net';
import { formatSocket } from '@ambient-mesh/model/address';
import { meantService } from '@ambient-mesh/model/inbound';
import type { Workload } from '@ambient-mesh/model/workload';
import type { TcpConduit } from '@ambient-mesh/wire/tcp';
import type { Registered } from '../connections.ts';
import { toldOfFault, toldOfPump } from '../ending.ts';
import { move } from '../move.ts';
import { type Captured, capture } from '../outbound/capture.ts';
import type { Pod } from '../pods/pod.ts';
import type { Connection } from '../telemetry/access-log.ts';
import { partyOf } from '../telemetry/labels.ts';
import { admit } from './admit.ts';
import { type AppDial, dialApp, spoofed } from './deliver.ts';
import { notePolicies } from './policy-log.ts';

/** Never rejects. */
export async function servePlaintext(pod: Pod, socket: Socket): Promise<void> {
  const captured = capture(socket, pod.shared.memory);
  if (captured === undefined) return;
  using _running = pod.drain.enter();
  using _counted = pod.shared.telemetry.socketOpen('destination');
  const { near, from, destination } = captured;
  const refuse = (text: string): void => {
    near.abort('cancel');
    pod.shared.telemetry.connections.refused(from, destination, 'destination', text);
  };
  if (pod.shared.illegal.has(destination.port))
    return refuse(`illegal call to ${formatSocket(destination)}: that port is the tunnel's own`);
  const local = await pod.self();
  if (local === undefined) return refuse(`the workload of pod ${pod.info.namespace}/${pod.info.name} is not known to the mesh`);
  await letThrough(pod, captured, local);
}

async function letThrough(pod: Pod, { near, from, destination }: Captured, local: Workload): Promise<void> {
  const subject = { workload: local, identity: undefined, destination };
  using open = pod.connections.inbound({ from, originalDst: undefined, to: destination, protocol: 'TCP', subject, peers: [] });
  using report = pod.shared.telemetry.connections.open(told(pod, { from, destination }, local));
  const admission = admit(pod.shared.mesh, { local, from, identity: undefined, destination });
  notePolicies(pod, admission.notes, local);
  if (!admission.admitted) {
    near.abort('cancel');
    return report.end({ flag: 'DENY', error: admission.text, ...(admission.policy !== undefined && { policy: admission.policy }) });
  }
  try {
    const dial = { to: destination, from: spoofed(pod.spoofsPlaintext, from.ip, destination.ip), header: undefined };
    const far = await dialUnlessCut(pod, dial, open);
    const ended = toldOfPump(await move({ far, near }, report.bytes, [open]), open.cutBecause);
    if (ended !== 'cut by drain') report.end(ended);
  } catch (e) {
    near.abort('cancel');
    const failed = toldOfFault(e, open.cutBecause, { overHbone: false });
    if (failed !== 'cut by drain') report.end(failed);
  }
}

function dialUnlessCut(pod: Pod, dial: AppDial, open: Registered): Promise<TcpConduit> {
  const stop = new AbortController();
  open.whenCut((why) => stop.abort(new Error(why.because)));
  return dialApp(pod, dial, stop.signal);
}

function told(pod: Pod, { from, destination }: Pick<Captured, 'from' | 'destination'>, local: Workload): Connection {
  const { mesh, config } = pod.shared;
  const source = mesh.workloadAt(config.network, from.ip);
  return {
    reporter: 'destination',
    from,
    to: destination,
    source: source && partyOf(source),
    destination: partyOf(local),
    destinationPrincipal: local.identity,
    service: meantService(mesh, { local, port: destination.port }),
    security: 'unknown',
  };
}
