// Signing material: which files or Secret keys make an authority, and whether a replacement may take over. Pure but for the parsing of certificates.
// Read from files by plugged-in.ts and from the Secret by self-signed.ts; used by signing-authority.ts.
// Bad material is never adopted: the authority that works stays, and the reason is said (facts: control-plane §7.5).
import { Authority, type AuthorityMaterial } from '@ambient-mesh/identity/authority';
import { pemBlocks } from '@ambient-mesh/identity/pem';
import { readCertificate } from '@ambient-mesh/identity/x509';
import { describeError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';

export type Files = Readonly<Record<string, string | undefined>>;

/** What is wrong, in words; names files, never what is in them. */
export type Material = AuthorityMaterial | { readonly wrong: string };

/**
 * From the files of a folder or the keys of a Secret: `ca-cert.pem`, `ca-key.pem`, `cert-chain.pem`, `root-cert.pem`, or as cert-manager
 * names them `tls.crt`, `tls.key`, `ca.crt`. Undefined when there is none of them at all.
 */
export function materialFrom(files: Files): Material | undefined {
  const ours = ['ca-cert.pem', 'ca-key.pem', 'cert-chain.pem', 'root-cert.pem'] as const;
  const theirs = ['tls.crt', 'tls.key', 'ca.crt'] as const;
  const has = (name: string): boolean => (files[name] ?? '') !== '';
  if (has('ca-key.pem') || has('ca-cert.pem')) {
    const missing = ours.filter((name) => name !== 'cert-chain.pem' && !has(name));
    if (missing.length > 0) return { wrong: `${missing.join(' and ')} missing` };
    const [certPem = '', keyPem = '', chainPem = '', rootsPem = ''] = ours.map((name) => files[name] ?? '');
    return { certPem, keyPem, chainPem, rootsPem };
  }
  if (!has('tls.crt') && !has('tls.key')) return undefined;
  const missing = theirs.filter((name) => !has(name));
  if (missing.length > 0) return { wrong: `${missing.join(' and ')} missing` };
  const [chain = '', keyPem = '', rootsPem = ''] = theirs.map((name) => files[name] ?? '');
  const [first = '', ...rest] = chain.split(/(?<=-----END CERTIFICATE-----\n?)(?=-----BEGIN)/);
  return { certPem: first, keyPem, chainPem: rest.join(''), rootsPem };
}

export interface AuthorityLimits {
  readonly clock: Pick<Clock, 'now'>;
  readonly defaultTtlMs: number;
  readonly maxTtlMs: number;
}

/** When the signing certificate and the first root to go end. Milliseconds since the epoch. */
export interface Expiry {
  readonly signer: number;
  readonly root: number;
}

export interface UsableAuthority {
  readonly authority: Authority;
  readonly material: AuthorityMaterial;
  readonly expiry: Expiry;
}

/** @returns what is wrong when the parts do not make an authority that could sign now. */
export function authorityOf(material: AuthorityMaterial, limits: AuthorityLimits): UsableAuthority | { readonly wrong: string } {
  const now = limits.clock.now();
  try {
    const authority = new Authority(material, limits);
    const expiry = { signer: earliestEnd(material.certPem + material.chainPem), root: earliestEnd(material.rootsPem) };
    if (expiry.signer <= now) return { wrong: `the signing certificate ended at ${new Date(expiry.signer).toISOString()}` };
    if (latestEnd(material.rootsPem) <= now) return { wrong: 'every root has ended' };
    return { authority, material, expiry };
  } catch (e) {
    return { wrong: describeError(e) };
  }
}

const ends = (pem: string): number[] => pemBlocks(pem, 'CERTIFICATE').map((der) => readCertificate(der)?.notAfter ?? 0);
const earliestEnd = (pem: string): number => Math.min(...ends(pem));
const latestEnd = (pem: string): number => Math.max(...ends(pem));

const rootsOf = (pem: string): Set<string> => new Set(pemBlocks(pem, 'CERTIFICATE').map((der) => der.toString('base64')));

/** The same roots, whatever their order and the text between them. */
export function sameRoots(a: string, b: string): boolean {
  return rootsOf(a).symmetricDifference(rootsOf(b)).size === 0;
}

/**
 * Whether new roots may replace old ones while the mesh runs. Certificates of the old and of the new must be able to meet: one set
 * has to hold the other, so that a rotation goes old -> old and new -> new.
 */
export function rootsMayChange(before: string, after: string, severalRoots: boolean): { readonly ok: true } | { readonly wrong: string } {
  if (sameRoots(before, after)) return { ok: true };
  if (!severalRoots) return { wrong: 'the root changed, which needs ISTIO_MULTIROOT_MESH=true' };
  const [old, now] = [rootsOf(before), rootsOf(after)];
  return old.isSubsetOf(now) || now.isSubsetOf(old)
    ? { ok: true }
    : { wrong: 'none of the old and the new root bundle holds the other: add the new root first, remove the old one later' };
}
