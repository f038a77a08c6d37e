// Builds and signs one certificate exactly as told: any shape, odd ones too.
// authority.ts decides what a proper certificate is; testing/ uses this to make improper ones.
// Structure is DER by der-write.ts; the signature is node:crypto's.
import { createHash, type KeyObject, randomBytes } from 'node:crypto';
import { bits, boolean, context, type Der, embed, encode, integer, octets, oid, sequence, set, time, utf8 } from './der-write.ts';
import { oids } from './oids.ts';
import { algorithmOf, extension, namesExtension, signed } from './sign.ts';
import { type KeyUsage, keyUsages } from './x509.ts';

export interface CertificateShape {
  /** Empty when neither is given; then the names extension is critical (RFC 5280 §4.2.1.6). */
  readonly subject: { readonly organization?: string; readonly commonName?: string };
  /** Whole DER of a name to take over as it is, in place of `subject`. */
  readonly name?: Buffer;
  readonly publicKey: KeyObject;
  /** Milliseconds since the epoch, cut to the second. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** URI names; each character is one byte. */
  readonly uris: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly isAuthority: boolean;
  readonly keyUsage: readonly KeyUsage[];
  /** Dotted identifiers. */
  readonly extendedKeyUsage: readonly string[];
}

export interface Signer {
  /** Whole DER. */
  readonly name: Buffer;
  readonly key: KeyObject;
  /** Absent when the issuer's certificate has none to point at. */
  readonly keyId: Buffer | undefined;
}

/** The certificate as DER. Without a signer it signs itself, for which `selfKey` is the private key of `shape.publicKey`. */
export function issueCertificate(shape: CertificateShape, by: Signer | { readonly selfKey: KeyObject }): Buffer {
  const subject = shape.name === undefined ? nameOf(shape.subject) : embed(shape.name);
  const publicKey = shape.publicKey.export({ type: 'spki', format: 'der' });
  const signer = 'selfKey' in by ? { name: encode(subject), key: by.selfKey, keyId: keyIdOf(publicKey) } : by;
  const algorithm = algorithmOf(signer.key);
  const toBeSigned = encode(
    sequence(
      context(0, [integer(2)]),
      integer(newSerial()),
      algorithm.identifier,
      embed(signer.name),
      sequence(time(shape.notBefore), time(shape.notAfter)),
      subject,
      embed(publicKey),
      context(3, [sequence(...extensionsOf(shape, publicKey, signer))]),
    ),
  );
  return signed(toBeSigned, signer.key);
}

/** RFC 7093 §2 method 1: the leftmost 160 bits of the SHA-256 of the key. */
const keyIdOf = (publicKey: Buffer): Buffer => createHash('sha256').update(publicKey).digest().subarray(0, 20);

/** 126 random bits: positive, never empty, never a repeat (RFC 5280 §4.1.2.2 asks for at most 20 octets). */
function newSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

function nameOf(subject: CertificateShape['subject']): Der {
  const part = (id: string, value: string | undefined): Der[] => (value === undefined ? [] : [set(sequence(oid(id), utf8(value)))]);
  return sequence(...part(oids.organization, subject.organization), ...part(oids.commonName, subject.commonName));
}

function extensionsOf(shape: CertificateShape, publicKey: Buffer, signer: Signer): Der[] {
  const { commonName, organization } = shape.subject;
  const anonymous = shape.name === undefined && commonName === undefined && organization === undefined;
  const { isAuthority, keyUsage, extendedKeyUsage, uris, dnsNames = [] } = shape;
  return [
    ...(keyUsage.length > 0 ? [extension(oids.keyUsage, true, keyUsageBits(keyUsage))] : []),
    ...(extendedKeyUsage.length > 0 ? [extension(oids.extendedKeyUsage, false, sequence(...extendedKeyUsage.map(oid)))] : []),
    extension(oids.basicConstraints, true, sequence(...(isAuthority ? [boolean(true)] : []))),
    extension(oids.subjectKeyId, false, octets(keyIdOf(publicKey))),
    ...(signer.keyId ? [extension(oids.authorityKeyId, false, sequence(context(0, signer.keyId)))] : []),
    ...(uris.length + dnsNames.length > 0 ? [namesExtension(uris, anonymous, dnsNames)] : []),
  ];
}

/** A named bit list: trailing zero bits are left out (X.690 §11.2.2). */
function keyUsageBits(usages: readonly KeyUsage[]): Der {
  const mask = usages.reduce((sum, usage) => sum | (0x80 >> keyUsages.indexOf(usage)), 0);
  return bits(Buffer.of(mask), 31 - Math.clz32(mask & -mask));
}
