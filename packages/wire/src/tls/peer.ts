// Who is at the other end of a mutual-TLS connection, and why a handshake with it failed.
// Made by client.ts and server.ts after the checks of identity/peer; revocation checks and telemetry read it.
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { explainPeer, type PeerCheck, type PeerFault } from '@ambient-mesh/identity/peer';
import type { RevocationFault, RevocationSet } from '@ambient-mesh/identity/revocation';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import { MeshError } from '@ambient-mesh/runtime/errors';

export interface Peer {
  /** What policy and telemetry call the peer. */
  readonly identity: SpiffeId;
  /** DER of the certificates that the peer showed, leaf first, as far as each was issued by the next; no root. For revocation checks. */
  readonly chain: readonly Buffer[];
  /** The roots that it was checked against. */
  readonly rootsPem: readonly string[];
}

/** What a finished handshake is judged by. */
export interface Judgement {
  /** The peer, as errors shall call it. */
  readonly who: string;
  readonly rootsPem: readonly string[];
  readonly check: (leaf: Buffer) => PeerCheck;
  /** Asked when the handshake is done, not when it began: lists may have come meanwhile. */
  readonly revocations: (() => RevocationSet) | undefined;
}

export type TlsFault =
  | { readonly code: 'tls.timeout'; readonly afterMs: number }
  /** The peer closed the connection during the handshake. */
  | { readonly code: 'tls.closed' }
  /** OpenSSL's or Node's code: no common cipher, an untrusted or expired chain, no certificate, not TLS at all. */
  | { readonly code: 'tls.failed'; readonly reason: string }
  /** The chain is good, but the certificate does not name whom we want to speak with. */
  | { readonly code: 'tls.peer'; readonly refused: PeerFault }
  | { readonly code: 'tls.revoked'; readonly refused: RevocationFault };

/** At most this many certificates are looked at. */
const maxChain = 8;

/**
 * Judges and describes the peer of a socket whose handshake is done.
 * @throws MeshError<TlsFault> when it is refused.
 */
export function identify(socket: TLSSocket, { who, rootsPem, check, revocations }: Judgement): Peer {
  const chain = shownBy(socket);
  const [leaf] = chain;
  const checked: PeerCheck = leaf === undefined ? { ok: false, refused: { code: 'peer.unreadable' } } : check(leaf);
  if (!checked.ok) {
    throw new MeshError<TlsFault>({ code: 'tls.peer', refused: checked.refused }, `${who}: ${explainPeer(checked.refused)}`);
  }
  const verdict = revocations?.().check(chain, rootsPem);
  if (verdict?.ok === false) {
    const text = `${who}: the certificate of ${checked.identity.uri} was refused: ${verdict.refused.code}`;
    throw new MeshError<TlsFault>({ code: 'tls.revoked', refused: verdict.refused }, text);
  }
  return { identity: checked.identity, chain, rootsPem };
}

/** Leaf first. A root at the end is left out: OpenSSL sends it along when the leaf has no intermediate, and it proves nothing. */
function shownBy(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  let at: X509Certificate | undefined = socket.getPeerX509Certificate();
  for (; at !== undefined && chain.length < maxChain; at = at.issuerCertificate) {
    if (chain.length > 0 && at.checkIssued(at)) break;
    chain.push(at.raw);
  }
  return chain;
}

/** `e`: what the TLS socket reported; undefined when it only closed. `untrusted`: OpenSSL's verdict on the peer's chain, if it was bad. */
export function handshakeFailed(who: string, e: Error | undefined, untrusted?: string): MeshError<TlsFault> {
  const reason = untrusted ?? (e === undefined ? undefined : ((e as NodeJS.ErrnoException).code ?? 'UNKNOWN'));
  if (reason === undefined || closings.has(reason)) {
    return new MeshError<TlsFault>({ code: 'tls.closed' }, `${who}: the peer closed the connection during the TLS handshake`, e);
  }
  return new MeshError<TlsFault>({ code: 'tls.failed', reason }, `${who}: TLS handshake failed: ${reason}`, e);
}

const closings = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']);

export function handshakeTimeout(who: string, afterMs: number): MeshError<TlsFault> {
  return new MeshError<TlsFault>({ code: 'tls.timeout', afterMs }, `${who}: TLS handshake not done within ${afterMs} ms`);
}
