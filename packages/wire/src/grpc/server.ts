// A gRPC server on node:http2: methods by path, with TLS whose certificate can be exchanged while it runs, or in clear.
// Used by istiod-lite for xDS and the certificate service. Connections and streams are bounded, idle peers are pinged, old connections are asked to leave.
// What a call means is the methods' affair; an error of theirs ends that call as Internal, and nothing else.
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { constants, createSecureServer, createServer, type Http2SecureServer, type Http2Server } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { checkClient } from '@ambient-mesh/identity/peer';
import type { SocketAddress } from '@ambient-mesh/model/address';
import { describeError, isFault, MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import { type Peer, ServerCall } from './server-call.ts';
import { grpcCode } from './status.ts';

export interface Method {
  /** Longest message accepted, bytes. */
  readonly limitBytes: number;
  /** Ends the call itself; when it returns without, the call ends as Unknown. */
  readonly handle: (call: ServerCall) => Promise<void>;
}

export interface ServerTls {
  readonly chainPem: string;
  readonly keyPem: string;
  /** Roots for client certificates, which are welcome but not needed. */
  readonly rootsPem: string;
}

export interface GrpcServerOptions {
  readonly listen: SocketAddress;
  /** Undefined: in clear. */
  readonly tls: ServerTls | undefined;
  /** By `:path`. */
  readonly methods: Readonly<Record<string, Method>>;
  readonly clock: Clock;
  readonly random: () => number;
  /** After which a connection is asked to leave, within a tenth. */
  readonly maxAge: Ms;
  /** More at once are closed unanswered. Default 10,000. */
  readonly maxConnections?: number;
  /** A method threw; for the log. */
  readonly failed: (path: string, why: string) => void;
}

export type GrpcServerFault = { readonly code: 'grpc.listen'; readonly address: string };

const maxStreams = 100;
const pingEvery = ms(30_000);
const pingAnswer = ms(20_000);
/** How long a connection may go on after it was asked to leave. */
const leaveWithin = ms(20_000);
const handshakeMs = 10_000;

export class GrpcServer implements AsyncDisposable {
  readonly #options: GrpcServerOptions;
  readonly #server: Http2Server | Http2SecureServer;
  readonly #sessions: Set<ServerHttp2Session> = new Set();
  /** Of sessions, and of peers that are none yet. */
  readonly #sockets: Set<Socket> = new Set();

  private constructor(options: GrpcServerOptions) {
    this.#options = options;
    const settings = { maxConcurrentStreams: maxStreams, initialWindowSize: 256 << 10, enablePush: false };
    const { tls } = options;
    this.#server =
      tls === undefined
        ? createServer({ settings })
        : createSecureServer({
            ...secureOf(tls),
            settings,
            requestCert: true,
            rejectUnauthorized: false,
            ALPNProtocols: ['h2'],
            handshakeTimeout: handshakeMs,
          });
    this.#server.maxConnections = options.maxConnections ?? 10_000;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('sessionError', () => {});
    this.#server.on('session', (session: ServerHttp2Session) => this.#welcome(session));
  }

  /** Listens, or throws `grpc.listen`. */
  static async listen(options: GrpcServerOptions): Promise<GrpcServer> {
    const server = new GrpcServer(options);
    const { ip, port } = options.listen;
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', (cause) => {
        const address = `${ip}:${port}`;
        reject(new MeshError<GrpcServerFault>({ code: 'grpc.listen', address }, `Cannot listen on ${address}`, cause));
      });
      server.#server.listen({ host: ip, port }, resolve);
    });
    server.#server.on('error', () => {});
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  /** For new connections; those that stand keep theirs. */
  useTls(tls: ServerTls): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext(secureOf(tls));
  }

  /** Takes nothing new, asks every client to leave, and cuts who is still there when `deadline` aborts. */
  async drain(deadline: AbortSignal): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions) {
      if (session.destroyed) continue;
      session.goaway(constants.NGHTTP2_NO_ERROR);
      session.close();
    }
    const cut = (): void => {
      for (const session of this.#sessions) destroy(session);
      // Who has not come as far as a session by now will not.
      setImmediate(() => {
        for (const socket of this.#sockets) socket.destroy();
      });
    };
    if (deadline.aborted) cut();
    else deadline.addEventListener('abort', cut, { once: true });
    await closed;
    deadline.removeEventListener('abort', cut);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(AbortSignal.abort());
  }

  #welcome(session: ServerHttp2Session): void {
    const { clock, random, maxAge } = this.#options;
    this.#sessions.add(session);
    session.setLocalWindowSize(4 << 20);
    const peer = peerOf(session);
    const timers = new DisposableStack();
    const age = ms(maxAge * (0.9 + 0.2 * random()));
    let late = clock.after(age, () => {
      session.close();
      late = clock.after(leaveWithin, () => destroy(session));
    });
    timers.defer(() => late[Symbol.dispose]());
    timers.use(pingWhileOpen(session, clock));
    session.on('error', () => {});
    session.on('stream', (stream, headers) => this.#call(stream, headers, peer));
    session.once('close', () => {
      this.#sessions.delete(session);
      timers.dispose();
    });
  }

  #call(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, peer: Peer): void {
    // Reset in the same packet as it was opened: what is not there cannot be answered, and trying throws.
    if (stream.destroyed || stream.closed) return;
    const path = String(headers[':path']);
    const method = Object.hasOwn(this.#options.methods, path) ? this.#options.methods[path] : undefined;
    if (headers[':method'] !== 'POST' || !String(headers['content-type'] ?? '').startsWith('application/grpc')) {
      refuse(stream);
      return;
    }
    const call = new ServerCall(stream, headers, { peer, limitBytes: method?.limitBytes ?? 0, clock: this.#options.clock });
    if (method === undefined) {
      call.end(grpcCode.unimplemented, `no such method: ${path}`);
      return;
    }
    void method.handle(call).then(
      () => call.end(grpcCode.unknown),
      (e: unknown) => {
        // A client that breaks off is no failure of ours.
        if (call.signal.aborted || isFault(e, 'grpc.broken-off')) return;
        const ours = !(e instanceof MeshError && e.fault.code.startsWith('grpc.'));
        if (ours) this.#options.failed(path, describeError(e));
        call.end(ours ? grpcCode.internal : grpcCode.resourceExhausted, ours ? 'internal error' : describeError(e));
      },
    );
  }
}

/**
 * In a turn of its own, so that trailers which are on their way have left: Node aborts the process when it is asked for the trailers of a
 * stream that is destroyed already.
 */
function destroy(session: ServerHttp2Session): void {
  setImmediate(() => session.destroy());
}

/** Not gRPC at all. */
function refuse(stream: ServerHttp2Stream): void {
  stream.on('error', () => {});
  stream.respond({ ':status': 415 }, { endStream: true });
  stream.close();
}

const secureOf = ({ chainPem, keyPem, rootsPem }: ServerTls) => ({
  cert: chainPem,
  key: keyPem,
  ca: rootsPem,
  minVersion: 'TLSv1.2' as const,
});

function peerOf(session: ServerHttp2Session): Peer {
  const { socket } = session;
  const address = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
  const tls = socket as Partial<TLSSocket>;
  const raw = tls.authorized === true ? tls.getPeerX509Certificate?.()?.raw : undefined;
  const check = raw && checkClient(raw, undefined);
  return { address, identities: check?.ok ? [check.identity] : [], secure: session.encrypted === true };
}

/** A peer that vanished without a word would keep its streams for ever. */
function pingWhileOpen(session: ServerHttp2Session, clock: Clock): Disposable {
  let timer: Disposable;
  const wait = (): void => {
    timer = clock.after(pingEvery, () => {
      // Its end may be on the way already, and a ping would throw.
      if (session.destroyed) return;
      timer = clock.after(pingAnswer, () => destroy(session));
      const sent = session.ping((e) => {
        timer[Symbol.dispose]();
        if (e === null && !session.destroyed) wait();
      });
      if (!sent) destroy(session);
    });
  };
  wait();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
