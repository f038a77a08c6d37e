// Which answers of a certificate authority are taken, and why others are not.
// Also: what may be shown of credentials, and that they cross to another thread.
// Keeping them fresh is certificate-book.test.ts.
import { X509Certificate } from 'node:crypto';
import { MeshError } from '@ambient-mesh/runtime/errors';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeCredentials, readAnswer } from './credentials.ts';
import { writeCsr } from './csr.ts';
import { newKeyPair } from './keys.ts';
import { pemBlocks, toPem } from './pem.ts';
import { testAuthority } from './testing/index.ts';

const mesh = testAuthority({ intermediate: true, alsoTrust: [testAuthority().root.certPem] });
const identity = mesh.id('default', 'client');
const pair = newKeyPair();
const asked = { identity, key: pair.privateKey, now: Date.now() };
const answer = mesh.sign(writeCsr(identity, pair), identity);
const [leaf = '', intermediate = '', roots = ''] = answer;
const oddAnswer = (uris: readonly string[]): string[] => [mesh.custom({ uris, publicKey: pair.publicKey }).certChainPem, roots];

test('leaf and intermediates are kept in order, roots one by one', () => {
  const credentials = readAnswer(answer, asked);
  expect(credentials.certChainPem).toBe(leaf + intermediate);
  expect(credentials.rootsPem).toEqual(mesh.rootsPem);
  expect(credentials.rootsPem.length).toBe(2);
  expect(credentials.notAfter).toBe(new X509Certificate(leaf).validToDate.getTime());
});

test('credentials cross to another thread', () => {
  const credentials = readAnswer(answer, asked);
  expect(structuredClone(credentials)).toEqual(credentials);
});

const rows: readonly (readonly [name: string, answer: readonly string[], code: string])[] = [
  ['an empty list', [], 'certificate.empty'],
  ['only a leaf', [leaf], 'certificate.no-root'],
  ['a leaf that is no PEM', ['hello', roots], 'certificate.unreadable'],
  ['an intermediate that is no PEM', [leaf, 'hello', roots], 'certificate.unreadable'],
  ['an empty root bundle', [leaf, intermediate, ''], 'certificate.unreadable'],
  ['a root that is no certificate', [leaf, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'], 'certificate.unreadable'],
  ['65 certificates', [leaf, ...Array(64).fill(intermediate), roots], 'certificate.unreadable'],
  ["another's name", mesh.sign(writeCsr(identity, pair), mesh.id('default', 'server')), 'certificate.wrong-identity'],
  ['no name', oddAnswer([]), 'certificate.wrong-identity'],
  ['our name only in second place', oddAnswer(['spiffe://x/ns/y/sa/z', identity.uri]), 'certificate.wrong-identity'],
  ["another's key", mesh.sign(writeCsr(identity, newKeyPair()), identity), 'certificate.wrong-key'],
];
for (const [name, chain, code] of rows) {
  test(`${name}: ${code}`, () => expect(faultOf(() => readAnswer(chain, asked))).toBe(code));
}

test('a certificate that has expired on arrival is not taken', () => {
  expect(faultOf(() => readAnswer(answer, { ...asked, now: Date.now() + 3_700_000 }))).toBe('certificate.expired');
});

test('any answer is taken and can be shown, or is refused by a fault', () => {
  const damaged = fc
    .tuple(fc.constantFrom(leaf, intermediate, roots), fc.nat(), fc.integer({ min: 1, max: 255 }))
    .map(([pem, at, flip]) => {
      const ders = pemBlocks(pem, 'CERTIFICATE').map((der) =>
        der.fill((der[at % der.length] ?? 0) ^ flip, at % der.length, (at % der.length) + 1),
      );
      return ders.map((der) => toPem(der, 'CERTIFICATE')).join('');
    });
  const element = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(leaf, intermediate, roots) },
    { weight: 3, arbitrary: damaged },
    fc.string(),
  );
  const chain = fc.oneof(fc.array(element, { maxLength: 5 }), fc.tuple(fc.constant(leaf), damaged, fc.constant(roots)));
  fc.assert(
    fc.property(chain, (pems) => {
      const code = faultOf(() => describeCredentials(readAnswer(pems, asked)));
      expect(code).toMatch(/^(none|certificate\.[a-z-]+)$/);
    }),
    { numRuns: 300 },
  );
});

function faultOf(f: () => unknown): string {
  try {
    f();
  } catch (e) {
    return e instanceof MeshError ? e.fault.code : String(e);
  }
  return 'none';
}

test('a dump shows every certificate as config_dump does, and no key', () => {
  const credentials = readAnswer(answer, asked);
  const shown = describeCredentials(credentials);
  const other = new X509Certificate(leaf);
  expect(shown.certChain.length).toBe(2);
  expect(shown.rootCerts.length).toBe(2);
  expect(shown.certChain[0]).toEqual({
    pem: Buffer.from(leaf).toString('base64'),
    serialNumber: BigInt(`0x${other.serialNumber}`).toString(),
    validFrom: other.validFromDate.toISOString().replace('.000', ''),
    expirationTime: other.validToDate.toISOString().replace('.000', ''),
  });
  expect(JSON.stringify(shown)).not.toContain(Buffer.from('PRIVATE').toString('base64').slice(0, 8));
});
