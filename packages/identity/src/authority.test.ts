// What an authority signs, for whom and for how long; and which material makes no authority.
// Chains are verified by node:crypto, link by link.
// The odd certificates that it does not make are in testing/odd.ts.
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { isFault } from '@ambient-mesh/runtime/errors';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { expect, test } from 'vitest';
import { Authority, type AuthorityMaterial, newIntermediate, newRoot } from './authority.ts';
import { writeCsr } from './csr.ts';
import { newKeyPair } from './keys.ts';
import { testAuthority } from './testing/index.ts';

const identity = spiffeId('cluster.local', 'default', 'client');
const clock = fakeClock();
const dayMs = 86_400_000;
const name = { organization: 'cluster.local', notBefore: clock.now() - dayMs, notAfter: clock.now() + 30 * dayMs };
const root = newRoot(name);
const csrPem = writeCsr(identity, newKeyPair());

function issue(authority: Authority, ttlSeconds = 0): X509Certificate[] {
  const grant = authority.issue({ csrPem, identity, ttlSeconds });
  if ('refused' in grant) throw new Error(grant.refused);
  return grant.chainPem.map((pem) => new X509Certificate(pem));
}

const lifetimes: readonly (readonly [name: string, ttlSeconds: number, options: object, wantMs: number])[] = [
  ['as asked', 600, {}, 600_000],
  ['a day when not asked', 0, {}, dayMs],
  ['the configured default when not asked', -5, { defaultTtlMs: 7_000 }, 7_000],
  ['cut to the configured maximum', 86_400, { maxTtlMs: 3_600_000 }, 3_600_000],
  ["never beyond the authority's own", 86_400 * 80, {}, 30 * dayMs],
];
for (const [row, ttlSeconds, options, want] of lifetimes) {
  test(`a certificate lives ${row}, from two minutes ago`, () => {
    const [leaf] = issue(new Authority(root, { clock, ...options }), ttlSeconds);
    expect(leaf?.validToDate.getTime()).toBe(clock.now() + want);
    expect(leaf?.validFromDate.getTime()).toBe(clock.now() - 120_000);
  });
}

test('the name is what the caller grants, not what the request asks', () => {
  const granted = spiffeId('cluster.local', 'default', 'server');
  const grant = new Authority(root, { clock }).issue({ csrPem, identity: granted, ttlSeconds: 60 });
  expect('chainPem' in grant && new X509Certificate(grant.chainPem[0] ?? '').subjectAltName).toBe(`URI:${granted.uri}`);
});

const signers: readonly (readonly [name: string, material: () => AuthorityMaterial, certificates: number])[] = [
  ['a root', () => root, 2],
  ['an RSA root', () => newRoot(name, generateKeyPairSync('rsa', { modulusLength: 2048 })), 2],
  ['an Ed25519 root', () => newRoot(name, generateKeyPairSync('ed25519')), 2],
  ['an intermediate', () => newIntermediate(root, { ...name, commonName: 'i' }), 3],
  [
    'an intermediate below an intermediate',
    () => newIntermediate(newIntermediate(root, { ...name, commonName: 'i' }), { ...name, commonName: 'j' }),
    4,
  ],
];
for (const [row, material, certificates] of signers) {
  test(`${row} answers with leaf, what is between, and the root`, () => {
    const chain = issue(new Authority(material(), { clock }));
    expect(chain.length).toBe(certificates);
    for (const [at, certificate] of chain.entries()) {
      const above = chain[at + 1] ?? certificate;
      expect(certificate.checkIssued(above)).toBe(true);
      expect(certificate.verify(above.publicKey)).toBe(true);
    }
  });
}

test('all roots of a bundle reach the client', () => {
  const both = root.rootsPem + newRoot(name).certPem;
  const grant = new Authority({ ...root, rootsPem: both }, { clock }).issue({ csrPem, identity, ttlSeconds: 0 });
  expect('chainPem' in grant && grant.chainPem.at(-1)).toBe(both);
});

test('an unreadable request and an expired authority are refusals, not errors', () => {
  expect(new Authority(root, { clock }).issue({ csrPem: 'hello', identity, ttlSeconds: 0 })).toEqual({ refused: 'unreadable request' });
  const old = newRoot({ ...name, notAfter: clock.now() - 1_000 });
  expect(new Authority(old, { clock }).issue({ csrPem, identity, ttlSeconds: 0 })).toEqual({ refused: 'authority expired' });
});

const leaf = testAuthority().credentials(identity);
const unusable: readonly (readonly [problem: string, material: AuthorityMaterial])[] = [
  ['certificate', { ...root, certPem: 'hello' }],
  ['not-a-ca', { ...root, certPem: leaf.certChainPem, keyPem: leaf.keyPem }],
  ['key', { ...root, keyPem: newRoot(name).keyPem }],
  ['key', { ...root, keyPem: 'hello' }],
  ['roots', { ...root, rootsPem: '' }],
];
for (const [problem, material] of unusable) {
  test(`material with a bad ${problem} makes no authority`, () => {
    let thrown: unknown;
    try {
      new Authority(material, { clock });
    } catch (e) {
      thrown = e;
    }
    expect(isFault(thrown, 'authority.unusable') && thrown.fault).toEqual({ code: 'authority.unusable', problem });
  });
}
