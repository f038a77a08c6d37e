// Host functions about headers and buffers (Proxy-Wasm 0.2.1, "HTTP fields" and "Buffers").
// Bound into a plugin by guest.ts. Request headers can be changed while the request is decided on, response headers likewise; all else is read only.
import type { GuestContext } from './guest-context.ts';
import type { HostState } from './host-state.ts';
import type { Pairs } from './messages.ts';
import { octets, readPairs, writePairs } from './pairs.ts';
import { buffers, maps, status } from './status.ts';

type Calls = Record<string, (...values: never[]) => number>;

/** Headers of a request or response, all in all. */
const mostHeaderBytes = 1 << 18;

export function mapCalls(host: HostState): Calls {
  const found = (map: number): Pairs | undefined => pairsOf(host, map);
  const change = (map: number, edit: (pairs: Pairs) => Pairs | undefined): number => {
    const there = found(map);
    if (there === undefined || !mayChange(host.effective, map)) return status.badArgument;
    const changed = edit(there);
    if (changed === undefined || sizeOf(changed) > mostHeaderBytes) return status.badArgument;
    host.effective.maps.set(map, changed);
    host.effective.changed = true;
    return status.ok;
  };
  const name = (at: number, length: number): string => host.memory.latin1(at, length).toLowerCase();
  return {
    proxy_get_header_map_size(map: number, toSize: number): number {
      const pairs = found(map);
      if (pairs === undefined) return status.badArgument;
      host.memory.putUint32(toSize, writePairs(pairs).length);
      return status.ok;
    },
    proxy_get_header_map_pairs(map: number, toAddress: number, toSize: number): number {
      const pairs = found(map);
      if (pairs === undefined) return status.badArgument;
      host.memory.give(writePairs(pairs), toAddress, toSize);
      return status.ok;
    },
    proxy_set_header_map_pairs(map: number, at: number, length: number): number {
      const written = readPairs(host.memory.bytes(at, length));
      return change(map, () => written);
    },
    proxy_get_header_map_value(map: number, at: number, length: number, toAddress: number, toSize: number): number {
      const pairs = found(map);
      if (pairs === undefined) return status.badArgument;
      const wanted = name(at, length);
      const values = pairs.filter(([each]) => each === wanted).map(([, value]) => value);
      if (values.length === 0) return status.notFound;
      host.memory.give(octets(values.join(',')), toAddress, toSize);
      return status.ok;
    },
    proxy_add_header_map_value(map: number, at: number, length: number, valueAt: number, valueLength: number): number {
      const added = [name(at, length), host.memory.latin1(valueAt, valueLength)] as const;
      return change(map, (pairs) => [...pairs, added]);
    },
    proxy_replace_header_map_value(map: number, at: number, length: number, valueAt: number, valueLength: number): number {
      const given = [name(at, length), host.memory.latin1(valueAt, valueLength)] as const;
      return change(map, (pairs) => replaced(pairs, given));
    },
    proxy_remove_header_map_value(map: number, at: number, length: number): number {
      const gone = name(at, length);
      return change(map, (pairs) => pairs.filter(([each]) => each !== gone));
    },
  };
}

export function bufferCalls(host: HostState): Calls {
  return {
    proxy_get_buffer_bytes(buffer: number, start: number, length: number, toAddress: number, toSize: number): number {
      const bytes = bufferOf(host, buffer);
      if (bytes === undefined) return status.notFound;
      const from = start >>> 0;
      if (from > bytes.length) return status.badArgument;
      host.memory.give(bytes.subarray(from, Math.min(bytes.length, from + (length >>> 0))), toAddress, toSize);
      return status.ok;
    },
    proxy_get_buffer_status(buffer: number, toSize: number, toFlags: number): number {
      const bytes = bufferOf(host, buffer);
      if (bytes === undefined) return status.notFound;
      host.memory.putUint32(toSize, bytes.length);
      host.memory.putUint32(toFlags, 0);
      return status.ok;
    },
    proxy_set_buffer_bytes: (): number => status.unimplemented,
  };
}

/** Trailers are not shown: there are none. */
function pairsOf(host: HostState, map: number): Pairs | undefined {
  switch (map) {
    case maps.callHeaders:
      return host.called?.headers ?? [];
    case maps.callTrailers:
      return host.called?.trailers ?? [];
    case maps.requestTrailers:
    case maps.responseTrailers:
      return [];
    default:
      return host.effective.maps.get(map);
  }
}

function bufferOf(host: HostState, buffer: number): Uint8Array | undefined {
  switch (buffer) {
    case buffers.requestBody:
      return host.effective.body;
    case buffers.callBody:
      return host.called?.body;
    case buffers.vmConfiguration:
      return new Uint8Array();
    case buffers.pluginConfiguration:
      return Buffer.from(host.setup.configuration, 'utf8');
    default:
      return undefined;
  }
}

function mayChange({ stage }: GuestContext, map: number): boolean {
  return (stage === 'request' && map === maps.requestHeaders) || (stage === 'response' && map === maps.responseHeaders);
}

/** In the place of the first of that name. */
function replaced(pairs: Pairs, given: Pairs[number]): Pairs {
  const first = pairs.findIndex(([name]) => name === given[0]);
  if (first < 0) return [...pairs, given];
  return pairs.flatMap((pair, n) => (n === first ? [given] : pair[0] === given[0] ? [] : [pair]));
}

const sizeOf = (pairs: Pairs): number => pairs.reduce((sum, [name, value]) => sum + name.length + value.length + 8, 0);
