// A connection that is not HTTP: judged once by policy, balanced by route weights, moved byte by byte (facts: control-plane §6.5).
// Called by receive/serve.ts. What kind of connection it is has been decided there.
import type { Conduit } from '@ambient-mesh/wire/conduit';
import { type ByteCounters, Pump } from '@ambient-mesh/wire/pump';
import type { Destination } from '../dispatch/destination.ts';
import type { Endpoint } from '../dispatch/endpoint.ts';
import type { ResponseFlag } from '../dispatch/flags.ts';

export interface RelayOutcome {
  readonly bytes: ByteCounters;
  readonly endpoint: Endpoint | undefined;
  readonly flags: readonly ResponseFlag[];
  readonly detail: string;
}

/** Opens a connection to an endpoint of the destination. Rejects with why there is none. */
export type OpenTo = (endpoint: Endpoint, destination: Destination, signal: AbortSignal) => Promise<Conduit>;

/** How many endpoints are tried: nothing has been sent to one that cannot be connected to. */
const mostTries = 3;

/** Never rejects. `opened`: there is a connection now. */
export async function relay(
  near: Conduit,
  destination: Destination,
  {
    open,
    opened,
    hash,
    signal,
  }: {
    readonly open: OpenTo;
    readonly opened: (endpoint: Endpoint) => void;
    readonly hash: number | undefined;
    readonly signal: AbortSignal;
  },
): Promise<RelayOutcome> {
  const bytes: ByteCounters = { sent: 0, received: 0 };
  const tried: Endpoint[] = [];
  let detail = 'no healthy endpoint';
  const most = destination.settings.pool?.maxConnections;
  if (most !== undefined && destination.active >= most) {
    near.abort('broken');
    return { bytes, endpoint: undefined, flags: ['UO'], detail: 'too many connections to the destination' };
  }
  for (let tries = 0; tries < mostTries; tries++) {
    const endpoint = destination.choose(hash, tried);
    if (endpoint === undefined || tried.includes(endpoint)) break;
    tried.push(endpoint);
    try {
      const far = await open(endpoint, destination, signal);
      opened(endpoint);
      endpoint.active += 1;
      destination.active += 1;
      const pump = new Pump(near, far, bytes);
      const cut = (): void => pump.abort(signal.reason);
      if (signal.aborted) cut();
      signal.addEventListener('abort', cut, { once: true });
      const result = await pump.result;
      signal.removeEventListener('abort', cut);
      endpoint.active -= 1;
      destination.active -= 1;
      const broken = result.received.how === 'failed' || result.sent.how === 'failed';
      return { bytes, endpoint, flags: broken ? ['UC'] : [], detail: broken ? 'the connection broke' : '' };
    } catch (e) {
      destination.note(endpoint, { local: true });
      detail = e instanceof Error ? e.message : String(e);
      if (signal.aborted) break;
    }
  }
  near.abort('broken');
  return { bytes, endpoint: tried.at(-1), flags: [tried.length === 0 ? 'UH' : 'UF'], detail };
}
