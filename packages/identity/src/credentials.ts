// What a workload proves itself with: its certificate, its key and the roots it trusts, as plain data.
// Made from a certificate authority's answer, kept by certificate-book.ts, used by tls-context.ts, sent to data workers by structured clone.
// Holds a private key: never log it, never put it in an error or a dump (describeCredentials is what a dump may show).
import { type KeyObject, X509Certificate } from 'node:crypto';
import { parseSpiffeId, type SpiffeId } from '@ambient-mesh/model/spiffe';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { privatePem } from './keys.ts';
import { pemBlocks, toPem } from './pem.ts';
import { type CertificateFields, readCertificate } from './x509.ts';

export interface Credentials {
  readonly identity: SpiffeId;
  /** Leaf followed by intermediates; never the root. */
  readonly certChainPem: string;
  /** PKCS#8. */
  readonly keyPem: string;
  /** One certificate each. */
  readonly rootsPem: readonly string[];
  /** Of the leaf, in milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Why a certificate authority's answer cannot be used. */
export type AnswerFault =
  | { readonly code: 'certificate.empty' }
  | { readonly code: 'certificate.no-root' }
  | { readonly code: 'certificate.unreadable'; readonly part: 'leaf' | 'intermediate' | 'root' }
  | { readonly code: 'certificate.wrong-identity'; readonly want: string; readonly got: string | undefined }
  | { readonly code: 'certificate.wrong-key' }
  | { readonly code: 'certificate.expired'; readonly notAfter: number };

export interface Asked {
  readonly identity: SpiffeId;
  readonly key: KeyObject;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: number;
}

/** Enough for any rotation; an answer with more is not one. */
const maxCertificates = 64;

/**
 * Reads an answer of the certificate service: leaf first, root bundle last, intermediates between; each element is PEM.
 * @throws MeshError<AnswerFault> when it is incomplete, is for someone else or for another key, or has expired already.
 */
export function readAnswer(answer: readonly string[], { identity, key, now }: Asked): Credentials {
  const bundle = answer.at(-1);
  if (bundle === undefined)
    throw new MeshError<AnswerFault>({ code: 'certificate.empty' }, 'the certificate authority sent no certificate');
  if (answer.length === 1) throw new MeshError<AnswerFault>({ code: 'certificate.no-root' }, 'the certificate authority sent no root');
  const [leaf, ...intermediates] = answer.slice(0, -1).flatMap((pem, at) => certificatesIn(pem, at === 0 ? 'leaf' : 'intermediate'));
  const roots = certificatesIn(bundle, 'root');
  const fields = leaf && readCertificate(leaf);
  if (leaf === undefined || fields === undefined) throw unreadable('leaf');
  if (intermediates.length + roots.length > maxCertificates) throw unreadable('root');
  checkLeaf(leaf, fields, { identity, key, now });
  return {
    identity,
    certChainPem: [leaf, ...intermediates].map((der) => toPem(der, 'CERTIFICATE')).join(''),
    keyPem: privatePem(key),
    rootsPem: roots.map((der) => toPem(der, 'CERTIFICATE')),
    notBefore: fields.notBefore,
    notAfter: fields.notAfter,
  };
}

/** Name: the first URI, exactly (what a peer would take us for). */
function checkLeaf(der: Buffer, fields: CertificateFields, { identity, key, now }: Asked): void {
  const got = fields.uris[0];
  if (got === undefined || parseSpiffeId(got)?.uri !== identity.uri) {
    const fault: AnswerFault = { code: 'certificate.wrong-identity', want: identity.uri, got };
    throw new MeshError(
      fault,
      `asked for a certificate for ${identity.uri}, got one for ${got === undefined ? 'nobody' : JSON.stringify(got)}`,
    );
  }
  if (!new X509Certificate(der).checkPrivateKey(key)) {
    throw new MeshError<AnswerFault>(
      { code: 'certificate.wrong-key' },
      `the certificate for ${identity.uri} is not for the key that asked for it`,
    );
  }
  if (fields.notAfter <= now) {
    const fault: AnswerFault = { code: 'certificate.expired', notAfter: fields.notAfter };
    throw new MeshError(fault, `the certificate for ${identity.uri} expired on arrival, at ${new Date(fields.notAfter).toISOString()}`);
  }
}

/** At least one certificate, each readable by OpenSSL, which is what will use them, and fit to be shown. */
function certificatesIn(pem: string, part: 'leaf' | 'intermediate' | 'root'): Buffer[] {
  const blocks = pemBlocks(pem, 'CERTIFICATE');
  if (blocks.length === 0 || !blocks.every(isCertificate)) throw unreadable(part);
  return blocks;
}

function isCertificate(der: Buffer): boolean {
  try {
    describeDer(der);
    return new X509Certificate(der).raw.equals(der);
  } catch {
    return false;
  }
}

const unreadable = (part: 'leaf' | 'intermediate' | 'root'): MeshError<AnswerFault> =>
  new MeshError({ code: 'certificate.unreadable', part }, `the certificate authority sent an unreadable ${part} certificate`);

/** One certificate as config_dump shows it; other people's tools read these names. */
export interface CertificateDescription {
  /** Base64 of the PEM text. */
  readonly pem: string;
  /** Decimal. */
  readonly serialNumber: string;
  /** RFC 3339 to the second. */
  readonly validFrom: string;
  readonly expirationTime: string;
}

/** The public half, for dumps. */
export function describeCredentials(credentials: Credentials): {
  readonly certChain: readonly CertificateDescription[];
  readonly rootCerts: readonly CertificateDescription[];
} {
  return { certChain: describePem(credentials.certChainPem), rootCerts: credentials.rootsPem.flatMap(describePem) };
}

function describePem(text: string): CertificateDescription[] {
  return pemBlocks(text, 'CERTIFICATE').map(describeDer);
}

/** Throws on dates that are none; a serial number may be negative (RFC 5280 §4.1.2.2 asks readers to bear with that). */
function describeDer(der: Buffer): CertificateDescription {
  const { serialNumber, validFrom, validTo } = new X509Certificate(der);
  const pem = Buffer.from(toPem(der, 'CERTIFICATE')).toString('base64');
  const magnitude = BigInt(`0x${serialNumber.replace('-', '')}`);
  return {
    pem,
    serialNumber: `${serialNumber.startsWith('-') ? -magnitude : magnitude}`,
    validFrom: seconds(validFrom),
    expirationTime: seconds(validTo),
  };
}

/** From the text: Node's own Date of a malformed time is whatever was in memory. */
const seconds = (date: string): string => new Date(date).toISOString().replace(/\.\d+Z$/, 'Z');
