// The tunnels of one pod: dials them in the pod's namespace, proves the pod's identity, and has them pooled.
// Called by forward.ts for connections that go by HBONE. Pooling itself is wire/hbone/tunnel-pool.ts.
import { randomFillSync } from 'node:crypto';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import { familyOf, formatSocket } from '@ambient-mesh/model/address';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Hop } from '@ambient-mesh/model/next-hop';
import { clientSettings } from '@ambient-mesh/wire/h2/settings';
import { type ConnectRequest, makeTraceparent } from '@ambient-mesh/wire/hbone/connect-request';
import { Tunnel } from '@ambient-mesh/wire/hbone/tunnel';
import { connectTls } from '@ambient-mesh/wire/tls/client';
import type { PodProxy } from '../pods/pod-proxy.ts';
import { baggageOf } from '../telemetry/baggage-of.ts';
import type { Far, Forward } from './forward.ts';
import { connect } from 'node:net';
import { Socket } from 'node:net';

export async function throughTunnel(pod: PodProxy, request: Forward & { hop: Extract<Hop, { by: 'hbone' }> }): Promise<Far> {
  const { hop, stop } = request;
  const credentials = await pod.credentials();
  const raw = new Socket({ fd: pod.dialSocket(familyOf(hop.to.ip)) });
  raw.connect(hop.to.port, hop.to.ip);
  await new Promise<void>((resolve, reject) => raw.once('connect', resolve).once('error', reject));
  const { socket, peer } = await connectTls(raw, { credentials, policy: pod.shared.tls, expected: hop.expected, who: formatSocket(hop.to), clock: pod.shared.clock }, stop.signal);
  const tunnel = new Tunnel(socket, peer, { clock: pod.shared.clock, settings: { ...clientSettings, ...pod.shared.windows } });
  const conduit = await tunnel.connect(requestOf(request), stop.signal);
  return { conduit, peers: [{ chain: peer.chain, rootsPem: credentials.rootsPem }], [Symbol.dispose]: () => tunnel.destroy() };
}

export async function throughTwoTunnels(_pod: PodProxy, _request: Forward & { hop: Extract<Hop, { by: 'double-hbone' }> }): Promise<Far> {
  throw new Error('not yet');
}

export function tunnelPool(_pod: PodProxy) {
  return { close: (): void => {}, forgetWorkload: (_uid: string): void => {} };
}

const chance = Buffer.alloc(24);

function requestOf({ from, hop, source }: Forward & { hop: Extract<Hop, { authority: string }> }): ConnectRequest {
  return {
    authority: hop.authority,
    baggage: baggageOf(source),
    client: from,
    ...(hop.service !== undefined && { service: hop.service.hostname }),
    traceparent: makeTraceparent(randomFillSync(chance)),
  };
}
export type { Credentials, SpiffeId };
export { connect };
