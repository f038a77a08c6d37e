// A request of the waypoint's own, to a service that it asks: external authorization, rate limits, keys of token issuers, collectors of spans.
// The whole answer is read, up to a limit. Goes over the same pools as the traffic, so inside the mesh it is encrypted like that.
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { HttpFault, ResponseReceiver } from '@ambient-mesh/wire/http/exchange';
import type { HeaderList, RequestHead } from '@ambient-mesh/wire/http/message';
import type { Destination } from './destination.ts';
import type { HttpVersion } from './links.ts';

export interface CallRequest {
  readonly head: RequestHead;
  readonly version: HttpVersion;
  readonly body?: Buffer | undefined;
  readonly timeoutMs: number;
  /** Default 1 MiB. */
  readonly limitBytes?: number;
  readonly signal: AbortSignal;
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  readonly trailers: HeaderList;
  readonly body: Buffer;
}

export type CallFault = HttpFault | { readonly code: 'call.no-endpoint' | 'call.timeout' | 'call.too-long' };

const defaultLimit = 1 << 20;

/** @throws MeshError<CallFault>, what dialling throws, or the signal's reason. */
export async function call(destination: Destination, request: CallRequest): Promise<CallAnswer> {
  const { head, version, body, timeoutMs, limitBytes = defaultLimit } = request;
  const endpoint = destination.choose(undefined, []);
  if (endpoint === undefined) throw new MeshError<CallFault>({ code: 'call.no-endpoint' }, `${head.authority} has no endpoint`);
  const late = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([request.signal, late]);
  const { connection } = endpoint.links.take(version) ?? (await endpoint.links.open(version, signal));
  const { promise, resolve, reject } = Promise.withResolvers<CallAnswer>();
  const answer = { status: 0, headers: [] as HeaderList, trailers: [] as HeaderList };
  const chunks: Buffer[] = [];
  let length = 0;
  const giveUp = (why: unknown): void => {
    sent.abort();
    reject(
      late.aborted ? new MeshError<CallFault>({ code: 'call.timeout' }, `${head.authority} did not answer within ${timeoutMs} ms`) : why,
    );
  };
  const receiver: ResponseReceiver = {
    inform: () => {},
    head: ({ status, headers }) => Object.assign(answer, { status, headers }),
    data(bytes, slab) {
      length += bytes.length;
      chunks.push(Buffer.from(bytes));
      slab?.release();
      if (length > limitBytes)
        giveUp(new MeshError<CallFault>({ code: 'call.too-long' }, `${head.authority} answered with more than ${limitBytes} octets`));
    },
    end: (trailers) => Object.assign(answer, { trailers: trailers ?? [] }),
    drained: () => {},
    closed: (how) => (how === 'finished' ? resolve({ ...answer, body: Buffer.concat(chunks) }) : reject(how)),
  };
  const bare = body === undefined || body.length === 0;
  const sent = connection.request(head, bare, receiver);
  if (!bare) {
    sent.write(body);
    sent.end();
  }
  const onAbort = (): void => giveUp(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
