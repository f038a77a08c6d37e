// A signing authority: turns a certificate request into a workload certificate and its chain.
// Used by the certificate service (istiod-lite, and the stand-in in tests); who may have which identity is decided by the caller.
// Also makes roots and intermediates. Structure by issue.ts; keys and signatures by node:crypto.
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import { readCsr } from './csr.ts';
import { issueCertificate, type Signer } from './issue.ts';
import { type KeyPair, newKeyPair, privatePem } from './keys.ts';
import { oids } from './oids.ts';
import { pemBlocks, toPem } from './pem.ts';
import { type CertificateFields, readCertificate } from './x509.ts';

export interface AuthorityMaterial {
  /** The certificate that signs. */
  readonly certPem: string;
  /** Its private key: EC, RSA or Ed25519, any PEM form. */
  readonly keyPem: string;
  /** Certificates above the signing one, nearest first; empty when there are none. Roots among them are left out of answers. */
  readonly chainPem: string;
  /** What clients shall trust: one root or several. */
  readonly rootsPem: string;
}

export type AuthorityFault = { readonly code: 'authority.unusable'; readonly problem: 'certificate' | 'not-a-ca' | 'key' | 'roots' };

export interface AuthorityOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Lifetime when the request names none. Default a day. */
  readonly defaultTtlMs?: number;
  /** Longest lifetime granted; longer wishes are cut to it. Default 90 days. */
  readonly maxTtlMs?: number;
}

export interface Wish {
  readonly csrPem: string;
  /** The one name that the certificate will carry, whatever the request says. */
  readonly identity: SpiffeId;
  /** 0 or less asks for the default. */
  readonly ttlSeconds: number;
  /** Refuse a request that asks for any other name. Default false. */
  readonly strict?: boolean;
}

export type Grant =
  | { readonly chainPem: readonly string[] }
  | { readonly refused: 'unreadable request' | 'other names' | 'authority expired' };

const dayMs = 86_400_000;
/** A certificate is valid from a little before now, because clocks differ. As istiod does. */
const clockSkewMs = 120_000;

export class Authority {
  readonly #signer: Signer;
  readonly #certificate: CertificateFields;
  readonly #chain: readonly string[];
  readonly #options: AuthorityOptions;
  readonly rootsPem: string;

  /** @throws MeshError<AuthorityFault> when certificate, key and roots do not make an authority. */
  constructor(material: AuthorityMaterial, options: AuthorityOptions) {
    const { signer, certificate } = readSigner(material);
    const roots = pemBlocks(material.rootsPem, 'CERTIFICATE');
    if (roots.length === 0) throw unusable('roots', 'has no root');
    this.#certificate = certificate;
    this.#signer = signer;
    this.#options = options;
    this.rootsPem = material.rootsPem;
    const all = pemBlocks(material.certPem + material.chainPem, 'CERTIFICATE');
    const between = all.filter((one) => !roots.some((root) => root.equals(one)));
    this.#chain = [...between.map((one) => toPem(one, 'CERTIFICATE')), material.rootsPem];
  }

  /** The answer of the certificate service: leaf, intermediates, root bundle. Never outlives the authority's own certificate. */
  issue({ csrPem, identity, ttlSeconds, strict = false }: Wish): Grant {
    const request = readCsr(csrPem);
    if (request === undefined) return { refused: 'unreadable request' };
    if (strict && (request.otherNames || request.uris.some((uri) => uri !== identity.uri))) return { refused: 'other names' };
    const { clock, defaultTtlMs = dayMs, maxTtlMs = 90 * dayMs } = this.#options;
    const now = clock.now();
    const ttl = Math.min(ttlSeconds > 0 ? ttlSeconds * 1_000 : defaultTtlMs, maxTtlMs);
    const notAfter = Math.min(now + ttl, this.#certificate.notAfter);
    if (notAfter <= now) return { refused: 'authority expired' };
    const leaf = issueCertificate(
      { ...workloadShape, publicKey: request.publicKey, uris: [identity.uri], notBefore: now - clockSkewMs, notAfter },
      this.#signer,
    );
    return { chainPem: [toPem(leaf, 'CERTIFICATE'), ...this.#chain] };
  }

  /** A certificate for a server of our own, with a new key: the chain, leaf first, and the key as PEM. Cut like any other to the authority's own end. */
  issueServing(dnsNames: readonly string[], ttlMs: number): ServingCertificate | { readonly refused: 'authority expired' } {
    const pair = newKeyPair();
    const now = this.#options.clock.now();
    const notAfter = Math.min(now + ttlMs, this.#certificate.notAfter);
    if (notAfter <= now) return { refused: 'authority expired' };
    const leaf = issueCertificate(
      { ...workloadShape, publicKey: pair.publicKey, uris: [], dnsNames, notBefore: now - clockSkewMs, notAfter },
      this.#signer,
    );
    return { chainPem: [toPem(leaf, 'CERTIFICATE'), ...this.#chain.slice(0, -1)].join(''), keyPem: privatePem(pair.privateKey), notAfter };
  }
}

export interface ServingCertificate {
  readonly chainPem: string;
  readonly keyPem: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** What every workload certificate has in common: no subject, both usages, not an authority. */
export const workloadShape = {
  subject: {},
  isAuthority: false,
  keyUsage: ['digitalSignature', 'keyEncipherment'],
  extendedKeyUsage: [oids.serverAuth, oids.clientAuth],
} as const;

export interface AuthorityName {
  readonly organization: string;
  readonly commonName?: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A new authority of its own: a self-signed root. */
export function newRoot(name: AuthorityName, pair: KeyPair = newKeyPair()): AuthorityMaterial {
  const der = issueCertificate(authorityShape(name, pair.publicKey), { selfKey: pair.privateKey });
  const certPem = toPem(der, 'CERTIFICATE');
  return { certPem, keyPem: privatePem(pair.privateKey), chainPem: '', rootsPem: certPem };
}

/** The same root with a new life: name and key stay, so that what the old certificate vouched for, the new one does too. */
export function renewedRoot(old: AuthorityMaterial, life: Pick<AuthorityName, 'notBefore' | 'notAfter'>): AuthorityMaterial {
  const { signer } = readSigner(old);
  const shape = authorityShape({ organization: '', ...life }, createPublicKey(signer.key));
  const certPem = toPem(issueCertificate({ ...shape, name: signer.name }, { selfKey: signer.key }), 'CERTIFICATE');
  return { certPem, keyPem: old.keyPem, chainPem: '', rootsPem: certPem };
}

/** An authority below `parent`, trusted through its roots. */
export function newIntermediate(parent: AuthorityMaterial, name: AuthorityName, pair: KeyPair = newKeyPair()): AuthorityMaterial {
  const certPem = toPem(issueCertificate(authorityShape(name, pair.publicKey), signerOf(parent)), 'CERTIFICATE');
  return { certPem, keyPem: privatePem(pair.privateKey), chainPem: parent.certPem + parent.chainPem, rootsPem: parent.rootsPem };
}

function authorityShape(name: AuthorityName, publicKey: KeyObject): Parameters<typeof issueCertificate>[0] {
  const { organization, commonName, notBefore, notAfter } = name;
  return {
    subject: commonName === undefined ? { organization } : { organization, commonName },
    publicKey,
    notBefore,
    notAfter,
    uris: [],
    isAuthority: true,
    keyUsage: ['keyCertSign', 'cRLSign'],
    extendedKeyUsage: [],
  };
}

export const signerOf = (material: AuthorityMaterial): Signer => readSigner(material).signer;

function readSigner({ certPem, keyPem }: AuthorityMaterial): { readonly signer: Signer; readonly certificate: CertificateFields } {
  const [der] = pemBlocks(certPem, 'CERTIFICATE');
  const certificate = der && readCertificate(der);
  if (der === undefined || certificate === undefined) throw unusable('certificate', 'has no readable certificate');
  if (!certificate.isAuthority) throw unusable('not-a-ca', 'has a certificate that may not sign others');
  const key = readKey(keyPem);
  if (key === undefined || !new X509Certificate(der).checkPrivateKey(key))
    throw unusable('key', 'has a key that does not fit its certificate');
  return { signer: { name: certificate.subject, key, keyId: certificate.subjectKeyId }, certificate };
}

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

const unusable = (problem: AuthorityFault['problem'], text: string): MeshError<AuthorityFault> =>
  new MeshError({ code: 'authority.unusable', problem }, `the signing authority ${text}`);
