// The two ways in which an HTTP/1.1 exchange ends badly, as faults of the contract.
// Used by both ends.
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { HttpFault } from '../http/exchange.ts';

/** `before`: what of the response had not come yet. */
export function lost(text: string, before?: 'any byte' | 'head' | 'body'): MeshError<HttpFault> {
  return new MeshError({ code: 'http.lost', ...(before && { before }) }, text);
}

export const notHttp = (why: string): MeshError<HttpFault> => new MeshError({ code: 'http.malformed' }, `not HTTP/1.1: ${why}`);
