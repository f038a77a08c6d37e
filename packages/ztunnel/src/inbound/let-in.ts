// Lets a connection into a pod, or refuses it: admit (pure), then dial the app. What tunnels, and pods of the same node, go through alike.
// Called by serve.ts (HBONE) and outbound/forward.ts (same node); plaintext.ts has a shorter way. Owns the destination's report and register entry.
import type { SocketAddress } from '@ambient-mesh/model/address';
import { type Delivery, type InboundRequest, meantService } from '@ambient-mesh/model/inbound';
import type { Service } from '@ambient-mesh/model/service';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Baggage } from '@ambient-mesh/wire/baggage';
import type { TcpConduit } from '@ambient-mesh/wire/tcp';
import type { Proof, Registered } from '../connections.ts';
import { type Told, toldOfFault } from '../ending.ts';
import type { Pod } from '../pods/pod.ts';
import type { Bytes, Connection } from '../telemetry/access-log.ts';
import type { ConnectionReport } from '../telemetry/connection-report.ts';
import { type ConnectionSecurity, partyOf } from '../telemetry/labels.ts';
import { admit, locate, readTarget } from './admit.ts';
import { appDial, dialApp } from './deliver.ts';
import { notePolicies } from './policy-log.ts';

/** A connection that wants in, however it came. */
export interface Arrival {
  readonly method: string;
  readonly authority: string;
  /** The client's own address. */
  readonly from: SocketAddress;
  /** Where it came in: the pod's address and the tunnel port. */
  readonly at: SocketAddress;
  readonly identity: SpiffeId | undefined;
  readonly security: ConnectionSecurity;
  readonly peers: readonly Proof[];
  /** What the client's side says of its workload and of the service that it means; for telemetry only. */
  readonly baggage: Baggage | undefined;
  readonly forwardedHost: string | undefined;
  /** Counters that the other end's report shares, when both ends are here. */
  readonly bytes?: Bytes | undefined;
  /** It came through a gateway, so the address is the gateway's. */
  readonly fromGateway: boolean;
}

export interface Refused {
  readonly status: 400 | 401 | 503;
  readonly text: string;
}

/** The app's end of an admitted connection, with the report that must be ended and the entry that must be taken off the register. */
export class LetIn implements Disposable {
  readonly far: TcpConduit;
  readonly local: Workload;
  readonly open: Registered;
  readonly report: ConnectionReport;

  constructor(parts: { readonly far: TcpConduit; readonly local: Workload; readonly open: Registered; readonly report: ConnectionReport }) {
    this.far = parts.far;
    this.local = parts.local;
    this.open = parts.open;
    this.report = parts.report;
  }

  /** Tells how it ended; only the first time counts. */
  end(told: Told): void {
    if (told !== 'cut by drain') this.report.end(told);
  }

  [Symbol.dispose](): void {
    this.open[Symbol.dispose]();
    this.report[Symbol.dispose]();
  }
}

/** Whatever refuses has been logged when this returns. Never rejects. `stop` gives up dialling; being cut stops it too. */
export async function letIn(pod: Pod, arrival: Arrival, stop: AbortController): Promise<LetIn | Refused> {
  const startedAt = pod.shared.clock.monotonic();
  const read = readTarget(arrival.method, arrival.authority);
  if ('status' in read) return early(pod, arrival, read);
  const local = await pod.self();
  if (local === undefined)
    return early(pod, arrival, {
      status: 503,
      text: `the workload of pod ${pod.info.namespace}/${pod.info.name} is not known to the mesh`,
    });
  const located = await locateKnown(pod, {
    local,
    connDst: arrival.at,
    authority: read.target,
    network: pod.shared.config.network,
    illegalPorts: pod.shared.illegal,
  });
  if ('status' in located) return early(pod, arrival, located);
  // Asking the control plane takes time, in which the pod's policies may change.
  const judged = pod.shared.mesh.workload(local.uid) ?? local;
  return enter(pod, { arrival, local: judged, delivery: located.deliver, startedAt }, stop);
}

interface Located {
  readonly arrival: Arrival;
  readonly local: Workload;
  readonly delivery: Delivery;
  readonly startedAt: number;
}

async function enter(pod: Pod, located: Located, stop: AbortController): Promise<LetIn | Refused> {
  const { arrival, local, delivery, startedAt } = located;
  const { from, at, identity } = arrival;
  const destination = { ip: at.ip, port: delivery.port };
  const subject = { workload: local, identity, destination };
  const open = pod.connections.inbound({
    from,
    originalDst: arrival.forwardedHost,
    to: destination,
    protocol: 'HBONE',
    subject,
    peers: arrival.peers,
  });
  const report = pod.shared.telemetry.connections.open(told(pod, located), startedAt, arrival.bytes);
  open.whenCut((why) => stop.abort(new Error(why.because)));
  const leave = (refused: Refused): Refused => {
    open[Symbol.dispose]();
    report[Symbol.dispose]();
    return refused;
  };
  const admission = admit(pod.shared.mesh, { local, from, identity, destination });
  notePolicies(pod, admission.notes, local);
  if (!admission.admitted) {
    report.end({ flag: 'DENY', error: admission.text, ...(admission.policy !== undefined && { policy: admission.policy }) });
    return leave({ status: 401, text: admission.text });
  }
  try {
    const options = { spoof: pod.spoofsTunnels, localhostTunnel: pod.shared.config.localhostAppTunnel };
    const far = await dialApp(pod, appDial(delivery, { from, identity, podIp: at.ip }, options), stop.signal);
    return new LetIn({ far, local, open, report });
  } catch (e) {
    const failed = toldOfFault(e, open.cutBecause, { overHbone: false });
    if (failed !== 'cut by drain') report.end(failed);
    return leave({ status: 503, text: failed === undefined || failed === 'cut by drain' ? 'draining' : failed.error });
  }
}

/** Asks the control plane for what the decision lacks, when addresses come on demand. */
async function locateKnown(pod: Pod, request: InboundRequest): Promise<Exclude<ReturnType<typeof locate>, { need: unknown }>> {
  const { shared } = pod;
  const asked = new Set<string>();
  for (;;) {
    const located = locate(shared.mesh, shared.config.xdsOnDemand ? { ...request, asked } : request);
    if (!('need' in located)) return located;
    const key = located.need === 'address' ? located.key : located.hostname;
    asked.add(key);
    await shared.demand(key);
  }
}

function early(pod: Pod, { from, at }: Arrival, refused: Refused): Refused {
  pod.shared.telemetry.connections.refused(from, at, 'destination', refused.text);
  return refused;
}

function told(pod: Pod, { arrival, local, delivery }: Located): Connection {
  const { mesh, config } = pod.shared;
  const known = arrival.fromGateway ? undefined : mesh.workloadAt(config.network, arrival.from.ip);
  const said = config.enableResponseBaggage ? arrival.baggage : undefined;
  return {
    reporter: 'destination',
    from: arrival.from,
    to: arrival.at,
    authority: arrival.authority,
    source: known !== undefined ? partyOf(known) : said && pod.shared.telemetry.hearsay.partyOf(said),
    sourcePrincipal: arrival.identity,
    destination: partyOf(local),
    destinationPrincipal: local.identity,
    service: serviceMeant(pod, local, delivery, arrival.forwardedHost),
    security: arrival.security,
  };
}

function serviceMeant(pod: Pod, local: Workload, delivery: Delivery, forwardedHost: string | undefined): Service | undefined {
  return meantService(pod.shared.mesh, { local, port: delivery.port, forwardedHost, service: delivery.service });
}
