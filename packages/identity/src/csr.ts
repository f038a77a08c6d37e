// Certificate requests (PKCS#10, RFC 2986): ours are written here, and those that an authority receives are read here.
// Written by certificate-book.ts for the CA client; read by authority.ts.
// Ours have an empty subject and ask for one extension: the SPIFFE id as the only name, critical.
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import { contextTag, type DerCursor, parseDer, readInteger, readOid, readWholeBits, refuse, tags } from './der.ts';
import { context, embed, encode, integer, oid, sequence, set } from './der-write.ts';
import type { KeyPair } from './keys.ts';
import { oids } from './oids.ts';
import { pemBlocks, toPem } from './pem.ts';
import { namesExtension, signed } from './sign.ts';
import { isSignedBy } from './verify.ts';
import { readExtensions, readUris } from './x509.ts';

const label = 'CERTIFICATE REQUEST';
/** A request of ours is under 500 bytes, one with an RSA-4096 key under 2 KiB. */
const maxRequestBytes = 16 * 1024;

/** PEM of a request for a certificate that names `identity`, signed by the pair's private key. */
export function writeCsr(identity: SpiffeId, pair: KeyPair): string {
  const wanted = set(sequence(namesExtension([identity.uri], true)));
  const body = sequence(
    integer(0),
    sequence(),
    embed(pair.publicKey.export({ type: 'spki', format: 'der' })),
    context(0, [sequence(oid(oids.extensionRequest), wanted)]),
  );
  return toPem(signed(encode(body), pair.privateKey), label);
}

export interface CertificateRequest {
  readonly publicKey: KeyObject;
  /** URI names asked for; an authority grants what the caller may have, not what it asks. */
  readonly uris: readonly string[];
  /** It asks for names of other kinds too (DNS, IP, mail …). */
  readonly otherNames: boolean;
}

/** @returns undefined unless the text holds exactly one well-formed request whose signature proves possession of its key. */
export function readCsr(pem: string): CertificateRequest | undefined {
  const [der, ...more] = pemBlocks(pem.length > 2 * maxRequestBytes ? '' : pem, label);
  if (der === undefined || more.length > 0) return undefined;
  return parseDer(der, (whole) => {
    const request = whole.enter(tags.sequence);
    const body = request.takeWhole(tags.sequence);
    const algorithm = request.takeWhole(tags.sequence);
    const signature = readWholeBits(request.take(tags.bitString));
    request.finish();
    const { key, uris, otherNames } = parseDer(body, (cursor) => readBody(cursor.enter(tags.sequence))) ?? refuse('body');
    const publicKey = acceptableKey(key) ?? refuse('key');
    if (!isSignedBy(publicKey, { body, algorithm, signature })) refuse('signature');
    return { publicKey, uris, otherNames };
  });
}

function readBody(body: DerCursor): { key: Buffer; uris: readonly string[]; otherNames: boolean } {
  if (readInteger(body.take(tags.integer)) !== '00') refuse('version');
  body.take(tags.sequence);
  const key = body.takeWhole(tags.sequence);
  const attributes = body.enter(contextTag(0, 'constructed'));
  body.finish();
  let uris: readonly string[] = [];
  let otherNames = false;
  while (attributes.more) {
    const attribute = attributes.enter(tags.sequence);
    if (readOid(attribute.take(tags.oid)) !== oids.extensionRequest) continue;
    const names = readExtensions(attribute.enter(tags.set)).get(oids.subjectAltName);
    if (names === undefined) continue;
    uris = parseDer(names.value, readUris) ?? refuse('names');
    otherNames = (parseDer(names.value, countNames) ?? 0) > uris.length;
  }
  return { key, uris, otherNames };
}

function countNames(cursor: DerCursor): number {
  const names = cursor.enter(tags.sequence);
  let count = 0;
  for (; names.more; count++) names.skip();
  return count;
}

/** P-256 and stronger curves, Ed25519, RSA of 2048 bits or more; undefined for anything else. */
function acceptableKey(spki: Buffer): KeyObject | undefined {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const strong =
    key.asymmetricKeyType === 'ed25519' ||
    (key.asymmetricKeyType === 'ec' && ['prime256v1', 'secp384r1', 'secp521r1'].includes(namedCurve)) ||
    (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048 && modulusLength <= 8192);
  return strong ? key : undefined;
}
