// Checks the signature over a structure that someone else signed.
// Used for requests (csr.ts) and revocation lists (crl.ts); certificates in a handshake are OpenSSL's affair.
// SHA-1 and RSA-PSS are left out on purpose: no mesh authority signs these with them.
import { type KeyObject, verify } from 'node:crypto';
import { parseDer, readOid, tags } from './der.ts';
import { oids } from './oids.ts';

interface Scheme {
  readonly key: string;
  /** null: the scheme hashes by itself. */
  readonly hash: string | null;
}

const schemes: ReadonlyMap<string, Scheme> = new Map([
  [oids.ecdsaSha256, { key: 'ec', hash: 'sha256' }],
  [oids.ecdsaSha384, { key: 'ec', hash: 'sha384' }],
  [oids.ecdsaSha512, { key: 'ec', hash: 'sha512' }],
  [oids.rsaSha256, { key: 'rsa', hash: 'sha256' }],
  [oids.rsaSha384, { key: 'rsa', hash: 'sha384' }],
  [oids.rsaSha512, { key: 'rsa', hash: 'sha512' }],
  [oids.ed25519, { key: 'ed25519', hash: null }],
]);

export interface Signed {
  /** The signed element, whole. */
  readonly body: Buffer;
  /** AlgorithmIdentifier, whole. */
  readonly algorithm: Buffer;
  readonly signature: Buffer;
}

/** The scheme of an AlgorithmIdentifier; undefined for one that is not accepted. */
export function schemeOf(algorithm: Buffer): Scheme | undefined {
  const id = parseDer(algorithm, (whole) => {
    const parts = whole.enter(tags.sequence);
    const dotted = readOid(parts.take(tags.oid));
    if (parts.more) parts.skip();
    return dotted;
  });
  return id === undefined ? undefined : schemes.get(id);
}

/** False also for a scheme that is not accepted or does not fit the key. */
export function isSignedBy(key: KeyObject, { body, algorithm, signature }: Signed): boolean {
  const scheme = schemeOf(algorithm);
  return scheme !== undefined && scheme.key === key.asymmetricKeyType && verify(scheme.hash, body, key, signature);
}
