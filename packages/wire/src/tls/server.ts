// The server's side of the mesh's mutual TLS: demands a client certificate of our trust domain and says whose it is.
// Called by ztunnel's inbound side (and waypoints) for every connection accepted on the tunnel port.
// Credentials are chosen for each handshake, so that a renewed certificate serves the next client; nothing is resumed.
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import { checkClient } from '@ambient-mesh/identity/peer';
import type { RevocationSet } from '@ambient-mesh/identity/revocation';
import { alpn, contextFor, type TlsPolicy } from '@ambient-mesh/identity/tls-context';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { Secured } from './client.ts';
import { handshakeFailed, handshakeTimeout, identify } from './peer.ts';

export interface ServerHandshake {
  readonly credentials: Credentials;
  /** The client, as errors shall call it: an address. */
  readonly who: string;
  /** What is revoked now: peers whose chain holds such a certificate are refused. */
  readonly revocations?: (() => RevocationSet) | undefined;
}

export interface AcceptorOptions {
  readonly policy: TlsPolicy;
  readonly clock: Clock;
  /** Default 10,000. */
  readonly timeoutMs?: number;
}

interface Pending {
  done(socket: TLSSocket): void;
  failed(e: Error, socket: TLSSocket): void;
}

/**
 * A `tls.Server` that never listens: accepted sockets are handed to it, as Node documents (`emit('connection')`). Two of its inner
 * properties are used, and either one's absence makes handshakes fail: `_sharedCreds`, because `setSecureContext` would build a new
 * context (0.3 ms) for each change of identity and drops `allowPartialTrustChain`; and `_parent` of its sockets, to know which is whose.
 */
export class TlsAcceptor {
  readonly #server: Server;
  readonly #options: AcceptorOptions;
  readonly #pending = new Map<unknown, Pending>();

  constructor(options: AcceptorOptions) {
    this.#options = options;
    const { policy } = options;
    // Our own clock times handshakes; Node's must only not come before it.
    this.#server = createServer({
      ...policy,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: [...alpn],
      handshakeTimeout: 2 ** 30,
    });
    this.#server.on('secureConnection', (socket) => this.#secured(socket));
    this.#server.on('tlsClientError', (e, socket) => this.#pending.get(parentOf(socket))?.failed(e, socket));
  }

  /**
   * Takes `raw` over; it is destroyed when this fails.
   * @throws MeshError<TlsFault>, or the signal's reason.
   */
  accept(raw: Socket, { credentials, who, revocations }: ServerHandshake, signal: AbortSignal): Promise<Secured> {
    const { clock, policy, timeoutMs = 10_000 } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Secured>();
    const settle = () => {
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
      raw.off('close', onClose);
      this.#pending.delete(raw);
    };
    const give = (why: unknown) => {
      settle();
      raw.destroy();
      reject(why);
    };
    const onAbort = () => give(signal.reason);
    // The TLS socket closes a little later and knows more.
    const onClose = () => setImmediate(() => give(handshakeFailed(who, undefined)));
    const timer = clock.after(ms(timeoutMs), () => give(handshakeTimeout(who, timeoutMs)));
    const done = (socket: TLSSocket) => {
      try {
        const { rootsPem, identity } = credentials;
        const peer = identify(socket, { who, rootsPem, revocations, check: (leaf) => checkClient(leaf, identity.trustDomain) });
        settle();
        resolve({ socket, peer });
      } catch (e) {
        socket.destroy();
        give(e);
      }
    };
    if (signal.aborted) {
      onAbort();
      return promise;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    raw.on('error', () => {}).on('close', onClose);
    this.#pending.set(raw, { done, failed: (e, socket) => give(handshakeFailed(who, e, untrusted(socket))) });
    // A client that ends in the middle of a handshake is gone; half-open, it would be waited for.
    raw.allowHalfOpen = false;
    Reflect.set(this.#server, '_sharedCreds', contextFor(credentials, policy));
    this.#server.emit('connection', raw);
    return promise;
  }

  #secured(socket: TLSSocket): void {
    const pending = this.#pending.get(parentOf(socket));
    if (pending === undefined || !socket.authorized) {
      socket.destroy();
      return;
    }
    socket.on('error', () => {});
    pending.done(socket);
  }
}

const parentOf = (socket: TLSSocket): unknown => Reflect.get(socket, '_parent');

/** Node destroys a socket whose client's chain is not trusted without an error, and leaves OpenSSL's code (a string) here. */
function untrusted(socket: TLSSocket): string | undefined {
  const code: unknown = socket.authorizationError;
  return typeof code === 'string' ? code : undefined;
}
