// JSON web tokens of one kind only: ES256, signed and checked with the same key pair (RFC 7515, RFC 7518 §3.4).
// Used for service-account tokens. Whoever sends a token controls its bytes: anything odd is simply not a token of ours.
import { createHash, type KeyObject, sign, verify } from 'node:crypto';
import type { KeyPair } from '@ambient-mesh/identity/keys';
import { isObject, type Json, type JsonObject } from '../patch/json.ts';

/** Longer ones are not read at all. */
const maxTokenLength = 16_384;

const encode = (value: Json): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function signToken({ publicKey, privateKey }: KeyPair, claims: JsonObject): string {
  const signed = `${encode({ alg: 'ES256', kid: keyId(publicKey) })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** The claims; undefined when the token is not signed by this key. Times and audiences are the caller's affair. */
export function readToken({ publicKey }: Pick<KeyPair, 'publicKey'>, token: string): JsonObject | undefined {
  if (token.length > maxTokenLength) return undefined;
  const [header = '', payload = '', signature = '', ...rest] = token.split('.');
  if (rest.length > 0 || decode(header)?.alg !== 'ES256') return undefined;
  const bytes = Buffer.from(signature, 'base64url');
  const isOurs = verify('sha256', Buffer.from(`${header}.${payload}`), { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes);
  return isOurs ? decode(payload) : undefined;
}

function decode(part: string): JsonObject | undefined {
  try {
    const read: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return isObject(read) ? read : undefined;
  } catch {
    return undefined;
  }
}

const keyId = (publicKey: KeyObject): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
