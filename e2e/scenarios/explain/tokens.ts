// Tokens that pods send in explain.test.ts, and the keys that policies know: made anew for each run.
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export interface Tokens {
  /** For RequestAuthentications. */
  readonly jwks: string;
  /** Good and bad ones. */
  readonly all: readonly string[];
}

export const issuers = ['issuer.one', 'issuer.two'] as const;

export async function makeTokens(): Promise<Tokens> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' };
  const sign = (claims: Readonly<Record<string, unknown>>): Promise<string> =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(privateKey);
  const all = [
    sign({ iss: 'issuer.one', sub: 'ann', aud: 'shop', group: 'admins' }),
    sign({ iss: 'issuer.one', sub: 'bob', aud: ['other'], group: ['users', 'admins'], scope: 'read write' }),
    sign({ iss: 'issuer.two', sub: 'ann', group: 'users' }),
    sign({ iss: 'issuer.unknown', sub: 'eve' }),
    sign({ iss: 'issuer.one', sub: 'old', aud: 'shop', exp: 1_000_000_000 }),
    sign({ iss: 'issuer.two', sub: 'young', nbf: 9_000_000_000 }),
  ];
  return { jwks: JSON.stringify({ keys: [jwk] }), all: [...(await Promise.all(all)), 'no.token'] };
}
