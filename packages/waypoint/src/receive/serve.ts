// The story of one CONNECT: choose the chain, take the connection, find out what it carries, hand it to HTTP or to the raw relay.
// Called by listen.ts. The choice is pure (model/l7/chain.ts); what follows is http.ts and raw/.
import { parseAuthority, type SocketAddress } from '@ambient-mesh/model/address';
import { type ChainChoice, chooseChain } from '@ambient-mesh/model/l7/chain';
import { ConnectionFacts } from '@ambient-mesh/model/l7/request-facts';
import { serviceKey } from '@ambient-mesh/model/service';
import { describeError } from '@ambient-mesh/runtime/errors';
import { ms } from '@ambient-mesh/runtime/time';
import type { TunnelRequest } from '@ambient-mesh/wire/hbone/server';
import type { Inlet } from '../inlet.ts';
import { readServerName } from '../raw/client-hello.ts';
import { serveRaw } from '../raw/serve.ts';
import type { Shared } from '../shared.ts';
import { EarlyBytes } from './early.ts';
import { serveHttp } from './http.ts';
import { sniff } from './sniff.ts';

/** Silence that HTTP clients are granted before their first request, where HTTP is declared. */
const silence = ms(3_600_000);

/** Never rejects. */
export async function serveConnect(shared: Shared, request: TunnelRequest, from: SocketAddress): Promise<void> {
  try {
    await serve(shared, request, from);
  } catch (e) {
    shared.log.error({ why: describeError(e) }, 'a connection was dropped');
  }
}

async function serve(shared: Shared, request: TunnelRequest, from: SocketAddress): Promise<void> {
  if (request.method !== 'CONNECT') return request.refuse(405);
  const authority = parseAuthority(request.authority);
  if (authority === undefined) return request.refuse(400);
  const { world, config, log, clock } = shared;
  const client = request.peer.identity;
  const chosen = chooseChain(world.mesh, {
    self: world.self,
    selfIp: config.ip,
    network: config.network,
    authority,
    clientNamespace: client.namespace,
  });
  if ('refuse' in chosen) {
    log.warn({ from, client: client.uri, authority: request.authority, why: chosen.refuse }, 'a connection was refused');
    return request.refuse(404);
  }
  using _running = shared.drain.enter();
  const conduit = new EarlyBytes(request.accept([]));
  const inlet = inletOf(shared, { chosen, authority, client, from, sni: '' });
  const speaks =
    chosen.protocol === 'tcp' ? 'tcp' : await conduit.look(sniff, clock, chosen.protocol === 'http' ? silence : config.sniffTimeout);
  if (conduit.isGone) return conduit.abort('cancel');
  if (speaks === 'http1' || speaks === 'http2' || chosen.protocol === 'http')
    return serveHttp(shared, inlet, conduit, speaks === 'http2' ? 'h2' : 'http1');
  const hello = speaks === 'tls' || chosen.tls ? await conduit.look(readServerName, clock, config.sniffTimeout) : undefined;
  const named = hello === undefined ? inlet : inletOf(shared, { chosen, authority, client, from, sni: hello.sni });
  return serveRaw(shared, named, conduit);
}

interface Ends {
  readonly chosen: Exclude<ChainChoice, { readonly refuse: string }>;
  readonly authority: Inlet['authority'];
  readonly client: Inlet['client'];
  readonly from: SocketAddress;
  readonly sni: string;
}

function inletOf({ world, config }: Shared, { chosen, authority, client, from, sni }: Ends): Inlet {
  const { mesh } = world;
  const workload = mesh.workloadAt(config.network, from.ip);
  const source = { workload: workload?.identity.uri === client.uri ? workload : undefined, identity: client };
  const destination = 'ip' in authority ? authority : { ip: from.ip, port: authority.port };
  return {
    to: 'service' in chosen ? { service: chosen.service, key: serviceKey(chosen.service) } : { workload: chosen.workload },
    port: chosen.port,
    client,
    from,
    authority,
    source,
    facts: new ConnectionFacts(from.ip, destination, client, sni),
  };
}
