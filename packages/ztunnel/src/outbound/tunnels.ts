// The tunnels of one pod: dialled in the pod's namespace, as the pod's identity, and pooled.
// Called by forward.ts for connections that go by HBONE. Reuse is wire/hbone/tunnel-pool.ts, a tunnel in a tunnel wire/hbone/double.ts.
import { randomFillSync } from 'node:crypto';
import { familyOf } from '@ambient-mesh/model/address';
import type { Hop } from '@ambient-mesh/model/next-hop';
import { isFault } from '@ambient-mesh/runtime/errors';
import { readBaggage } from '@ambient-mesh/wire/baggage';
import { clientSettings } from '@ambient-mesh/wire/h2/settings';
import { type ConnectRequest, makeTraceparent } from '@ambient-mesh/wire/hbone/connect-request';
import { connectInside } from '@ambient-mesh/wire/hbone/double';
import type { TunnelStream } from '@ambient-mesh/wire/hbone/tunnel';
import { TunnelPool } from '@ambient-mesh/wire/hbone/tunnel-pool';
import { connectSocket } from '@ambient-mesh/wire/tcp-dial';
import { baggageOf } from '@ambient-mesh/wire/workload-baggage';
import type { Pod } from '../pods/pod.ts';
import type { Far, Forward } from './far.ts';

type Tunnelled<By> = Forward & { readonly hop: Extract<Hop, { by: By }> };

export function tunnelPool(pod: Pod): TunnelPool {
  const { clock, config, credentials, memory, revocations, tls, windows } = pod.shared;
  return new TunnelPool(
    {
      dial: (to, signal) => connectSocket({ to, fd: pod.dialSocket(familyOf(to.ip)), clock }, signal),
      credentialsFor: async (id) => credentials.get(id),
      revocations,
      clock,
    },
    {
      policy: tls,
      memory,
      h2: { ...clientSettings, ...windows },
      streamsPerTunnel: config.poolMaxStreamsPerConn,
      idleMs: config.poolUnusedReleaseTimeout,
    },
  );
}

export async function throughTunnel(pod: Pod, request: Tunnelled<'hbone'>): Promise<Far> {
  const stream = await pooled(pod, request);
  return { conduit: stream, peers: [stream.peer], [Symbol.dispose]: () => {} };
}

/** The gateway passes the inner tunnel on to whichever pod it picks, so only that pod can say who it is. */
export async function throughTwoTunnels(pod: Pod, request: Tunnelled<'double-hbone'>): Promise<Far> {
  const { clock, config, revocations, tls, windows } = pod.shared;
  const { hop, source, stop } = request;
  // First, so that a tunnel that cannot be used is not left open.
  const credentials = await pod.shared.credentials.get(pod.identity(source));
  const outer = await pooled(pod, request);
  const inner = {
    handshake: {
      credentials,
      policy: tls,
      expected: hop.innerExpected,
      who: hop.authority,
      clock,
      revocations,
    },
    tunnel: { clock, settings: { ...clientSettings, ...windows } },
    request: { ...connectRequest(request), network: config.network },
  };
  const stream = await counted(pod, connectInside(outer, inner, stop.signal));
  const said = readBaggage(stream.headers);
  return {
    conduit: stream,
    peers: [outer.peer, stream.peer],
    reached: { party: said && pod.shared.telemetry.hearsay.partyOf(said), identity: stream.peer.identity },
    [Symbol.dispose]: () => {},
  };
}

async function pooled(pod: Pod, request: Forward & { readonly hop: Extract<Hop, { authority: string }> }): Promise<TunnelStream> {
  const { hop, from, source, stop } = request;
  const target = { source: pod.identity(source), sourceIp: from.ip, expected: hop.expected, to: hop.to, workload: hop.workload.uid };
  return counted(pod, pod.pool.connect(target, connectRequest(request), stop.signal));
}

/** A server that is turned away because it is revoked is counted. */
async function counted<T>(pod: Pod, making: Promise<T>): Promise<T> {
  try {
    return await making;
  } catch (e) {
    if (isFault(e, 'tls.revoked')) pod.shared.telemetry.revoked({ inbound: 0, outbound: 1 });
    throw e;
  }
}

const chance = Buffer.alloc(24);

function connectRequest({ from, hop, source }: Forward & { readonly hop: Extract<Hop, { authority: string }> }): ConnectRequest {
  return {
    authority: hop.authority,
    baggage: baggageOf(source),
    client: from,
    ...(hop.service !== undefined && { service: hop.service.hostname }),
    traceparent: makeTraceparent(randomFillSync(chance)),
  };
}
