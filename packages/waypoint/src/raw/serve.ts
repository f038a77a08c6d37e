// The story of one connection that is not HTTP: policy, then routes by weight, then bytes until both sides are done.
// Called by receive/serve.ts. TLSRoutes are asked before TCPRoutes; without any the service itself is the destination (facts: control-plane §6.5).

import { formatSocket } from '@ambient-mesh/model/address';
import { authorizeRequest } from '@ambient-mesh/model/l7/authorize-request';
import { RequestFacts } from '@ambient-mesh/model/l7/request-facts';
import type { Conduit } from '@ambient-mesh/wire/conduit';
import { hashText } from '../dispatch/balance.ts';
import type { Destination } from '../dispatch/destination.ts';
import type { Endpoint } from '../dispatch/endpoint.ts';
import type { ResponseFlag } from '../dispatch/flags.ts';
import { openSecure } from '../dispatch/origination.ts';
import { type Inlet, serviceKeyOf, serviceOf } from '../inlet.ts';
import { backendOf, type Chosen, destinationOf } from '../route/backend.ts';
import type { Shared } from '../shared.ts';
import { type OpenTo, relay } from './relay.ts';

/** Never rejects. */
export async function serveRaw(shared: Shared, inlet: Inlet, near: Conduit): Promise<void> {
  const { clock, telemetry, world } = shared;
  const [startTime, began] = [clock.now(), clock.monotonic()];
  const refuse = (flags: readonly ResponseFlag[], details: string): void => {
    near.abort('broken');
    const bytes = { sent: 0, received: 0 };
    telemetry.rawClosed(inlet, { startTime, milliseconds: clock.monotonic() - began, flags, details, bytes, endpoint: undefined });
  };
  const rules = world.rulesFor(serviceKeyOf(inlet));
  const objection = await shared.filters.askAboutConnection(inlet, rules, shared.drain.forced);
  if (objection !== undefined) {
    refuse(['UAEX'], objection);
    return;
  }
  const verdict = authorizeRequest(rules.tcp, new RequestFacts(inlet.facts));
  if (!verdict.allow) {
    const { client, port } = inlet;
    shared.log.info({ client: client.uri, to: toText(inlet), port, rule: verdict.details }, 'a connection was denied');
    return refuse([], verdict.details);
  }
  const chosen = choose(shared, inlet);
  if (typeof chosen === 'object' && 'invalid' in chosen) return refuse(['NC'], chosen.invalid);
  const destination = destinationOf(shared, inlet, chosen, inlet.facts.sni);
  if (destination === undefined) return refuse(['NR'], `the service has no host ${JSON.stringify(inlet.facts.sni)}`);
  const outcome = await relay(near, destination, {
    open: opener(shared),
    opened: (endpoint) => telemetry.rawOpened(inlet, endpoint),
    hash: hashOf(destination, inlet),
    signal: shared.drain.forced,
  });
  const { bytes, endpoint, flags, detail } = outcome;
  telemetry.rawClosed(inlet, {
    startTime,
    milliseconds: clock.monotonic() - began,
    flags,
    details: detail,
    // The relay counts from the client's point of view.
    bytes: { sent: bytes.received, received: bytes.sent },
    endpoint,
  });
}

function choose(shared: Shared, inlet: Inlet): Chosen {
  const key = serviceKeyOf(inlet);
  const routes = key === undefined ? undefined : shared.world.routesFor(key, inlet.port, inlet.client.namespace);
  const match =
    routes === undefined
      ? undefined
      : 'raw' in routes
        ? routes.raw
        : routes.kind === 'tcp' || routes.kind === 'tls'
          ? routes.match
          : undefined;
  if (match === undefined) return 'itself';
  const backends = match(inlet.facts.sni);
  if (backends === undefined) return { invalid: `no route for server name ${JSON.stringify(inlet.facts.sni)}` };
  return backendOf(backends, shared.random);
}

function opener({ dialler, config, clock }: Shared): OpenTo {
  return async ({ workload, port }: Endpoint, destination: Destination, signal) => {
    const { pool, tls } = destination.settings;
    const plain = await dialler.open(
      { workload, port, service: destination.service, connectTimeoutMs: pool?.connectTimeout ?? config.connectTimeout },
      signal,
    );
    return tls === undefined || tls.mode === 'disable'
      ? plain
      : openSecure(plain, tls, { version: 'raw', clock, signal, serverName: destination.serverName });
  };
}

const hashOf = ({ settings: { balance } }: Destination, { from }: Inlet): number | undefined =>
  balance?.hash !== undefined && 'sourceIp' in balance.hash ? hashText(from.ip) : undefined;

const toText = (inlet: Inlet): string => {
  const { authority } = inlet;
  return serviceOf(inlet)?.hostname ?? ('ip' in authority ? formatSocket(authority) : authority.hostname);
};
