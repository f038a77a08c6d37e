// The TLS policy as the other end sees it, in real handshakes: versions, suites, groups, chains, roots, resumption.
// Which names are accepted is peer.test.ts.
// Policies that must not meet are rows too.
import { createSecureContext } from 'node:tls';
import { expect, test } from 'vitest';
import type { Credentials } from './credentials.ts';
import { handshake } from './testing/handshake.ts';
import { testAuthority } from './testing/index.ts';
import { contextFor, type TlsPolicy, tlsPolicy } from './tls-context.ts';

const mesh = testAuthority();
const server = mesh.credentials(mesh.id('default', 'server'));
const client = mesh.credentials(mesh.id('default', 'client'));
const policy = tlsPolicy();
const old: TlsPolicy = { ...tlsPolicy({ tls12: true }), maxVersion: 'TLSv1.2' as 'TLSv1.3' };

const policies: readonly (readonly [name: string, serverPolicy: TlsPolicy, clientPolicy: TlsPolicy, want: string])[] = [
  ['by default', policy, policy, 'TLSv1.3 TLS_AES_256_GCM_SHA384 h2'],
  ['with a client that has only AES-128', policy, { ...policy, ciphers: 'TLS_AES_128_GCM_SHA256' }, 'TLSv1.3 TLS_AES_128_GCM_SHA256 h2'],
  ['with a client that has only ChaCha20', policy, { ...policy, ciphers: 'TLS_CHACHA20_POLY1305_SHA256' }, 'refused'],
  ['with a client of TLS 1.2', policy, old, 'refused'],
  ['with a client of TLS 1.2 where that is allowed', tlsPolicy({ tls12: true }), old, 'TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 h2'],
  ['where TLS 1.2 is allowed', tlsPolicy({ tls12: true }), tlsPolicy({ tls12: true }), 'TLSv1.3 TLS_AES_256_GCM_SHA384 h2'],
  ['with a client that has only P-384', policy, { ...policy, ecdhCurve: 'P-384' }, 'TLSv1.3 TLS_AES_256_GCM_SHA384 h2'],
  ['with a client that has only P-521', policy, { ...policy, ecdhCurve: 'P-521' }, 'refused'],
  ['when both must be post-quantum', tlsPolicy({ pqc: true }), tlsPolicy({ pqc: true }), 'TLSv1.3 TLS_AES_256_GCM_SHA384 h2'],
  ['when one must be post-quantum', tlsPolicy({ pqc: true }), policy, 'TLSv1.3 TLS_AES_256_GCM_SHA384 h2'],
  ['when one must be and the other is not', tlsPolicy({ pqc: true }), { ...policy, ecdhCurve: 'X25519' }, 'refused'],
];
for (const [name, serverPolicy, clientPolicy, want] of policies) {
  test(`${name}: ${want}`, async () => {
    const told = await handshake({ server, client, serverPolicy, clientPolicy });
    expect(told.server.error === undefined).toBe(want !== 'refused');
    if (want !== 'refused') expect([told.client.protocol, told.client.cipher, told.client.alpn].join(' ')).toBe(want);
  });
}

const rsa = testAuthority({ key: 'rsa' });
const below = testAuthority({ intermediate: true });
const stranger = testAuthority();
const rotating = testAuthority({ alsoTrust: [mesh.root.certPem] });
const credentialsOf = (authority: typeof mesh): Credentials => authority.credentials(authority.id('default', 'x'));
/** Roots of the same name throughout: only their keys tell them apart. */
const chains: readonly (readonly [name: string, server: Credentials, client: Credentials, accepted: boolean])[] = [
  ['leaves of one root', server, client, true],
  ['leaves of an RSA root', credentialsOf(rsa), credentialsOf(rsa), true],
  ['leaves of an intermediate', credentialsOf(below), credentialsOf(below), true],
  ['leaves of an unknown root', server, credentialsOf(stranger), false],
  ['a client of the first of two trusted roots', credentialsOf(rotating), credentialsOf(rotating), true],
  ['a client of the second of two trusted roots', credentialsOf(rotating), { ...client, rootsPem: rotating.rootsPem }, true],
  ['an intermediate as the only root', ...anchored(), true],
];
for (const [name, one, other, accepted] of chains) {
  test(`${name}: ${accepted ? 'accepted' : 'refused'}`, async () => {
    const told = await handshake({ server: one, client: other });
    expect(told.server.error === undefined && told.client.error === undefined).toBe(accepted);
  });
}

function anchored(): readonly [Credentials, Credentials] {
  const rootsPem = [below.signing.certPem];
  return [
    { ...credentialsOf(below), rootsPem },
    { ...credentialsOf(below), rootsPem },
  ];
}

test('a client without a certificate is refused', async () => {
  expect((await handshake({ server })).server.error).toBe('ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE');
});

test('a session is never resumed', async () => {
  const first = await handshake({ server, client });
  const second = await handshake({ server, client, ...(first.client.session && { session: first.client.session }) });
  expect(second.client.reused ?? false).toBe(false);
});

test('one context per credentials and policy', () => {
  expect(contextFor(server, policy)).toBe(contextFor(server, policy));
  expect(contextFor(server, policy)).not.toBe(contextFor({ ...server }, policy));
  expect(contextFor(server, policy)).not.toBe(contextFor(server, tlsPolicy()));
  expect(contextFor(server, policy)).toBeInstanceOf(createSecureContext().constructor);
});
