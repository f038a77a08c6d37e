// The request is exactly what the certificate service expects, read back by ourselves and by openssl where it is installed.
// Requests of strangers are read strictly.
// What an authority grants is tested in authority.test.ts.
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCsr, writeCsr } from './csr.ts';
import { type KeyPair, newKeyPair } from './keys.ts';
import { pemBlocks, toPem } from './pem.ts';

const identity = spiffeId('cluster.local', 'default', 'client');
const label = 'CERTIFICATE REQUEST';
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

test('carries the key and one name', () => {
  const pair = newKeyPair();
  const request = readCsr(writeCsr(identity, pair));
  expect(request?.uris).toEqual([identity.uri]);
  expect(request?.publicKey.equals(pair.publicKey)).toBe(true);
});

// A second opinion where the machine has OpenSSL's program; the rows above need none.
test.skipIf(!hasOpenssl)('openssl reads P-256, SHA-256, an empty subject and one critical extension', () => {
  const { stdout } = spawnSync('openssl', ['req', '-noout', '-text', '-verify'], {
    input: writeCsr(identity, newKeyPair()),
    encoding: 'utf8',
  });
  const text = stdout.replaceAll(/\s+/g, ' ');
  expect(text).toMatch(/Version: 1 \(0x0\) Subject: Subject Public Key Info/);
  expect(text).toContain('ASN1 OID: prime256v1');
  expect(text).toContain('Signature Algorithm: ecdsa-with-SHA256');
  expect(text).toMatch(
    /Requested Extensions: X509v3 Subject Alternative Name: critical URI:spiffe:\/\/cluster.local\/ns\/default\/sa\/client Signature/,
  );
});

const signedBy = (pair: KeyPair): string => writeCsr(identity, pair);
const damaged = (): string => {
  const [der = Buffer.alloc(0)] = pemBlocks(writeCsr(identity, newKeyPair()), label);
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  return toPem(der, label);
};
const fresh = newKeyPair();
const rows: readonly (readonly [name: string, pem: () => string, accepted: boolean])[] = [
  ['P-384', () => signedBy(generateKeyPairSync('ec', { namedCurve: 'P-384' })), true],
  ['Ed25519', () => signedBy(generateKeyPairSync('ed25519')), true],
  ['RSA of 2048 bits', () => signedBy(generateKeyPairSync('rsa', { modulusLength: 2048 })), true],
  ['RSA of 1024 bits', () => signedBy(generateKeyPairSync('rsa', { modulusLength: 1024 })), false],
  ['a curve of no mesh', () => signedBy(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })), false],
  ['a wrong signature', damaged, false],
  [
    "another's key (no proof of possession)",
    () => writeCsr(identity, { publicKey: fresh.publicKey, privateKey: newKeyPair().privateKey }),
    false,
  ],
  ['two requests', () => writeCsr(identity, newKeyPair()) + writeCsr(identity, newKeyPair()), false],
  ['no request', () => 'hello', false],
  ['a request over 16 KiB', () => toPem(Buffer.alloc(40_000), label), false],
];
for (const [name, pem, accepted] of rows) {
  test(`${name}: ${accepted ? 'accepted' : 'refused'}`, () => expect(readCsr(pem()) !== undefined).toBe(accepted));
}

test('a damaged request is refused, never thrown', () => {
  const [der = Buffer.alloc(0)] = pemBlocks(writeCsr(identity, newKeyPair()), label);
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const copy = Buffer.from(der);
      copy[at] = (copy[at] ?? 0) ^ flip;
      expect(readCsr(toPem(copy, label))).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});
