// The odd certificates that a peer may show: one departure each from a proper leaf.
// Made by the test authority, so their signatures are right; the refusal must come from what they say.
// peer.test.ts says how each is refused.
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { CertificateShape } from '../issue.ts';
import { oids } from '../oids.ts';

export const oddNames = [
  'several identities',
  'no name',
  'quote in the name',
  'comma and a second name inside one name',
  'NUL in the name',
  'non-ASCII byte in the name',
  'trailing slash',
  'not a SPIFFE name',
  'other trust domain',
  'expired',
  'not yet valid',
  'CA as leaf',
  'CA key usage',
  'no extended key usage',
  'server usage only',
  'client usage only',
  'no digital signature',
] as const;
export type OddName = (typeof oddNames)[number];

const hourMs = 3_600_000;

export function oddShapes(identity: SpiffeId, now: number): Readonly<Record<OddName, Partial<CertificateShape>>> {
  const { uri, trustDomain, namespace, serviceAccount } = identity;
  return {
    'several identities': { uris: [uri, `${uri}-too`] },
    'no name': { uris: [] },
    'quote in the name': { uris: [`${uri}"`] },
    'comma and a second name inside one name': { uris: [`spiffe://${trustDomain}, URI:${uri}`, `${uri}, URI:${uri}`] },
    'NUL in the name': { uris: [`${uri}\0.example.org`] },
    'non-ASCII byte in the name': { uris: [`${uri}\u00e9`] },
    'trailing slash': { uris: [`${uri}/`] },
    'not a SPIFFE name': { uris: [`https://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`] },
    'other trust domain': { uris: [`spiffe://elsewhere.test/ns/${namespace}/sa/${serviceAccount}`] },
    expired: { notBefore: now - 2 * hourMs, notAfter: now - hourMs },
    'not yet valid': { notBefore: now + hourMs, notAfter: now + 2 * hourMs },
    'CA as leaf': { isAuthority: true, keyUsage: ['digitalSignature', 'keyCertSign'] },
    'CA key usage': { keyUsage: ['digitalSignature', 'keyCertSign'] },
    'no extended key usage': { extendedKeyUsage: [] },
    'server usage only': { extendedKeyUsage: [oids.serverAuth] },
    'client usage only': { extendedKeyUsage: [oids.clientAuth] },
    'no digital signature': { keyUsage: ['keyEncipherment'] },
  };
}
