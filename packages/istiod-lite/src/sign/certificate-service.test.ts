// Certificate requests from arrival to answer: what is signed, and the gRPC code, count and reason of each refusal.
import { generateKeyPairSync } from 'node:crypto';
import { newRoot } from '@ambient-mesh/identity/authority';
import { writeCsr } from '@ambient-mesh/identity/csr';
import { newKeyPair } from '@ambient-mesh/identity/keys';
import { oddCsr } from '@ambient-mesh/identity/testing';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { expect, test } from 'vitest';
import type { Authenticated } from './authenticate.ts';
import { type CertificateOrder, CertificateService } from './certificate-service.ts';
import { NodePods } from './pods-by-node.ts';
import { SigningAuthority } from './signing-authority.ts';

const clock = fakeClock();
const client = spiffeId('td', 'default', 'client');
const other = spiffeId('td', 'default', 'other');
const tunnel: Authenticated = { identities: [spiffeId('td', 'istio-system', 'ztunnel')], by: 'token', pod: { name: 'zt', uid: 'u1' } };
const csrPem = writeCsr(client, newKeyPair());

function scene({ caller = tunnel, usable = true }: { caller?: Authenticated; usable?: boolean } = {}) {
  const pods = new NodePods();
  pods.set('istio-system/zt', { namespace: 'istio-system', uid: 'u1', serviceAccount: 'ztunnel', node: 'a', failed: false });
  pods.set('default/client', { namespace: 'default', uid: 'u2', serviceAccount: 'client', node: 'a', failed: false });
  const authority = new SigningAuthority({
    clock,
    defaultTtlMs: 86_400_000,
    maxTtlMs: 7_776_000_000,
    severalRoots: false,
    extraRootsPem: '',
    report: { adopted: () => {}, kept: () => {} },
  });
  if (usable) authority.offer(newRoot({ organization: 'td', notBefore: clock.now() - 1_000, notAfter: clock.now() + 86_400_000 }));
  const said: string[] = [];
  const service = new CertificateService({
    authenticate: async () => caller,
    rules: { trustedAccounts: new Set(['istio-system/ztunnel']), trustDomain: 'td', pods },
    authority,
    maxTtlSeconds: 7_776_000,
    report: { request: (outcome, _peer, who, detail) => said.push(`${outcome} ${who}: ${detail}`) },
  });
  const sign = (more: Partial<CertificateOrder> = {}) =>
    service.sign({
      certificate: [],
      authorization: 'Bearer sesame',
      clusterId: '',
      csrPem,
      ttlSeconds: 3_600,
      impersonated: client.uri,
      peer: 'p',
      ...more,
    });
  return { said, sign };
}

test('a node tunnel is signed the identity of a pod of its node: leaf, then the root', async () => {
  const { said, sign } = scene();
  const answer = await sign();
  expect('chainPem' in answer && answer.chainPem.length).toBe(2);
  expect(said).toEqual([`SUCCESS spiffe://td/ns/istio-system/sa/ztunnel: ${client.uri}`]);
});

const refusals: readonly (readonly [string, Parameters<typeof scene>[0], Partial<CertificateOrder>, number, RegExp])[] = [
  ['nobody knows the caller', { caller: { refused: 'token expired' } }, {}, 16, /^UNAUTHENTICATED unknown: token expired/],
  [
    'the identity is not on the node',
    {},
    { impersonated: other.uri, csrPem: writeCsr(other, newKeyPair()) },
    16,
    /^IMPERSONATION .*runs on node a/,
  ],
  ['the lifetime is over the longest', {}, { ttlSeconds: 7_776_001 }, 3, /^TTL_ERROR/],
  ['the lifetime is no number', {}, { ttlSeconds: Number.NaN }, 3, /^TTL_ERROR/],
  ['there is no request in it', {}, { csrPem: 'hello' }, 3, /^CSR_ERROR/],
  ['there are two requests in it', {}, { csrPem: csrPem + csrPem }, 3, /^CSR_ERROR/],
  ['the request names somebody else', {}, { csrPem: writeCsr(other, newKeyPair()) }, 3, /^CSR_ERROR .*another name/],
  ['the request names somebody else too', {}, { csrPem: oddCsr({ uris: [client.uri, other.uri] }) }, 3, /^CSR_ERROR .*another name/],
  [
    'the request names a host too',
    {},
    { csrPem: oddCsr({ uris: [client.uri], dnsNames: ['evil.example'] }) },
    3,
    /^CSR_ERROR .*another name/,
  ],
  [
    'the signature of the request is not by its key',
    {},
    { csrPem: oddCsr({ uris: [client.uri], signedBy: newKeyPair().privateKey }) },
    3,
    /^CSR_ERROR/,
  ],
  ['the key is RSA 1024', {}, { csrPem: writeCsr(client, generateKeyPairSync('rsa', { modulusLength: 1024 })) }, 3, /^CSR_ERROR/],
  ['there is no authority yet', { usable: false }, {}, 13, /^CA_NOT_READY/],
];
test.each(refusals)('refused when %s', async (_, how, order, status, why) => {
  const { said, sign } = scene(how);
  expect(await sign(order)).toMatchObject({ refused: { status } });
  expect(said).toEqual([expect.stringMatching(why)]);
  expect(said.join()).not.toMatch(/sesame|BEGIN/);
});

test.each([0, -5])('a lifetime of %i means the default', async (ttlSeconds) => {
  expect(await scene().sign({ ttlSeconds })).toHaveProperty('chainPem');
});
