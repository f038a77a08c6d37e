// Reads certificate revocation lists (RFC 5280 §5) from PEM or DER.
// revocation.ts asks them; revocation-file.ts says where the bytes come from.
// A list that cannot be understood whole is refused: half a list would revoke half of what was meant.
import type { KeyObject } from 'node:crypto';
import { contextTag, type DerCursor, parseDer, readInteger, readWholeBits, refuse, tags, takeTime } from './der.ts';
import { oids } from './oids.ts';
import { pemBlocks } from './pem.ts';
import { isSignedBy, type Signed, schemeOf } from './verify.ts';
import { readExtensions } from './x509.ts';

export interface RevocationList {
  /** Distinguished name as whole DER. */
  readonly issuer: Buffer;
  /** As in CertificateFields. */
  readonly serials: ReadonlySet<string>;
  /** Whether this key signed the list. */
  signedBy(key: KeyObject): boolean;
}

/**
 * Every list in a file: PEM blocks (other kinds are skipped), or else one DER list. A file without any is no revocations.
 * @returns a sentence when one of them cannot be read.
 */
export function readRevocationLists(file: Buffer): readonly RevocationList[] | { readonly mistake: string } {
  const armoured = file.includes('-----BEGIN ');
  const blocks = armoured ? pemBlocks(file.toString('latin1'), 'X509 CRL') : file.toString('latin1').trim() === '' ? [] : [file];
  const lists: RevocationList[] = [];
  for (const [at, der] of blocks.entries()) {
    const list = readList(der);
    if (list === undefined) return { mistake: `revocation list ${at + 1} of ${blocks.length} cannot be read` };
    lists.push(list);
  }
  return lists;
}

function readList(der: Buffer): RevocationList | undefined {
  return parseDer(der, (whole) => {
    const list = whole.enter(tags.sequence);
    const body = list.takeWhole(tags.sequence);
    const signed: Signed = { body, algorithm: list.takeWhole(tags.sequence), signature: readWholeBits(list.take(tags.bitString)) };
    list.finish();
    if (schemeOf(signed.algorithm) === undefined) refuse('signature scheme');
    const { issuer, serials } = parseDer(body, (cursor) => readBody(cursor.enter(tags.sequence))) ?? refuse('body');
    return { issuer, serials, signedBy: (key) => isSignedBy(key, signed) };
  });
}

function readBody(body: DerCursor): Pick<RevocationList, 'issuer' | 'serials'> {
  body.optional(tags.integer);
  body.take(tags.sequence);
  const issuer = body.takeWhole(tags.sequence);
  takeTime(body);
  if (body.tag === tags.utcTime || body.tag === tags.generalizedTime) takeTime(body);
  const serials = body.tag === tags.sequence ? readEntries(body.enter(tags.sequence)) : new Set<string>();
  if (body.more) checkExtensions(body.enter(contextTag(0, 'constructed')));
  body.finish();
  return { issuer, serials };
}

function readEntries(entries: DerCursor): ReadonlySet<string> {
  const serials = new Set<string>();
  while (entries.more) {
    const entry = entries.enter(tags.sequence);
    serials.add(readInteger(entry.take(tags.integer)));
    takeTime(entry);
    if (entry.more) checkExtensions(entry);
  }
  return serials;
}

/** Critical, yet without effect on what a listed serial means. */
const harmless: ReadonlySet<string> = new Set([oids.crlNumber, oids.authorityKeyId, oids.issuingDistributionPoint]);

/** Refuses what would change the meaning of an entry: delta lists, entries of other issuers, and whatever else is critical (RFC 5280 §5.2, §5.3). */
function checkExtensions(wrapped: DerCursor): void {
  for (const [id, { critical }] of readExtensions(wrapped)) if (critical && !harmless.has(id)) refuse(`critical extension ${id}`);
}
