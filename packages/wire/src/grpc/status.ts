// How a gRPC call ended: the status from trailers, from HTTP, or from a broken stream, all as one code. Pure.
// Used by call.ts; the mappings are those of gRPC's "HTTP to gRPC status" and "errors" documents.
import { constants } from 'node:http2';

/** gRPC status codes that this project tells apart. */
export const grpcCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export interface GrpcStatus {
  /** 0 to 16 by the specification; what else a peer sends is passed on. */
  readonly code: number;
  /** From the peer; may be empty. */
  readonly message: string;
}

type Headers = Readonly<Record<string, string | readonly string[] | number | undefined>>;

/** The status in trailers, or in the headers of an answer that has nothing else; undefined if there is none. */
export function statusOf(headers: Headers): GrpcStatus | undefined {
  const text = headers['grpc-status'];
  if (typeof text !== 'string') return undefined;
  const code = /^\d{1,4}$/.test(text) ? Number(text) : grpcCode.unknown;
  return { code, message: unescapeMessage(String(headers['grpc-message'] ?? '')) };
}

const byHttpStatus: Readonly<Record<number, number>> = {
  400: grpcCode.internal,
  401: grpcCode.unauthenticated,
  403: grpcCode.permissionDenied,
  404: grpcCode.unimplemented,
  429: grpcCode.unavailable,
  502: grpcCode.unavailable,
  503: grpcCode.unavailable,
  504: grpcCode.unavailable,
};

/** For an answer that is not gRPC's, such as a proxy's 503. */
export function statusOfHttp(status: number): GrpcStatus {
  return { code: byHttpStatus[status] ?? grpcCode.unknown, message: `HTTP status ${status}` };
}

const byReset: Readonly<Record<number, number>> = {
  [constants.NGHTTP2_NO_ERROR]: grpcCode.internal,
  [constants.NGHTTP2_PROTOCOL_ERROR]: grpcCode.internal,
  [constants.NGHTTP2_INTERNAL_ERROR]: grpcCode.internal,
  [constants.NGHTTP2_FLOW_CONTROL_ERROR]: grpcCode.internal,
  [constants.NGHTTP2_SETTINGS_TIMEOUT]: grpcCode.internal,
  [constants.NGHTTP2_FRAME_SIZE_ERROR]: grpcCode.internal,
  [constants.NGHTTP2_COMPRESSION_ERROR]: grpcCode.internal,
  [constants.NGHTTP2_CONNECT_ERROR]: grpcCode.internal,
  [constants.NGHTTP2_REFUSED_STREAM]: grpcCode.unavailable,
  [constants.NGHTTP2_CANCEL]: grpcCode.cancelled,
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: grpcCode.resourceExhausted,
  [constants.NGHTTP2_INADEQUATE_SECURITY]: grpcCode.permissionDenied,
};

/** For a stream that broke off: by the reset's code if the peer reset it, else the connection itself broke, which is Unknown. */
export function statusOfBreak(error: unknown, resetCode: number | undefined): GrpcStatus {
  const reset = error instanceof Error && 'code' in error && error.code === 'ERR_HTTP2_STREAM_ERROR';
  const code = reset && resetCode !== undefined ? byReset[resetCode] : undefined;
  return { code: code ?? grpcCode.unknown, message: error instanceof Error ? error.message : String(error) };
}

/** gRPC percent-encodes the message; what is badly encoded is shown as it came. */
function unescapeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
