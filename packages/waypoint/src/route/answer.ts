// Answers that the waypoint gives by itself: HTTP to HTTP clients, a gRPC status to gRPC clients.
// Called by every step of a request that ends it.
import type { ServedRequest } from '@ambient-mesh/wire/http/exchange';
import type { HeaderList } from '@ambient-mesh/wire/http/message';

export interface Answer {
  readonly status: number;
  readonly headers?: HeaderList;
  readonly body?: string;
  /** For gRPC clients; otherwise it follows from `status` as gRPC's HTTP mapping says. */
  readonly grpcStatus?: number;
}

export const isGrpc = (headers: HeaderList): boolean =>
  headers.some(([name, value]) => name === 'content-type' && /^application\/grpc(?![-\w])/.test(value) === true);

/** Returns what was really answered: gRPC clients get 200 and a status of theirs. */
export function answer(
  request: ServedRequest,
  { status, headers = [], body = '', grpcStatus }: Answer,
): { status: number; grpcStatus?: number } {
  if (isGrpc(request.head.headers)) {
    const code = grpcStatus ?? grpcStatusOf(status);
    const said: HeaderList = [
      ['content-type', 'application/grpc'],
      ['grpc-status', String(code)],
      ['grpc-message', encodeMessage(body === '' ? `HTTP status ${status}` : body)],
      ...headers.filter(([name]) => name !== 'content-type'),
    ];
    request.respond({ status: 200, headers: said }, true);
    return { status: 200, grpcStatus: code };
  }
  const bytes = Buffer.from(body);
  const bare = status === 204 || status === 304;
  const described: HeaderList =
    bytes.length === 0 || headers.some(([name]) => name === 'content-type') ? headers : [...headers, ['content-type', 'text/plain']];
  const all: HeaderList = bare ? described : [...described, ['content-length', String(bytes.length)]];
  const last = bare || bytes.length === 0 || request.head.method === 'HEAD';
  request.respond({ status, headers: all }, last);
  if (!last) {
    request.write(bytes);
    request.end();
  }
  return { status };
}

/** How gRPC clients read an HTTP status (gRPC: HTTP to gRPC status code mapping). */
function grpcStatusOf(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/** Percent-encoded as gRPC wants it: printable ASCII but for `%`. */
const encodeMessage = (text: string): string =>
  Array.from(Buffer.from(text), (octet) =>
    octet >= 0x20 && octet <= 0x7e && octet !== 0x25 ? String.fromCharCode(octet) : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
