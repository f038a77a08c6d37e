// Dials the app of a pod for an admitted connection, from the client's own address where the kernel lets us.
// Called by inbound/serve.ts and plaintext.ts after admission; the far end of the connection is its result.
import { familyOf, formatSocket, type Ip, isLoopback, type SocketAddress } from '@ambient-mesh/model/address';
import type { Delivery } from '@ambient-mesh/model/inbound';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import { describeError } from '@ambient-mesh/runtime/errors';
import { proxyHeader } from '@ambient-mesh/wire/proxy-protocol';
import type { TcpConduit } from '@ambient-mesh/wire/tcp';
import { connectTcp } from '@ambient-mesh/wire/tcp-dial';
import type { Pod } from '../pods/pod.ts';

export interface AppDial {
  readonly to: SocketAddress;
  /** Shown to the app as its client; undefined: our own address. */
  readonly from: Ip | undefined;
  /** First bytes for the app. */
  readonly header: Buffer | undefined;
}

export interface Arrived {
  readonly from: SocketAddress;
  readonly identity: SpiffeId | undefined;
  /** The pod's own address. */
  readonly podIp: Ip;
}

/** Where a delivery goes and in whose name. Pure. */
export function appDial(
  delivery: Delivery,
  arrived: Arrived,
  options: { readonly spoof: boolean; readonly localhostTunnel: boolean },
): AppDial {
  const { from, identity, podIp } = arrived;
  const onLoopback = delivery.tunnel !== undefined && options.localhostTunnel;
  const ip = onLoopback ? loopbackOf(podIp) : podIp;
  const header = delivery.tunnel && proxyHeader({ source: from, destination: delivery.tunnel.target, identity });
  return { to: { ip, port: delivery.port }, from: spoofed(options.spoof && !onLoopback, from.ip, ip), header };
}

/** Nothing to spoof when the client calls itself; loopback addresses cannot leave the loopback. */
export const spoofed = (spoof: boolean, client: Ip, app: Ip): Ip | undefined =>
  spoof && client !== app && familyOf(client) === familyOf(app) && (!isLoopback(client) || isLoopback(app)) ? client : undefined;

export async function dialApp(pod: Pod, dial: AppDial, signal: AbortSignal): Promise<TcpConduit> {
  const far = await connectTcp({ to: dial.to, fd: socketFor(pod, dial), memory: pod.shared.memory, clock: pod.shared.clock }, signal);
  if (dial.header !== undefined) far.write(dial.header);
  return far;
}

function socketFor(pod: Pod, { to, from }: AppDial): number {
  const family = familyOf(to.ip);
  if (from === undefined) return pod.dialSocket(family);
  try {
    return pod.dialSocket(family, from);
  } catch (e) {
    pod.log.warn(`cannot dial ${formatSocket(to)} from ${from}, using the pod's own address: ${describeError(e)}`);
    return pod.dialSocket(family);
  }
}

const loopbackOf = (ip: Ip): Ip => (familyOf(ip) === 4 ? '127.0.0.1' : '::1') as Ip;
