// Plugins as a waypoint of the mesh runs them: what they are told of their node, and how the HTTP calls that they make go to services.
// Called by filters.ts. Plugins reach services of the mesh only, over the same pools as the traffic.
import { serviceKey } from '@ambient-mesh/model/service';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { call } from '../../dispatch/call.ts';
import type { Destinations } from '../../dispatch/destinations.ts';
import type { World } from '../../world.ts';
import { sayableHeaders } from './heads.ts';
import type { CallAnswer, HttpCall } from './messages.ts';
import { Plugins, type PluginsPorts } from './plugins.ts';
import { pluginProperties } from './request-properties.ts';

export type PluginCallFault = { readonly code: 'plugin.no-service' };

const longestTimeout = 60_000;

export interface MeshPluginParts extends Pick<PluginsPorts, 'clock' | 'log' | 'metrics' | 'fetchBytes'> {
  readonly world: World;
  readonly destinations: Destinations;
}

export function meshPlugins(parts: MeshPluginParts): Plugins {
  const { world, clock, log, metrics, fetchBytes } = parts;
  return new Plugins({
    clock,
    random: Math.random,
    log,
    metrics,
    fetchBytes,
    properties: (plugin) => pluginProperties(plugin, world.self),
    call: ({ namespace }, asked, signal) => callService(parts, namespace, asked, signal),
  });
}

async function callService(
  { world, destinations }: Pick<MeshPluginParts, 'world' | 'destinations'>,
  clientNamespace: string,
  { upstream, headers, body, timeout }: HttpCall,
  signal: AbortSignal,
): Promise<CallAnswer> {
  const { hostname, port } = placeOf(upstream);
  const service = world.mesh.serviceByHostname(hostname, { clientNamespace });
  if (service === undefined || !service.ports.has(port))
    throw new MeshError<PluginCallFault>({ code: 'plugin.no-service' }, `there is no service ${upstream.slice(0, 200)}`);
  const said = (name: string): string => headers.find(([each]) => each === name)?.[1] ?? '';
  const length = body.length > 0 ? ([['content-length', String(body.length)]] as const) : [];
  const answer = await call(destinations.service(serviceKey(service), port), {
    head: {
      method: said(':method'),
      scheme: 'http',
      authority: said(':authority'),
      path: said(':path'),
      headers: [...sayableHeaders(headers), ...length],
    },
    version: 'http1',
    body: Buffer.from(body),
    timeoutMs: Math.min(timeout, longestTimeout),
    signal,
  });
  const { status, trailers } = answer;
  return { headers: [[':status', String(status)], ...answer.headers], trailers, body: Uint8Array.from(answer.body) };
}

/** `outbound|80||host`, as Envoy's clusters are called in a mesh, or `host:80`. */
function placeOf(upstream: string): { readonly hostname: string; readonly port: number } {
  const cluster = /^outbound\|(\d{1,5})\|[^|]*\|([^|]+)$/.exec(upstream);
  if (cluster !== null) return { hostname: cluster[2] ?? '', port: Number(cluster[1]) };
  const colon = upstream.lastIndexOf(':');
  return colon < 0 ? { hostname: upstream, port: 80 } : { hostname: upstream.slice(0, colon), port: Number(upstream.slice(colon + 1)) };
}
