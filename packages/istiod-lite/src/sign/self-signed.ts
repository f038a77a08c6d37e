// The authority that the mesh makes for itself: a root in the Secret `istio-ca-secret`, made once by whoever is first, renewed in time.
// Used when no material is plugged in (plugged-in.ts). Every replica reads the same Secret and follows its changes (facts: control-plane §7.5).
// What is in the Secret and what to do about it is decided by nextStep, which is pure.
import { generateKeyPairSync } from 'node:crypto';
import { type AuthorityMaterial, newRoot, renewedRoot } from '@ambient-mesh/identity/authority';
import { pemBlocks } from '@ambient-mesh/identity/pem';
import { readCertificate } from '@ambient-mesh/identity/x509';
import { type Files, type Material, materialFrom } from './material.ts';

export const secretName = 'istio-ca-secret';
export const secretType = 'istio.io/ca-root';

/** What the Secret is to hold. */
export type SecretData = Readonly<Record<string, string>>;

export type Step =
  | { readonly do: 'use'; readonly material: Material }
  | { readonly do: 'create' | 'renew'; readonly data: SecretData; readonly material: AuthorityMaterial };

export interface RootPlan {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Lifetime of a root, ms. Default ten years. */
  readonly lifetimeMs: number;
  readonly organization: string;
}

/** A root is renewed when a fifth of its life is left. */
const renewAt = 0.2;
const clockSkewMs = 120_000;

/** @param secret data of the Secret, decoded; undefined when there is no such Secret. */
export function nextStep(secret: Files | undefined, plan: RootPlan): Step {
  if (secret === undefined) {
    const material = newRoot({ ...lifeOf(plan), organization: plan.organization }, generateKeyPairSync('rsa', { modulusLength: 2048 }));
    return { do: 'create', data: dataOf(material), material };
  }
  const material = materialFrom(secret) ?? { wrong: `the Secret ${secretName} holds no authority` };
  if ('wrong' in material) return { do: 'use', material };
  return isDue(material.certPem, plan.now) ? renewal(material, plan) : { do: 'use', material };
}

/** The same key signs on, under a new certificate; both are trusted until the old one ends. */
function renewal(old: AuthorityMaterial, plan: RootPlan): Step {
  try {
    const root = renewedRoot(old, lifeOf(plan));
    const stillGood = pemBlocks(old.certPem, 'CERTIFICATE').some((der) => (readCertificate(der)?.notAfter ?? 0) > plan.now);
    const material = { ...root, rootsPem: root.certPem + (stillGood ? old.certPem : '') };
    return { do: 'renew', data: dataOf(material), material };
  } catch {
    return { do: 'use', material: old };
  }
}

export function isDue(certPem: string, now: number): boolean {
  const [der] = pemBlocks(certPem, 'CERTIFICATE');
  const certificate = der && readCertificate(der);
  if (certificate === undefined) return false;
  return certificate.notAfter - now <= (certificate.notAfter - certificate.notBefore) * renewAt;
}

const lifeOf = ({ now, lifetimeMs }: RootPlan) => ({ notBefore: now - clockSkewMs, notAfter: now + lifetimeMs });

const dataOf = (material: AuthorityMaterial): SecretData => ({
  'ca-cert.pem': material.certPem,
  'ca-key.pem': material.keyPem,
  'cert-chain.pem': material.chainPem,
  'key.pem': '',
  'root-cert.pem': material.rootsPem,
});
