// A request that a filter makes of a service of the mesh, as a port: the waypoint sends it over its own pools (dispatch/).
// Used by external authorization and global limits. Plain data both ways; answers are read whole and bounded by whoever carries this out.

import { MeshError } from '@ambient-mesh/runtime/errors';
import { Deframer, frame } from '@ambient-mesh/wire/grpc/framing';
import { grpcCode, statusOf, statusOfHttp } from '@ambient-mesh/wire/grpc/status';
import type { HeaderList } from '@ambient-mesh/wire/http/message';

export interface CallTarget {
  /** `namespace/hostname`. */
  readonly service: string;
  readonly port: number;
}

export interface CallRequest {
  readonly protocol: 'http1' | 'h2';
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** Without `content-length`, which the carrier adds. */
  readonly headers: HeaderList;
  readonly body: Uint8Array;
  /** Milliseconds for the whole exchange. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  readonly trailers: HeaderList;
  readonly body: Uint8Array;
}

/** Rejects when there is no answer, or none that fits into 1 MiB. */
export type Call = (to: CallTarget, request: CallRequest) => Promise<CallAnswer>;

/** The service gave no answer that can be used. */
export type CallFault = { readonly code: 'call.failed'; readonly status?: number };

const longestMessage = 1 << 20;
/** gRPC allows eight digits. */
const longestTimeout = 99_999_999;

export interface UnaryCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly message: Uint8Array;
  /** Milliseconds. */
  readonly timeout: number;
}

/** One gRPC message each way. Rejects with `call.failed`, or as `call` does. */
export async function callUnary(call: Call, to: CallTarget, { path, message, timeout }: UnaryCall, signal: AbortSignal): Promise<Buffer> {
  const headers: HeaderList = [
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ['grpc-timeout', `${Math.min(Math.max(1, Math.round(timeout)), longestTimeout)}m`],
  ];
  const authority = `${hostOf(to)}:${to.port}`;
  const answer = await call(to, { protocol: 'h2', method: 'POST', authority, path, headers, body: frame(message), timeout, signal });
  const status = statusOf(Object.fromEntries([...answer.headers, ...answer.trailers])) ?? statusOfHttp(answer.status);
  if (answer.status !== 200 || status.code !== grpcCode.ok)
    throw new MeshError<CallFault>({ code: 'call.failed', status: status.code }, `gRPC status ${status.code}: ${status.message}`);
  const deframer = new Deframer(longestMessage);
  const [only, surplus] = [...deframer.push(Buffer.from(answer.body))];
  deframer.finish();
  if (only === undefined || surplus !== undefined) throw new MeshError<CallFault>({ code: 'call.failed' }, 'not one message in the answer');
  return only;
}

const hostOf = ({ service }: CallTarget): string => service.slice(service.indexOf('/') + 1);
