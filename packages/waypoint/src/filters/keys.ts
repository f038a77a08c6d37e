// A set of public keys that tokens are checked with: read from JSON text once, asked per token.
// Used by jwks.ts, which says where the text comes from, and jwt.ts. Knows nothing of time or the network.
import { compactVerify, createLocalJWKSet, errors, importJWK, type JSONWebKeySet, type JWSHeaderParameters } from 'jose';

/** No `none`; symmetric ones only with `symmetric` keys, see below. */
const signatures = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
const codes = ['HS256', 'HS384', 'HS512'];

/** More are not keys of one issuer any more. */
const mostKeys = 200;

export type Verified = { readonly payload: Uint8Array } | { readonly failed: 'no matching key' | 'bad signature' | 'bad algorithm' };

export class KeySet {
  readonly #symmetric: JSONWebKeySet['keys'];
  readonly #named: boolean;
  readonly #keyFor: ReturnType<typeof createLocalJWKSet>;

  private constructor(keys: JSONWebKeySet['keys'], symmetric: boolean) {
    const open = keys.filter(({ kty }) => kty !== 'oct');
    this.#symmetric = symmetric ? keys.filter(({ kty }) => kty === 'oct') : [];
    this.#named = keys.some(({ kid }) => kid !== undefined);
    this.#keyFor = createLocalJWKSet({ keys: open });
  }

  /** `symmetric`: shared secrets are accepted, which only an operator may write down. Undefined: this is no JWK set. */
  static parse(text: string, symmetric: boolean): KeySet | undefined {
    try {
      const { keys }: { readonly keys?: unknown } = JSON.parse(text);
      if (!Array.isArray(keys) || keys.length > mostKeys) return undefined;
      return new KeySet(
        keys.filter((key) => typeof key === 'object' && key !== null && typeof key.kty === 'string'),
        symmetric,
      );
    } catch {
      return undefined;
    }
  }

  /** Checks the signature and nothing else. */
  async verify(token: string, header: JWSHeaderParameters): Promise<Verified> {
    const { alg } = header;
    if (alg === undefined || ![...signatures, ...codes].includes(alg)) return { failed: 'bad algorithm' };
    try {
      const candidates = codes.includes(alg) ? this.#secrets(header) : this.#keys(header);
      let tried = 0;
      for await (const key of candidates) {
        tried++;
        const payload = await verifiedBy(token, key, alg);
        if (payload !== undefined) return { payload };
      }
      return { failed: tried === 0 ? 'no matching key' : 'bad signature' };
    } catch {
      return { failed: 'bad signature' };
    }
  }

  /** A set without names is tried whole, whatever name the token gives. */
  async *#keys(header: JWSHeaderParameters): AsyncGenerator<CryptoKey> {
    const { kid: _, ...nameless } = header;
    try {
      yield await this.#keyFor(this.#named ? header : nameless, { payload: '', signature: '' });
    } catch (e) {
      if (e instanceof errors.JWKSMultipleMatchingKeys) yield* e;
      else if (!(e instanceof errors.JWKSNoMatchingKey)) throw e;
    }
  }

  async *#secrets({ alg, kid }: JWSHeaderParameters): AsyncGenerator<CryptoKey | Uint8Array> {
    for (const key of this.#symmetric) {
      const named = kid === undefined || key.kid === undefined || key.kid === kid;
      if (named && (key.alg === undefined || key.alg === alg)) yield await importJWK({ ...key, alg: alg ?? '' });
    }
  }
}

/** The payload, or undefined when this key did not sign the token. */
async function verifiedBy(token: string, key: CryptoKey | Uint8Array, algorithm: string): Promise<Uint8Array | undefined> {
  try {
    return (await compactVerify(token, key, { algorithms: [algorithm] })).payload;
  } catch (e) {
    if (e instanceof errors.JWSSignatureVerificationFailed) return undefined;
    throw e;
  }
}
