// Turns credentials into what node:tls wants, under the mesh's TLS policy.
// Used by wire/tls for both ends of a tunnel (and, policy only, for the control plane's connections).
// Who the peer is gets decided by peer.ts after the handshake; revocation by revocation.ts.
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Credentials } from './credentials.ts';

/** One per process, made once: contexts are cached per policy object. */
export interface TlsPolicy {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.3';
  /** OpenSSL names, in order of preference. */
  readonly ciphers: string;
  /** Key exchange groups, in order of preference; a client sends a share for the first. */
  readonly ecdhCurve: string;
}

const tls13 = 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256';
const tls12 = 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256';

/** `tls12` allows TLS 1.2 beside 1.3 (TLS12_ENABLED); `pqc` allows only the post-quantum hybrid exchange (COMPLIANCE_POLICY=pqc). */
export const tlsPolicy = (options: { readonly tls12?: boolean; readonly pqc?: boolean } = {}): TlsPolicy => ({
  minVersion: options.tls12 ? 'TLSv1.2' : 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: options.tls12 ? `${tls13}:${tls12}` : tls13,
  ecdhCurve: options.pqc ? 'X25519MLKEM768' : 'X25519:P-256:P-384:X25519MLKEM768',
});

/** The only protocol inside; both sides offer it. */
export const alpn = ['h2'] as const;

const contexts = new WeakMap<Credentials, WeakMap<TlsPolicy, SecureContext>>();

/**
 * The context for these credentials, for client and server alike; made on first use (0.3 ms) and kept as long as they are.
 * Trusts exactly their roots, whatever certificates those are (an intermediate may be a trust anchor), and issues no session tickets.
 * @throws when OpenSSL does not accept certificate, key or roots, which credentials.ts has made sure of.
 */
export function contextFor(credentials: Credentials, policy: TlsPolicy): SecureContext {
  const byPolicy = contexts.getOrInsertComputed(credentials, () => new WeakMap<TlsPolicy, SecureContext>());
  return byPolicy.getOrInsertComputed(policy, () => makeContext(credentials, policy));
}

function makeContext({ certChainPem, keyPem, rootsPem }: Credentials, policy: TlsPolicy): SecureContext {
  return createSecureContext({
    ...policy,
    cert: certChainPem,
    key: keyPem,
    ca: [...rootsPem],
    allowPartialTrustChain: true,
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
}
