// Whether a failed attempt may be made again: what the route asked for, and what is safe without being asked. Pure.
// Called by the waypoint for each failed attempt. The words are Envoy's `retry_on`.
import type { Retry } from './route.ts';

/** What became of an attempt. */
export type Failure =
  /** No connection: nothing was sent. */
  | { readonly kind: 'connect' }
  /** The endpoint says that it never looked at it. */
  | { readonly kind: 'refused' }
  /** Cut before the answer began. `stale`: on a connection that had served before, and no octet of an answer came. */
  | { readonly kind: 'reset'; readonly stale: boolean }
  /** The limit of one attempt. */
  | { readonly kind: 'timeout' }
  /** It answered. */
  | { readonly kind: 'status'; readonly status: number; readonly grpcStatus: number | undefined };

/** Nothing that the endpoint has seen is ever sent twice by these. */
export const defaultRetry: Retry = { attempts: 2, codes: [], on: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled'] };

/** Methods that may be repeated without harm (RFC 9110 §9.2.2). */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/** A server may close a connection just as we use it again: such a request is sent once more, whatever the route says. */
export const isStale = (failure: Failure, method: string): boolean => failure.kind === 'reset' && failure.stale && idempotent.has(method);

export function wanted({ on, codes }: Retry, failure: Failure): boolean {
  switch (failure.kind) {
    case 'connect':
      return has(on, 'connect-failure', 'gateway-error', '5xx') || codes.length > 0;
    case 'refused':
      return has(on, 'refused-stream', 'reset', '5xx') || codes.length > 0;
    case 'reset':
      return has(on, 'reset', 'reset-before-request', '5xx', 'gateway-error') || codes.length > 0;
    case 'timeout':
      return has(on, '5xx', 'gateway-error', 'reset') || codes.length > 0;
    case 'status':
      return statusWanted(on, codes, failure.status) || grpcWanted(on, failure.grpcStatus);
    default:
      return failure satisfies never;
  }
}

function statusWanted(on: readonly string[], codes: readonly number[], status: number): boolean {
  if (codes.includes(status)) return true;
  if (status >= 500 && has(on, '5xx')) return true;
  if (status >= 502 && status <= 504 && has(on, 'gateway-error')) return true;
  return status === 409 && has(on, 'retriable-4xx');
}

const grpcWords: ReadonlyMap<number, string> = new Map([
  [1, 'cancelled'],
  [4, 'deadline-exceeded'],
  [8, 'resource-exhausted'],
  [13, 'internal'],
  [14, 'unavailable'],
]);

const grpcWanted = (on: readonly string[], status: number | undefined): boolean =>
  status !== undefined && on.includes(grpcWords.get(status) ?? '');

const has = (on: readonly string[], ...words: readonly string[]): boolean => words.some((word) => on.includes(word));

/** Milliseconds before the retry of this number, from 1: doubling, anywhere below the double (full jitter above the minimum), at most ten times the first. */
export function backoff(base: number, retry: number, random: number): number {
  const step = Math.min(base * 2 ** (retry - 1), base * 10);
  return step + random * step * 0.5;
}
