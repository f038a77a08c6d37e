// A tunnel inside a tunnel: through a gateway to a pod of another network (facts: ztunnel §2.13).
// Called by ztunnel's outbound side with a stream to the gateway, taken from the pool. The inner tunnel carries one connection and is
// never pooled, so that every connection may reach another endpoint behind the gateway.
import { type ClientHandshake, connectTls } from '../tls/client.ts';
import type { ConnectRequest } from './connect-request.ts';
import { duplexOf } from './duplex.ts';
import { Tunnel, type TunnelOptions, type TunnelStream } from './tunnel.ts';

/**
 * Takes `outer` over; it ends when the inner stream does, or when this fails.
 * @throws MeshError<TlsFault | TunnelFault | ConduitFault>, or the signal's reason.
 */
export async function connectInside(
  outer: TunnelStream,
  inner: { readonly handshake: ClientHandshake; readonly tunnel: TunnelOptions; readonly request: ConnectRequest },
  signal: AbortSignal,
): Promise<TunnelStream> {
  const { socket, peer } = await connectTls(duplexOf(outer), inner.handshake, signal);
  const tunnel = new Tunnel(socket, peer, inner.tunnel);
  try {
    const stream = await tunnel.connect(inner.request, signal);
    tunnel.shutdown();
    return stream;
  } catch (e) {
    tunnel.destroy();
    throw e;
  }
}
