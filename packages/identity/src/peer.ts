// Decides whether the other end's certificate names somebody whom we want to speak with.
// Called by wire/tls after a handshake in which OpenSSL has checked signatures, chain and validity against our roots; all here is pure.
// Names come from the raw certificate. Revocation is revocation.ts; what an identity may do is model/authorize.ts.
import { parseSpiffeId, type SpiffeId } from '@ambient-mesh/model/spiffe';
import { oids } from './oids.ts';
import { type CertificateFields, readCertificate } from './x509.ts';

export type PeerFault =
  /** Not a certificate that we can read. */
  | { readonly code: 'peer.unreadable' }
  /** An authority's certificate, which may not stand for a workload (SPIFFE X509-SVID §4.1, §4.3). */
  | { readonly code: 'peer.authority' }
  | { readonly code: 'peer.usage'; readonly missing: 'serverAuth' | 'clientAuth' | 'digitalSignature' }
  | { readonly code: 'peer.nameless' }
  /** More than one identity: which one a policy should judge would be a guess (X509-SVID §2). */
  | { readonly code: 'peer.several-identities'; readonly got: readonly string[] }
  | { readonly code: 'peer.unexpected'; readonly want: readonly string[]; readonly got: readonly string[] }
  | { readonly code: 'peer.trust-domain'; readonly want: string; readonly got: string };

export type PeerCheck = { readonly ok: true; readonly identity: SpiffeId } | { readonly ok: false; readonly refused: PeerFault };

/** A server's certificate: one of its identities must be exactly one of those expected. DNS names and addresses count for nothing. */
export function checkServer(raw: Buffer, expected: readonly SpiffeId[]): PeerCheck {
  const certificate = readCertificate(raw);
  const fault = unfit(certificate, 'serverAuth');
  if (certificate === undefined || fault) return refused(fault ?? { code: 'peer.unreadable' });
  const got = identitiesOf(certificate);
  if (got.length === 0) return refused({ code: 'peer.nameless' });
  const identity = got.find((id) => expected.some((want) => want.uri === id.uri));
  if (identity) return { ok: true, identity };
  return refused({ code: 'peer.unexpected', want: expected.map((id) => id.uri), got: got.map((id) => id.uri) });
}

/**
 * A client's certificate: exactly one identity, of our trust domain. Namespace and service account are for policy to judge.
 * `trustDomain` is undefined when our own certificate has no SPIFFE name; then any is accepted.
 */
export function checkClient(raw: Buffer, trustDomain: string | undefined): PeerCheck {
  const certificate = readCertificate(raw);
  const fault = unfit(certificate, 'clientAuth');
  if (certificate === undefined || fault) return refused(fault ?? { code: 'peer.unreadable' });
  const [identity, ...others] = identitiesOf(certificate);
  if (identity === undefined) return refused({ code: 'peer.nameless' });
  if (others.length > 0) return refused({ code: 'peer.several-identities', got: [identity, ...others].map((id) => id.uri) });
  if (trustDomain !== undefined && identity.trustDomain !== trustDomain) {
    return refused({ code: 'peer.trust-domain', want: trustDomain, got: identity.uri });
  }
  return { ok: true, identity };
}

/** One sentence for the log. At most three names of each kind are printed, each escaped. */
export function explainPeer(fault: PeerFault): string {
  switch (fault.code) {
    case 'peer.unreadable':
      return 'the peer showed a certificate that cannot be read';
    case 'peer.authority':
      return 'the peer showed the certificate of an authority, not of a workload';
    case 'peer.usage':
      return `the peer's certificate is not for this use: ${fault.missing} is missing`;
    case 'peer.nameless':
      return "the peer's certificate holds no SPIFFE identity";
    case 'peer.several-identities':
      return `the peer's certificate holds several identities: ${some(fault.got)}`;
    case 'peer.unexpected':
      return `identity mismatch: expected ${some(fault.want)}, the peer is ${some(fault.got)}`;
    case 'peer.trust-domain':
      return `the peer ${fault.got} is not of trust domain ${fault.want}`;
    default:
      return fault satisfies never;
  }
}

const refused = (fault: PeerFault): PeerCheck => ({ ok: false, refused: fault });

/**
 * OpenSSL refuses a wrong extended usage but takes a missing one for "any", and lets an authority's certificate stand for a server.
 * The mesh's authorities set both, so their absence means that the certificate was made for something else.
 */
function unfit(certificate: CertificateFields | undefined, usage: 'serverAuth' | 'clientAuth'): PeerFault | undefined {
  if (certificate === undefined) return { code: 'peer.unreadable' };
  const { isAuthority, keyUsage, extendedKeyUsage } = certificate;
  if (isAuthority || keyUsage?.includes('keyCertSign')) return { code: 'peer.authority' };
  if (!extendedKeyUsage?.includes(oids[usage])) return { code: 'peer.usage', missing: usage };
  if (keyUsage && !keyUsage.includes('digitalSignature')) return { code: 'peer.usage', missing: 'digitalSignature' };
  return undefined;
}

/** The characters of a SPIFFE ID (SPIFFE-ID §2), and upper case for lenient authorities: quotes, commas, NUL and the like make no identity. */
const spiffeCharacters = /^spiffe:\/\/[a-zA-Z0-9._/-]*$/;

function identitiesOf(certificate: CertificateFields): SpiffeId[] {
  return certificate.uris.flatMap((uri) => (spiffeCharacters.test(uri) && parseSpiffeId(uri)) || []);
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(' or ');
  return names.length > 3 ? `${shown} or ${names.length - 3} others` : shown || 'nobody';
}
