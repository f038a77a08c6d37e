// Fetches a document by its URL: over the mesh when the host is a service of it, else as any program does.
// For keys of token issuers and for plugins; the limits are the caller's.

import { serviceKey } from '@ambient-mesh/model/service';
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { World } from '../world.ts';
import { call } from './call.ts';
import type { Destinations } from './destinations.ts';

export interface FetchLimits {
  readonly timeout: number;
  readonly limitBytes: number;
  readonly signal: AbortSignal;
}

export type FetchFault = { readonly code: 'fetch.status' | 'fetch.too-long' | 'fetch.url' };

export type FetchBytes = (url: string, limits: FetchLimits) => Promise<Buffer>;

/** The result GETs a document; rejects for any status but 200. */
export function fetcher(world: World, destinations: Destinations, clusterDomain: string): FetchBytes {
  return async (text, limits) => {
    const url = URL.parse(text);
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
      throw new MeshError<FetchFault>({ code: 'fetch.url' }, `${JSON.stringify(text.slice(0, 200))} is no URL that can be fetched`);
    const service =
      url.protocol === 'http:'
        ? world.mesh.serviceByHostname(fullName(url.hostname, clusterDomain), { clientNamespace: world.self.namespace })
        : undefined;
    const port = Number(url.port || 80);
    if (service === undefined || !service.ports.has(port)) return outside(url, limits);
    const { status, body } = await call(destinations.service(serviceKey(service), port), {
      head: { method: 'GET', scheme: 'http', authority: url.host, path: `${url.pathname}${url.search}`, headers: [] },
      version: 'http1',
      timeoutMs: limits.timeout,
      limitBytes: limits.limitBytes,
      signal: limits.signal,
    });
    return status === 200 ? body : refuse(url, status);
  };
}

/** `name.namespace` and `name.namespace.svc` mean the service of that name, too. */
function fullName(host: string, clusterDomain: string): string {
  const [name, namespace, svc = 'svc', ...rest] = host.split('.');
  return namespace !== undefined && svc === 'svc' && rest.length === 0 ? `${name}.${namespace}.svc.${clusterDomain}` : host;
}

async function outside(url: URL, { timeout, limitBytes, signal }: FetchLimits): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]), redirect: 'error' });
  if (response.status !== 200) return refuse(url, response.status);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > limitBytes)
      throw new MeshError<FetchFault>({ code: 'fetch.too-long' }, `${url.href} holds more than ${limitBytes} octets`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refuse(url: URL, status: number): never {
  throw new MeshError<FetchFault>({ code: 'fetch.status' }, `${url.href} answered with status ${status}`);
}
