// Whom a revocation list catches: the rules of RFC 5280 §5 as far as the mesh follows them, and those it does not on purpose.
// Lists and chains come from test authorities that all have the same name, so that only signatures tell them apart.
// Loading from a file is revocation-file.test.ts.
import { createPrivateKey } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Credentials } from './credentials.ts';
import { context, type Der, embed, encode, integer, octets, sequence, time } from './der-write.ts';
import { oids } from './oids.ts';
import { pemBlocks, toPem } from './pem.ts';
import { RevocationSet } from './revocation.ts';
import { algorithmOf, extension, signed } from './sign.ts';
import { handshake } from './testing/handshake.ts';
import { testAuthority } from './testing/index.ts';
import { readCertificate } from './x509.ts';

const mesh = testAuthority();
const rsa = testAuthority({ key: 'rsa' });
const namesake = testAuthority();
const below = testAuthority({ intermediate: true });
const of = (authority: typeof mesh, account = 'leaf'): Credentials => authority.credentials(authority.id('default', account));
const derOf = (pem: string): Buffer[] => pemBlocks(pem, 'CERTIFICATE');

function setOf(...files: readonly string[]): RevocationSet {
  const set = RevocationSet.parse(Buffer.from(files.join('\n')));
  if ('mistake' in set) throw new Error(set.mistake);
  return set;
}

function verdict(set: RevocationSet, credentials: Credentials, chain = derOf(credentials.certChainPem)): string {
  const answer = set.check(chain, credentials.rootsPem);
  return answer.ok ? 'good' : answer.refused.code;
}

const leaf = of(mesh);
const rsaLeaf = of(rsa);
const deep = of(below);
const other = of(mesh, 'other');
const rows: readonly (readonly [name: string, set: RevocationSet, credentials: Credentials, want: string])[] = [
  ['without lists', RevocationSet.none, leaf, 'good'],
  ['an empty list', setOf(mesh.crl()), leaf, 'good'],
  ['a listed leaf', setOf(mesh.crl(leaf.certChainPem)), leaf, 'peer.revoked'],
  ['a listed leaf of an RSA root', setOf(rsa.crl(rsaLeaf.certChainPem)), rsaLeaf, 'peer.revoked'],
  ['a listed leaf of an intermediate', setOf(below.crl(deep.certChainPem)), deep, 'peer.revoked'],
  ['a listed intermediate', setOf(below.rootCrl(below.signing.certPem)), deep, 'peer.revoked'],
  ['another leaf of the same issuer', setOf(mesh.crl(other.certChainPem)), leaf, 'good'],
  ['a serial listed by another issuer', setOf(below.crl(leaf.certChainPem)), leaf, 'good'],
  ['a serial listed by an issuer of the same name and another key', setOf(namesake.crl(leaf.certChainPem)), leaf, 'good'],
  ["the leaf's serial in the list of the intermediate's issuer", setOf(below.rootCrl(deep.certChainPem)), deep, 'good'],
  ['listed in the second of two lists', setOf(mesh.crl(other.certChainPem), mesh.crl(leaf.certChainPem)), leaf, 'peer.revoked'],
  [
    'listed beside a list of the same name and another key',
    setOf(namesake.crl(leaf.certChainPem), mesh.crl(leaf.certChainPem)),
    leaf,
    'peer.revoked',
  ],
  ['listed in a list that has expired', setOf(listOf(mesh, { nextUpdate: 1 })), leaf, 'peer.revoked'],
  ['listed in a list without next update', setOf(listOf(mesh, {})), leaf, 'peer.revoked'],
  ['listed with a reason', setOf(listOf(mesh, { entry: extension('2.5.29.21', false, octets(Buffer.of(1))) })), leaf, 'peer.revoked'],
  [
    'listed in a partial list',
    setOf(listOf(mesh, { list: extension(oids.issuingDistributionPoint, true, sequence()) })),
    leaf,
    'peer.revoked',
  ],
];
for (const [name, set, credentials, want] of rows) test(`${name}: ${want}`, () => expect(verdict(set, credentials)).toBe(want));

interface ListShape {
  readonly nextUpdate?: number;
  readonly entry?: Der;
  readonly list?: Der;
}

/** A list of `leaf`, by this authority, in shapes that the test authority's own lists do not have. */
function listOf({ root }: typeof mesh, { nextUpdate, entry, list }: ListShape): string {
  const [der = Buffer.alloc(0)] = derOf(root.certPem);
  const [leafDer = Buffer.alloc(0)] = derOf(leaf.certChainPem);
  const key = createPrivateKey(root.keyPem);
  const revoked = sequence(
    integer(Buffer.from(readCertificate(leafDer)?.serial ?? '', 'hex')),
    time(0),
    ...(entry ? [sequence(entry)] : []),
  );
  const body = sequence(
    integer(1),
    algorithmOf(key).identifier,
    embed(readCertificate(der)?.subject ?? der),
    time(0),
    ...(nextUpdate === undefined ? [] : [time(nextUpdate)]),
    sequence(revoked),
    ...(list ? [context(0, [sequence(list)])] : []),
  );
  return toPem(signed(encode(body), key), 'X509 CRL');
}

test('a chain may hold its root', () => {
  expect(verdict(setOf(mesh.crl(leaf.certChainPem)), leaf, [...derOf(leaf.certChainPem), ...derOf(mesh.root.certPem)])).toBe(
    'peer.revoked',
  );
  expect(verdict(setOf(mesh.crl(other.certChainPem)), leaf, [...derOf(leaf.certChainPem), ...derOf(mesh.root.certPem)])).toBe('good');
});

test('a look-alike intermediate cannot hide a revoked one', () => {
  const set = setOf(below.rootCrl(below.signing.certPem));
  const [leafDer = Buffer.alloc(0), real = Buffer.alloc(0)] = derOf(deep.certChainPem);
  const fake = derOf(testAuthority({ intermediate: true }).signing.certPem);
  expect(readCertificate(fake[0] ?? real)?.subject.equals(readCertificate(real)?.subject ?? leafDer)).toBe(true);
  expect(verdict(set, deep, [leafDer, ...fake])).toBe('peer.unproven-chain');
  expect(verdict(set, deep, [leafDer, ...fake, real])).toBe('peer.revoked');
});

const [anyDer = Buffer.alloc(0)] = derOf(leaf.certChainPem);
const unproven: readonly (readonly [name: string, chain: Buffer[]])[] = [
  ['an empty chain', []],
  ['a chain without its intermediate', derOf(deep.certChainPem).slice(0, 1)],
  ['a chain of an unknown root', derOf(of(namesake).certChainPem)],
  ['an unreadable certificate', [Buffer.from('hello')]],
  ['more than ten certificates', Array(11).fill(anyDer)],
];
for (const [name, chain] of unproven) {
  test(`${name} proves nothing, and matters only where there are lists`, () => {
    expect(verdict(setOf(mesh.crl()), deep, chain)).toBe('peer.unproven-chain');
    expect(verdict(RevocationSet.none, deep, chain)).toBe('good');
  });
}

const delta = extension('2.5.29.27', true, integer(1));
const files: readonly (readonly [name: string, file: Buffer, serials: number | undefined])[] = [
  ['an empty file', Buffer.alloc(0), 0],
  ['white space', Buffer.from(' \n\n'), 0],
  ['PEM of other kinds', Buffer.from(mesh.root.certPem), 0],
  [
    'two lists with text between',
    Buffer.from(`${mesh.crl(leaf.certChainPem)}\n# text\n${mesh.root.certPem}${rsa.crl(leaf.certChainPem, other.certChainPem)}`),
    3,
  ],
  ['one list as DER', pemBlocks(mesh.crl(leaf.certChainPem), 'X509 CRL')[0] ?? Buffer.alloc(1), 1],
  ['text that is no list', Buffer.from('hello'), undefined],
  ['a block that is no list', Buffer.from(toPem(Buffer.from('hello'), 'X509 CRL')), undefined],
  ['a good list and a bad one', Buffer.from(mesh.crl() + toPem(Buffer.from('hello'), 'X509 CRL')), undefined],
  ['a delta list', Buffer.from(listOf(mesh, { list: delta })), undefined],
  ['entries of another issuer', Buffer.from(listOf(mesh, { entry: extension('2.5.29.29', true, sequence()) })), undefined],
];
for (const [name, file, serials] of files) {
  test(`${name}: ${serials === undefined ? 'refused whole' : `${serials} serials`}`, () => {
    const set = RevocationSet.parse(file);
    expect('mistake' in set ? undefined : set.size).toBe(serials);
  });
}

test('a damaged list is refused or read, never thrown, and then revokes nobody', () => {
  const [der = Buffer.alloc(0)] = pemBlocks(mesh.crl(leaf.certChainPem), 'X509 CRL');
  const damage = fc.record({ at: fc.nat(der.length - 1), flip: fc.integer({ min: 1, max: 255 }) });
  fc.assert(
    fc.property(damage, ({ at, flip }) => {
      const copy = Buffer.from(der);
      copy[at] = (copy[at] ?? 0) ^ flip;
      const set = RevocationSet.parse(copy);
      if (!('mistake' in set)) expect(verdict(set, leaf)).toBe('good');
    }),
    { numRuns: 500 },
  );
});

for (const end of ['client', 'server'] as const) {
  test(`the chain that a ${end} shows in a handshake is enough to tell`, async () => {
    const shown = of(below, end);
    const quiet = of(below, 'quiet');
    const told = await handshake(end === 'client' ? { server: quiet, client: shown } : { server: shown, client: quiet });
    const { chain } = end === 'client' ? told.server : told.client;
    expect(verdict(setOf(below.crl(shown.certChainPem)), quiet, [...chain])).toBe('peer.revoked');
    expect(verdict(setOf(below.rootCrl(below.signing.certPem)), quiet, [...chain])).toBe('peer.revoked');
    expect(verdict(setOf(below.crl(), below.rootCrl()), quiet, [...chain])).toBe('good');
  });
}
