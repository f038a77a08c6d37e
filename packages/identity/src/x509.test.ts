// What is read from a certificate, compared with node:crypto's reading of the same bytes, and what is refused unread.
// Certificates come from the test authority.
// What the mesh makes of the fields is tested in peer.test.ts.
import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bits, context, type Der, embed, encode, integer, nothing, oid, sequence, time } from './der-write.ts';
import { newKeyPair } from './keys.ts';
import { oids } from './oids.ts';
import { extension, namesExtension } from './sign.ts';
import { oddNames, testAuthority } from './testing/index.ts';
import { readCertificate } from './x509.ts';

const mesh = testAuthority();
const derOf = (pem: string): Buffer => new X509Certificate(pem).raw;

test('fields agree with another reader', () => {
  const credentials = mesh.credentials(mesh.id('default', 'client'));
  const other = new X509Certificate(credentials.certChainPem);
  const fields = readCertificate(other.raw);
  expect(fields).toMatchObject({
    serial: other.serialNumber.toLowerCase(),
    notBefore: other.validFromDate.getTime(),
    notAfter: other.validToDate.getTime(),
    publicKey: other.publicKey.export({ type: 'spki', format: 'der' }),
    uris: [credentials.identity.uri],
    isAuthority: false,
    keyUsage: ['digitalSignature', 'keyEncipherment'],
    extendedKeyUsage: other.keyUsage,
  });
  const issuer = new X509Certificate(mesh.root.certPem);
  expect(readCertificate(issuer.raw)).toMatchObject({ isAuthority: true, keyUsage: ['keyCertSign', 'cRLSign'], subject: fields?.issuer });
});

for (const name of oddNames) {
  test(`${name}: still readable, by others as well`, () => {
    const der = derOf(mesh.odd(name).certChainPem);
    expect(readCertificate(der)?.uris.length).toBeDefined();
  });
}

test('names keep every byte', () => {
  const uris = ['spiffe://a/ns/b/sa/c"', 'x, URI:y', 'nul\0nul', 'caf\u00e9', ''];
  expect(readCertificate(derOf(mesh.custom({ uris }).certChainPem))?.uris).toEqual(uris);
});

/** A certificate's structure without a valid signature: reading does not check one. */
function certificateWith(...extensions: readonly Der[]): Buffer {
  const key = embed(newKeyPair().publicKey.export({ type: 'spki', format: 'der' }));
  const algorithm = sequence(oid(oids.ecdsaSha256));
  const body = sequence(
    context(0, [integer(2)]),
    integer(7),
    algorithm,
    sequence(),
    sequence(time(0), time(1)),
    sequence(),
    key,
    context(3, [sequence(...extensions)]),
  );
  return encode(sequence(body, algorithm, bits(Buffer.of(1))));
}

const rows: readonly (readonly [name: string, der: Buffer, readable: boolean])[] = [
  ['one extension for names', certificateWith(namesExtension(['a'], false)), true],
  ['names twice', certificateWith(namesExtension(['a'], false), namesExtension(['b'], false)), false],
  ['64 names', certificateWith(namesExtension(Array(64).fill('a'), false)), true],
  ['65 names', certificateWith(namesExtension(Array(65).fill('a'), false)), false],
  ['names that are no list', certificateWith(extension(oids.subjectAltName, false, nothing())), false],
  ['a certificate over 64 KiB', certificateWith(namesExtension(['a'.repeat(65_536)], false)), false],
  ['a byte after the certificate', Buffer.concat([certificateWith(namesExtension(['a'], false)), Buffer.of(0)]), false],
  ['nothing', Buffer.alloc(0), false],
];
for (const [name, der, readable] of rows) {
  test(`${name}: ${readable ? 'read' : 'refused'}`, () => expect(readCertificate(der) !== undefined).toBe(readable));
}

test('a damaged certificate is refused or read, never thrown', () => {
  const der = derOf(mesh.credentials(mesh.id('a', 'b')).certChainPem);
  const damage = fc.record({ at: fc.nat(der.length - 1), byte: fc.nat(255), cut: fc.option(fc.nat(der.length)) });
  fc.assert(
    fc.property(damage, ({ at, byte, cut }) => {
      const copy = Buffer.from(der);
      copy[at] = byte;
      readCertificate(copy.subarray(0, cut ?? copy.length));
    }),
    { numRuns: 2_000 },
  );
});
