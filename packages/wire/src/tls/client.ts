// The client's side of the mesh's mutual TLS: proves who we are, and checks that the server is one of those expected.
// Called by hbone/open-tunnel.ts on a dialled socket, by hbone/double.ts on a stream inside a tunnel.
// Signatures, chain and validity are OpenSSL's work; names are identity/peer's. No server name is sent, no session resumed.
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import { checkServer } from '@ambient-mesh/identity/peer';
import type { RevocationSet } from '@ambient-mesh/identity/revocation';
import { alpn, contextFor, type TlsPolicy } from '@ambient-mesh/identity/tls-context';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { handshakeFailed, handshakeTimeout, identify, type Peer } from './peer.ts';

export interface Secured {
  readonly socket: TLSSocket;
  readonly peer: Peer;
}

export interface ClientHandshake {
  readonly credentials: Credentials;
  readonly policy: TlsPolicy;
  /** The server must be one of these. */
  readonly expected: readonly SpiffeId[];
  /** The server, as errors shall call it: an address. */
  readonly who: string;
  /** What is revoked now: peers whose chain holds such a certificate are refused. */
  readonly revocations?: (() => RevocationSet) | undefined;
  readonly clock: Clock;
  /** Default 10,000. */
  readonly timeoutMs?: number;
}

/**
 * Takes `raw` over; it is destroyed when this fails.
 * @throws MeshError<TlsFault>, or the signal's reason.
 */
export function connectTls(raw: Duplex, handshake: ClientHandshake, signal: AbortSignal): Promise<Secured> {
  const { credentials, policy, expected, who, revocations, clock, timeoutMs = 10_000 } = handshake;
  const { promise, resolve, reject } = Promise.withResolvers<Secured>();
  const socket = connect({
    socket: raw,
    secureContext: contextFor(credentials, policy),
    ALPNProtocols: [...alpn],
    // Said outright, or NODE_TLS_REJECT_UNAUTHORIZED could turn it off.
    rejectUnauthorized: true,
    // Names are checked on the raw certificate below, never on Node's printed form of it.
    checkServerIdentity: () => undefined,
  });
  const settle = () => {
    timer[Symbol.dispose]();
    signal.removeEventListener('abort', onAbort);
  };
  const give = (why: unknown) => {
    settle();
    socket.destroy();
    raw.destroy();
    reject(why);
  };
  const onAbort = () => give(signal.reason);
  const timer = clock.after(ms(timeoutMs), () => give(handshakeTimeout(who, timeoutMs)));
  // Stays for good: whoever takes the socket later is told by `close`, and must not crash before it listens.
  socket.on('error', (e) => give(handshakeFailed(who, e)));
  socket.once('close', () => give(handshakeFailed(who, undefined)));
  socket.once('secureConnect', () => {
    try {
      const { rootsPem } = credentials;
      const peer = identify(socket, { who, rootsPem, revocations, check: (leaf) => checkServer(leaf, expected) });
      settle();
      resolve({ socket, peer });
    } catch (e) {
      give(e);
    }
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return promise;
}
