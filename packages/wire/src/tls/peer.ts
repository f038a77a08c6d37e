// Who is at the other end of a mutual-TLS connection, read from the certificates that it showed.
// Made by client.ts and server.ts after the checks of identity/peer; revocation checks and telemetry read it.
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';

export interface Peer {
  /** What policy and telemetry call the peer. */
  readonly identity: SpiffeId;
  /** DER of what the peer showed: its leaf first, then intermediates as far as they link up; no root. For revocation checks. */
  readonly chain: readonly Buffer[];
}

/** At most this many certificates are looked at. */
const maxChain = 8;

/** DER certificates, leaf first; empty when the peer showed none. A self-signed one at the end is left out. */
export function chainOf(socket: TLSSocket): readonly Buffer[] {
  const chain: Buffer[] = [];
  let at: Partial<DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true);
  while (at?.raw !== undefined && chain.length < maxChain) {
    const issuer: Partial<DetailedPeerCertificate> | undefined = at.issuerCertificate;
    const selfSigned = issuer?.raw !== undefined && issuer.raw.equals(at.raw);
    if (!selfSigned || chain.length === 0) chain.push(at.raw);
    if (selfSigned) break;
    at = issuer;
  }
  return chain;
}
