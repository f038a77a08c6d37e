// Who is let in: every odd certificate through a real handshake and our own check, at both ends.
// The columns say where the refusal comes from: OpenSSL's code or ours.
// What the test authority makes odd is in testing/odd.ts.
import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkClient, checkServer, explainPeer, type PeerCheck, type PeerFault } from './peer.ts';
import { handshake } from './testing/handshake.ts';
import { type OddName, testAuthority } from './testing/index.ts';

const mesh = testAuthority({ intermediate: true });
const odd = mesh.id('default', 'odd');
const proper = mesh.credentials(mesh.id('default', 'proper'));
const codeOf = (check: PeerCheck): string => (check.ok ? check.identity.uri : check.refused.code);
const rawOf = (pem: string): Buffer => new X509Certificate(pem).raw;

/** What becomes of a client and of a server that shows this certificate: an identity, our refusal, or OpenSSL's. */
const rows: Readonly<Record<OddName, readonly [asClient: string, asServer: string]>> = {
  'several identities': ['peer.several-identities', odd.uri],
  'no name': ['peer.nameless', 'peer.nameless'],
  'quote in the name': ['peer.nameless', 'peer.nameless'],
  'comma and a second name inside one name': ['peer.nameless', 'peer.nameless'],
  'NUL in the name': ['peer.nameless', 'peer.nameless'],
  'non-ASCII byte in the name': ['peer.nameless', 'peer.nameless'],
  'trailing slash': ['peer.nameless', 'peer.nameless'],
  'not a SPIFFE name': ['peer.nameless', 'peer.nameless'],
  'other trust domain': ['peer.trust-domain', 'peer.unexpected'],
  expired: ['CERT_HAS_EXPIRED', 'CERT_HAS_EXPIRED'],
  'not yet valid': ['CERT_NOT_YET_VALID', 'CERT_NOT_YET_VALID'],
  'CA as leaf': ['peer.authority', 'peer.authority'],
  'CA key usage': ['peer.authority', 'peer.authority'],
  'no extended key usage': ['peer.usage', 'peer.usage'],
  'server usage only': ['INVALID_PURPOSE', odd.uri],
  'client usage only': [odd.uri, 'INVALID_PURPOSE'],
  'no digital signature': ['INVALID_PURPOSE', 'peer.usage'],
};
for (const [name, [asClient, asServer]] of Object.entries(rows) as [OddName, readonly [string, string]][]) {
  const credentials = mesh.odd(name, odd);
  test(`a client with ${name}: ${asClient}`, async () => {
    const { server } = await handshake({ server: proper, client: credentials });
    expect(server.error ?? codeOf(checkClient(server.chain[0] ?? Buffer.alloc(0), mesh.trustDomain))).toBe(asClient);
  });
  test(`a server with ${name}: ${asServer}`, async () => {
    const { client } = await handshake({ server: credentials, client: proper });
    expect(client.error ?? codeOf(checkServer(client.chain[0] ?? Buffer.alloc(0), [odd]))).toBe(asServer);
  });
}

test('a proper client and server know each other', async () => {
  const other = mesh.credentials(odd);
  const { server, client } = await handshake({ server: proper, client: other });
  expect(codeOf(checkClient(server.chain[0] ?? Buffer.alloc(0), mesh.trustDomain))).toBe(odd.uri);
  expect(codeOf(checkServer(client.chain[0] ?? Buffer.alloc(0), [odd, proper.identity]))).toBe(proper.identity.uri);
});

test('a server with several identities may be any of them, and only those', () => {
  const raw = rawOf(mesh.odd('several identities', odd).certChainPem);
  const second = { ...odd, uri: `${odd.uri}-too` };
  expect(checkServer(raw, [second])).toMatchObject({ ok: true, identity: { uri: second.uri } });
  const stranger = { ...odd, uri: `${odd.uri}-toot` };
  const got = [odd.uri, second.uri];
  expect(checkServer(raw, [])).toEqual({ ok: false, refused: { code: 'peer.unexpected', want: [], got } });
  expect(checkServer(raw, [stranger])).toEqual({ ok: false, refused: { code: 'peer.unexpected', want: [stranger.uri], got } });
});

test('a name that is no identity stands beside one that is', () => {
  const raw = rawOf(mesh.custom({ uris: ['https://example.org', odd.uri] }).certChainPem);
  expect(codeOf(checkClient(raw, mesh.trustDomain))).toBe(odd.uri);
});

test('without a trust domain of our own any is accepted', () => {
  const raw = rawOf(mesh.odd('other trust domain', odd).certChainPem);
  expect(codeOf(checkClient(raw, undefined))).toBe('spiffe://elsewhere.test/ns/default/sa/odd');
});

test('bytes of no kind are unreadable, never thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      expect(codeOf(checkClient(Buffer.from(bytes), 'cluster.local'))).toBe('peer.unreadable');
      expect(codeOf(checkServer(Buffer.from(bytes), []))).toBe('peer.unreadable');
    }),
  );
});

const sentences: readonly (readonly [PeerFault, string])[] = [
  [{ code: 'peer.unreadable' }, 'the peer showed a certificate that cannot be read'],
  [{ code: 'peer.authority' }, 'the peer showed the certificate of an authority, not of a workload'],
  [{ code: 'peer.usage', missing: 'clientAuth' }, "the peer's certificate is not for this use: clientAuth is missing"],
  [{ code: 'peer.nameless' }, "the peer's certificate holds no SPIFFE identity"],
  [{ code: 'peer.several-identities', got: ['a', 'b'] }, "the peer's certificate holds several identities: a or b"],
  [{ code: 'peer.unexpected', want: [], got: ['a'] }, 'identity mismatch: expected nobody, the peer is a'],
  [
    { code: 'peer.unexpected', want: ['a', 'b', 'c', 'd', 'e'], got: ['x'] },
    'identity mismatch: expected a or b or c or 2 others, the peer is x',
  ],
  [{ code: 'peer.trust-domain', want: 'a', got: 'spiffe://b' }, 'the peer spiffe://b is not of trust domain a'],
];
for (const [fault, sentence] of sentences) test(`${fault.code} reads: ${sentence}`, () => expect(explainPeer(fault)).toBe(sentence));
