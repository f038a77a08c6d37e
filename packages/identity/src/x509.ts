// Reads the fields of a certificate that decisions rest on, straight from its DER (RFC 5280).
// Used by peer.ts, credentials.ts, authority.ts and revocation.ts; signatures and chains are node:crypto's and OpenSSL's affair.
// Names are never taken from a printed form: a quote or comma inside one must not become a second name.
import { contextTag, type DerCursor, parseDer, readBoolean, readInteger, readOid, refuse, tags, takeTime } from './der.ts';
import { oids } from './oids.ts';

export interface CertificateFields {
  /** Lower-case hexadecimal, no leading zero byte. */
  readonly serial: string;
  /** Distinguished names as whole DER, to be compared byte for byte. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SubjectPublicKeyInfo as whole DER. */
  readonly publicKey: Buffer;
  /** URI names in certificate order, each byte one character: may hold anything, NUL included. */
  readonly uris: readonly string[];
  /** basicConstraints cA. */
  readonly isAuthority: boolean;
  /** Absent when the certificate has no such extension. */
  readonly keyUsage?: readonly KeyUsage[];
  /** Dotted; absent when the certificate has no such extension. */
  readonly extendedKeyUsage?: readonly string[];
  readonly subjectKeyId?: Buffer;
}

/** In the order of RFC 5280 §4.2.1.3: the index is the bit. */
export const keyUsages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
] as const;
export type KeyUsage = (typeof keyUsages)[number];

/** A certificate of ours is under 2 KiB; a bigger one than this is not read. */
const maxCertificateBytes = 64 * 1024;
const maxNames = 64;

/** @returns undefined when the bytes are not one certificate in DER, are over 64 KiB, carry over 64 URIs, or carry an extension twice. */
export function readCertificate(der: Buffer): CertificateFields | undefined {
  if (der.length > maxCertificateBytes) return undefined;
  return parseDer(der, (whole) => {
    const certificate = whole.enter(tags.sequence);
    const fields = readToBeSigned(certificate.enter(tags.sequence));
    certificate.take(tags.sequence);
    certificate.take(tags.bitString);
    certificate.finish();
    return fields;
  });
}

function readToBeSigned(tbs: DerCursor): CertificateFields {
  tbs.optional(contextTag(0, 'constructed'));
  const serial = readInteger(tbs.take(tags.integer));
  tbs.take(tags.sequence);
  const issuer = tbs.takeWhole(tags.sequence);
  const validity = tbs.enter(tags.sequence);
  const notBefore = takeTime(validity);
  const notAfter = takeTime(validity);
  validity.finish();
  const subject = tbs.takeWhole(tags.sequence);
  const publicKey = tbs.takeWhole(tags.sequence);
  tbs.optional(contextTag(1, 'primitive'));
  tbs.optional(contextTag(2, 'primitive'));
  const extensions = tbs.tag === contextTag(3, 'constructed') ? readExtensions(tbs.enter(contextTag(3, 'constructed'))) : new Map();
  tbs.finish();
  return { serial, issuer, subject, notBefore, notAfter, publicKey, ...readKnownExtensions(extensions) };
}

export interface Extension {
  readonly critical: boolean;
  readonly value: Buffer;
}

/** By dotted identifier. An identifier that occurs twice is refused (RFC 5280 §4.2), so that no two readers can see different names. */
export function readExtensions(wrapped: DerCursor): ReadonlyMap<string, Extension> {
  const list = wrapped.enter(tags.sequence);
  wrapped.finish();
  const found = new Map<string, Extension>();
  while (list.more) {
    const extension = list.enter(tags.sequence);
    const id = readOid(extension.take(tags.oid));
    const critical = extension.optional(tags.boolean);
    if (found.has(id)) refuse('extension twice');
    found.set(id, { critical: critical !== undefined && readBoolean(critical), value: extension.take(tags.octetString) });
    extension.finish();
  }
  return found;
}

type KnownExtensions = Pick<CertificateFields, 'uris' | 'isAuthority' | 'keyUsage' | 'extendedKeyUsage' | 'subjectKeyId'>;

function readKnownExtensions(extensions: ReadonlyMap<string, Extension>): KnownExtensions {
  const read = <T>(id: string, how: (cursor: DerCursor) => T): T | undefined => {
    const extension = extensions.get(id);
    return extension && (parseDer(extension.value, how) ?? refuse(`extension ${id}`));
  };
  const keyUsage = read(oids.keyUsage, readKeyUsage);
  const extendedKeyUsage = read(oids.extendedKeyUsage, readOids);
  const subjectKeyId = read(oids.subjectKeyId, (cursor) => cursor.take(tags.octetString));
  return {
    uris: read(oids.subjectAltName, readUris) ?? [],
    isAuthority: read(oids.basicConstraints, readBasicConstraints) ?? false,
    ...(keyUsage && { keyUsage }),
    ...(extendedKeyUsage && { extendedKeyUsage }),
    ...(subjectKeyId && { subjectKeyId }),
  };
}

/** GeneralNames; every kind but uniformResourceIdentifier ([6]) is skipped. */
export function readUris(cursor: DerCursor): readonly string[] {
  const names = cursor.enter(tags.sequence);
  const uris: string[] = [];
  while (names.more) {
    const uri = names.optional(contextTag(6, 'primitive'));
    if (uri === undefined) names.skip();
    else if (uris.push(uri.toString('latin1')) > maxNames) refuse('too many names');
  }
  return uris;
}

function readBasicConstraints(cursor: DerCursor): boolean {
  const flag = cursor.enter(tags.sequence).optional(tags.boolean);
  return flag !== undefined && readBoolean(flag);
}

function readKeyUsage(cursor: DerCursor): readonly KeyUsage[] {
  const [, first = 0] = cursor.take(tags.bitString);
  return keyUsages.filter((_, bit) => (first & (0x80 >> bit)) !== 0);
}

function readOids(cursor: DerCursor): readonly string[] {
  const list = cursor.enter(tags.sequence);
  const found: string[] = [];
  while (list.more) found.push(readOid(list.take(tags.oid)));
  return found;
}
