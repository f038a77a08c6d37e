// Opens one tunnel: certificate, TCP connection, TLS handshake with the server's identity checked, HTTP/2 session.
// Called by tunnel-pool.ts. Decides nothing about reuse; each step fails with its own typed fault, and nothing stays open then.
import type { Socket } from 'node:net';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import type { RevocationSet } from '@ambient-mesh/identity/revocation';
import type { TlsPolicy } from '@ambient-mesh/identity/tls-context';
import { formatSocket, type Ip, type SocketAddress } from '@ambient-mesh/model/address';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { KeepaliveSettings } from '../h2/keepalive.ts';
import type { H2Settings } from '../h2/settings.ts';
import type { ReadMemory } from '../read-memory.ts';
import { connectTls } from '../tls/client.ts';
import { Tunnel, type TunnelEvents } from './tunnel.ts';

/** Where a tunnel leads, and between whom. */
export interface TunnelTarget {
  readonly source: SpiffeId;
  /** The client's own address: tunnels are not shared between addresses. */
  readonly sourceIp: Ip;
  /** The server must prove one of these. */
  readonly expected: readonly SpiffeId[];
  /** The tunnel port of the destination, waypoint or gateway. */
  readonly to: SocketAddress;
  /** Uid of the workload that answers there: a new workload on an old address must not inherit its tunnels. */
  readonly workload: string;
}

export interface TunnelPorts {
  /** A connected socket; `connectSocket` with a descriptor of the pod's network namespace. Rejects with a typed fault. */
  readonly dial: (to: SocketAddress, signal: AbortSignal) => Promise<Socket>;
  readonly credentialsFor: (id: SpiffeId) => Promise<Credentials>;
  readonly revocations?: () => RevocationSet;
  readonly clock: Clock;
}

export interface TunnelSettings {
  readonly policy: TlsPolicy;
  readonly h2?: H2Settings;
  readonly keepalive?: KeepaliveSettings;
  /** Where the tunnels' bytes are read into; without it, into buffers of Node's own. */
  readonly memory?: ReadMemory | undefined;
}

/** @throws what the ports throw, MeshError<TlsFault>, or the signal's reason. */
export async function openTunnel(
  target: TunnelTarget,
  { ports, settings, events }: { readonly ports: TunnelPorts; readonly settings: TunnelSettings; readonly events: TunnelEvents },
  signal: AbortSignal,
): Promise<Tunnel> {
  const { clock } = ports;
  const credentials = await ports.credentialsFor(target.source);
  signal.throwIfAborted();
  const raw = await ports.dial(target.to, signal);
  const { socket, peer } = await connectTls(
    raw,
    {
      credentials,
      clock,
      policy: settings.policy,
      expected: target.expected,
      who: formatSocket(target.to),
      revocations: ports.revocations,
    },
    signal,
  );
  const { h2, keepalive, memory } = settings;
  return new Tunnel(socket, peer, { clock, memory, ...(h2 && { settings: h2 }), ...(keepalive && { keepalive }) }, events);
}
