// Opens one HTTP connection to an endpoint: a dialled conduit with a codec of the right version on it.
// The port that links.ts is given; the dialling is dial.ts.
import type { Upstream } from '@ambient-mesh/model/endpoint-choice';
import type { Clock, Ms } from '@ambient-mesh/runtime/time';
import { Http2Client } from '@ambient-mesh/wire/h2/http2-client';
import { Http1Client } from '@ambient-mesh/wire/http1/client';
import type { ReadMemory } from '@ambient-mesh/wire/read-memory';
import type { Destination } from './destination.ts';
import type { Dialler } from './dial.ts';
import type { LinkPorts } from './links.ts';
import { openSecure } from './origination.ts';

export interface LinkParts {
  readonly dialler: Dialler;
  readonly clock: Clock;
  readonly memory: ReadMemory;
  readonly destination: Destination;
  readonly upstream: Upstream;
  /** Unless the destination's settings say otherwise. */
  readonly connectTimeout: Ms;
}

export function linkPorts({ dialler, clock, memory, destination, upstream, connectTimeout }: LinkParts): LinkPorts {
  const { workload, port } = upstream;
  return {
    clock,
    mayOpen: () => destination.connections < (destination.settings.pool?.maxConnections ?? Number.POSITIVE_INFINITY),
    open: async (version, events, signal) => {
      const { pool, tls } = destination.settings;
      const wanted = { workload, port, service: destination.service, connectTimeoutMs: pool?.connectTimeout ?? connectTimeout };
      const plain = await dialler.open(wanted, signal);
      const { serverName } = destination;
      const conduit =
        tls === undefined || tls.mode === 'disable' ? plain : await openSecure(plain, tls, { version, clock, signal, serverName });
      return version === 'h2' ? new Http2Client(conduit, { clock, memory }, events) : new Http1Client(conduit, events);
    },
  };
}
