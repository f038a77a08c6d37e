// A gRPC call on an open HTTP/2 connection: messages out, messages in, and a status at the end.
// Used by xds/client.ts (a stream in both directions) and ca/client.ts (one message each way).
// Bytes only: encoding, and what a status means for the next attempt, are the caller's.
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import { constants } from 'node:http2';
import { isFault, MeshError } from '@ambient-mesh/runtime/errors';
import { Deframer, frame } from './framing.ts';
import type { GrpcStatus } from './status.ts';
import { grpcCode, statusOf, statusOfBreak, statusOfHttp } from './status.ts';

export type CallFault = { readonly code: 'grpc.status'; readonly status: number };

export interface CallOptions {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Longest message accepted. */
  readonly limitBytes: number;
}

type Answer = IncomingHttpHeaders & IncomingHttpStatusHeader;

export class GrpcCall {
  readonly #stream: ClientHttp2Stream;
  readonly #limitBytes: number;
  readonly #answer: Promise<Answer>;
  #trailers: IncomingHttpHeaders | undefined;

  /** Throws if the session can open no stream any more. `signal` cancels the call at any time. */
  constructor(session: ClientHttp2Session, options: CallOptions, signal: AbortSignal) {
    const stream = session.request(
      { ...options.headers, ':method': 'POST', ':path': options.path, 'content-type': 'application/grpc', te: 'trailers' },
      { endStream: false, signal },
    );
    this.#stream = stream;
    this.#limitBytes = options.limitBytes;
    this.#answer = firstAnswer(stream);
    // Awaited in messages(); a caller that gives up before must not leave an unhandled rejection behind.
    this.#answer.catch(() => {});
    stream.on('error', () => {});
    stream.on('trailers', (trailers) => {
      this.#trailers = trailers;
    });
  }

  /** Queues a message; without effect once the stream is over. */
  send(message: Uint8Array): void {
    if (!this.#stream.writable) return;
    this.#stream.write(frame(message));
  }

  /** No more messages from us. */
  end(): void {
    this.#stream.end();
  }

  /**
   * Resolves once the server has accepted the call, rejects with `grpc.status` if it never did: an error in place of an answer, a broken connection.
   * A server may wait for messages before it accepts.
   */
  async accepted(): Promise<void> {
    const answer = await this.#answer.catch((e: unknown) => {
      throw failed(statusOfBreak(e, this.#stream.rstCode));
    });
    const refused = statusOf(answer) ?? (answer[':status'] === 200 ? undefined : statusOfHttp(answer[':status'] ?? 0));
    if (refused !== undefined && refused.code !== grpcCode.ok) throw failed(refused);
  }

  /** The messages in order, at the reader's pace. Returns after a status of OK; throws `grpc.status` or a framing fault otherwise. */
  async *messages(): AsyncGenerator<Buffer> {
    const deframer = new Deframer(this.#limitBytes);
    const chunks = this.#stream[Symbol.asyncIterator]();
    for (;;) {
      const next = await chunks.next().catch((e: unknown) => {
        throw failed(statusOfBreak(e, this.#stream.rstCode));
      });
      if (next.done === true) break;
      yield* deframer.push(next.value);
    }
    const status = statusOf(this.#trailers ?? (await this.#answer)) ?? {
      code: grpcCode.unknown,
      message: 'the stream ended without a status',
    };
    if (status.code !== grpcCode.ok) throw failed(status);
    deframer.finish();
  }

  /** Drops whatever is under way. */
  cancel(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }
}

/** One message each way. Throws `grpc.status`, also when the answer is not exactly one message. */
export async function callOnce(
  session: ClientHttp2Session,
  options: CallOptions,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<Buffer> {
  const call = new GrpcCall(session, options, signal);
  try {
    call.send(message);
    call.end();
    await call.accepted();
    const answers: Buffer[] = [];
    for await (const answer of call.messages()) {
      if (answers.push(answer) > 1) break;
    }
    const [only] = answers;
    if (only === undefined || answers.length > 1)
      throw failed({ code: grpcCode.internal, message: 'not exactly one message in the answer' });
    return only;
  } finally {
    call.cancel();
  }
}

/** The gRPC status that `e` stands for, if it stands for one. */
export function statusCodeOf(e: unknown): number | undefined {
  return isFault(e, 'grpc.status') ? (e as MeshError<CallFault>).fault.status : undefined;
}

function firstAnswer(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    stream.once('response', resolve);
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the connection closed before the server answered')));
  });
}

function failed(status: GrpcStatus): MeshError<CallFault> {
  return new MeshError<CallFault>(
    { code: 'grpc.status', status: status.code },
    `gRPC status ${status.code}: ${status.message || 'no message'}`,
  );
}
