// Just enough of a gRPC server on node:http2: unary and streaming calls in Protobuf, no compression, a status at the end.
// Independent of the gRPC client under test on purpose. Used by control-plane.ts.
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';

/** One call: what the client sends comes to `onMessage`; answers go out by `send`; `finish` ends it. */
export interface Call {
  readonly headers: IncomingHttpHeaders;
  onMessage: (message: Buffer) => void;
  onEnd: () => void;
  send(message: Uint8Array): void;
  /** gRPC status code, 0 for success, and its text. */
  finish(status: number, text?: string): void;
}

export interface GrpcServerOrder {
  /** A listening descriptor. */
  readonly fd: number;
  readonly certPem: string;
  readonly keyPem: string;
  /** By `:path`. */
  readonly methods: Readonly<Record<string, (call: Call) => void>>;
}

export class GrpcServer implements AsyncDisposable {
  readonly #server: Http2SecureServer;
  readonly #sessions: Set<ServerHttp2Session> = new Set();

  constructor({ fd, certPem, keyPem, methods }: GrpcServerOrder) {
    this.#server = createSecureServer({ cert: certPem, key: keyPem, ALPNProtocols: ['h2'] });
    this.#server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
    });
    this.#server.on('sessionError', () => {});
    this.#server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on('error', () => {});
      const method = methods[String(headers[':path'])];
      const call = startCall(stream, headers);
      if (method === undefined) call.finish(12, 'no such method');
      else method(call);
    });
    this.#server.listen({ fd });
  }

  /** Cuts every connection, as a crash would; clients may come back. */
  disconnect(): void {
    for (const session of this.#sessions) session.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function startCall(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Call {
  let status = { 'grpc-status': '0', 'grpc-message': '' };
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(status));
  const call: Call = {
    headers,
    onMessage: () => {},
    onEnd: () => {},
    send(message) {
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(message.length, 1);
      if (!stream.destroyed) stream.write(Buffer.concat([prefix, message]));
    },
    finish(code, text = '') {
      status = { 'grpc-status': String(code), 'grpc-message': text };
      if (!stream.destroyed) stream.end();
    },
  };
  let pending: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 5 && pending.length >= 5 + pending.readUInt32BE(1)) {
      const end = 5 + pending.readUInt32BE(1);
      call.onMessage(pending.subarray(5, end));
      pending = pending.subarray(end);
    }
  });
  stream.on('close', () => call.onEnd());
  return call;
}
