// The story of one tunnelled connection into a pod: admit, deliver, move bytes, tell. One call per CONNECT request.
// Called by accept.ts; admission and the app's end are let-in.ts, which also owns the report.

import type { SocketAddress } from '@ambient-mesh/model/address';
import { readBaggage } from '@ambient-mesh/wire/baggage';
import { forwardedHost, headerOf } from '@ambient-mesh/wire/hbone/connect-request';
import type { TunnelRequest } from '@ambient-mesh/wire/hbone/server';
import { baggageOf } from '@ambient-mesh/wire/workload-baggage';
import { toldOfPump } from '../ending.ts';
import { move } from '../move.ts';
import type { Pod } from '../pods/pod.ts';
import { type Arrival, type LetIn, letIn, type Refused } from './let-in.ts';

/** The tunnel that a request came in by. */
export interface Via {
  readonly from: SocketAddress;
  readonly at: SocketAddress;
}

/** Never rejects. */
export async function serveRequest(pod: Pod, request: TunnelRequest, via: Via): Promise<void> {
  using _running = pod.drain.enter();
  const entered = await enter(pod, request, via);
  if ('status' in entered) return request.refuse(entered.status);
  using admitted = entered;
  const near = request.accept(pod.shared.config.enableResponseBaggage ? [['baggage', baggageOf(admitted.local)]] : []);
  const result = await move({ far: admitted.far, near }, admitted.report.bytes, [admitted.open]);
  admitted.end(toldOfPump(result, admitted.open.cutBecause));
}

async function enter(pod: Pod, request: TunnelRequest, via: Via): Promise<LetIn | Refused> {
  const stop = new AbortController();
  request.onGone(() => stop.abort(new Error('the client gave up')));
  const entered = await letIn(pod, arrivalOf(pod, request, via), stop);
  request.onGone(undefined);
  return entered;
}

function arrivalOf(pod: Pod, request: TunnelRequest, { from, at }: Via): Arrival {
  const { headers, peer } = request;
  const network = headerOf(headers, 'x-forwarded-network');
  const forwarded = headerOf(headers, 'forwarded');
  return {
    method: request.method,
    authority: request.authority,
    from,
    at,
    identity: peer.identity,
    security: 'mutual_tls',
    peers: [peer],
    baggage: readBaggage(headers),
    forwardedHost: forwarded === undefined ? undefined : forwardedHost(forwarded),
    fromGateway: network !== undefined && network.toLowerCase() !== pod.shared.config.network.toLowerCase(),
  };
}
