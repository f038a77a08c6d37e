// Carries a plan out: dials in clear, takes a stream of a pooled tunnel, opens a tunnel inside a tunnel, or hands over to a pod of this node.
// Gives back the far end of the connection. Last step of serve.ts before bytes move; faults come out typed.

import { familyOf, type SocketAddress } from '@ambient-mesh/model/address';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { connectTcp } from '@ambient-mesh/wire/tcp-dial';
import { toldOfCut } from '../ending.ts';
import { letIn } from '../inbound/let-in.ts';
import type { Pod } from '../pods/pod.ts';
import type { Far, Forward } from './far.ts';
import type { Plan } from './plan.ts';
import { throughTunnel, throughTwoTunnels } from './tunnels.ts';

export type ForwardFault = { readonly code: 'hand-over.refused'; readonly status: number } | { readonly code: 'hand-over.gone' };

/** @throws MeshError; nothing is left open then. */
export async function forward(pod: Pod, request: Forward): Promise<Far> {
  const { hop } = request;
  switch (hop.by) {
    case 'passthrough':
    case 'tcp':
      return inClear(pod, hop.to, request.stop.signal);
    case 'hbone':
      return throughTunnel(pod, { ...request, hop });
    case 'double-hbone':
      return throughTwoTunnels(pod, { ...request, hop });
    case 'same-node':
      return handOver(pod, { ...request, hop });
    default:
      return hop satisfies never;
  }
}

async function inClear(pod: Pod, to: SocketAddress, signal: AbortSignal): Promise<Far> {
  const { memory, clock } = pod.shared;
  const conduit = await connectTcp({ to, fd: pod.dialSocket(familyOf(to.ip)), memory, clock }, signal);
  return { conduit, peers: [], [Symbol.dispose]: () => {} };
}

/** The destination's side judges, dials and reports as it would for a tunnel; only the tunnel is missing. */
async function handOver(pod: Pod, { from, source, hop, stop, bytes }: Forward & { hop: Extract<Plan, { by: 'same-node' }> }): Promise<Far> {
  const there = pod.shared.podAt(hop.workload, hop.to.ip);
  if (there === undefined)
    throw new MeshError<ForwardFault>({ code: 'hand-over.gone' }, `${hop.workload.uid} is no longer served by this node`);
  const running = there.drain.enter();
  const arrival = {
    method: 'CONNECT',
    authority: hop.authority,
    from,
    at: hop.to,
    identity: pod.identity(source),
    security: 'local',
    peers: [],
    baggage: undefined,
    forwardedHost: hop.service?.hostname,
    fromGateway: false,
    bytes,
  } as const;
  const entered = await letIn(there, arrival, stop);
  if ('status' in entered) {
    running[Symbol.dispose]();
    throw new MeshError<ForwardFault>({ code: 'hand-over.refused', status: entered.status }, statusText(entered.status));
  }
  return {
    conduit: entered.far,
    open: entered.open,
    peers: [],
    end: (told) => entered.end(entered.open.cutBecause === undefined ? told : toldOfCut(entered.open.cutBecause)),
    [Symbol.dispose]: () => {
      entered[Symbol.dispose]();
      running[Symbol.dispose]();
    },
  };
}

/** The same words as for an answer from the wire: logs are searched for them. */
const statusText = (status: 400 | 401 | 503): string =>
  `http status: ${status} ${{ 400: 'Bad Request', 401: 'Unauthorized', 503: 'Service Unavailable' }[status]}`;
