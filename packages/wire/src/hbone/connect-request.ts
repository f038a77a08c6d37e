// What a tunnel's CONNECT request says, as headers and back (facts: ztunnel §2.4, §2.7, §2.8). Pure.
// Encoded by tunnel.ts, read by server.ts's callers. Baggage has a file of its own.
import { formatSocket, type SocketAddress } from '@ambient-mesh/model/address';
import type { HeaderList } from '../http/message.ts';

export interface ConnectRequest {
  /** `:authority`: the address, or `hostname:port`, to be connected to. */
  readonly authority: string;
  /** Encoded baggage of the source; may be empty. */
  readonly baggage: string;
  /** The client that the request is made for. */
  readonly client: SocketAddress;
  /** Hostname of the service that the client meant, if any. */
  readonly service?: string;
  /** See `makeTraceparent`. */
  readonly traceparent: string;
  /** The node's own network: on the inner request of double HBONE only. */
  readonly network?: string;
}

export function encodeConnect(request: ConnectRequest): HeaderList {
  const host = request.service === undefined ? '' : `;host=${request.service}`;
  const headers: (readonly [string, string])[] = [
    [':method', 'CONNECT'],
    [':authority', request.authority],
    ['baggage', request.baggage],
    ['forwarded', `for="${formatSocket(request.client)}"${host}`],
    ['traceparent', request.traceparent],
  ];
  if (request.network !== undefined) headers.push(['x-forwarded-network', request.network]);
  return headers;
}

/** The first value of a header. */
export function headerOf(headers: HeaderList, name: string): string | undefined {
  return headers.find(([n]) => n === name)?.[1];
}

/** The service that the client meant, from a `forwarded` value: its first `host=`, without quotes. */
export function forwardedHost(value: string): string | undefined {
  if (!isAscii(value)) return undefined;
  for (const part of value.split(';')) {
    const trimmed = part.trim();
    if (trimmed.startsWith('host=')) return trimmed.slice('host='.length).replace(/^"/, '').replace(/"$/, '') || undefined;
  }
  return undefined;
}

/** A version 00 traceparent, not sampled, from 24 random octets. */
export function makeTraceparent(random: Buffer): string {
  return `00-${random.toString('hex', 0, 16)}-${random.toString('hex', 16, 24)}-00`;
}

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);
