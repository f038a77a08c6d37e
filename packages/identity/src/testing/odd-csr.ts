// Certificate requests that nobody should sign: names of others, names of other kinds, signatures by other keys.
// For tests of whoever receives requests; proper ones are written by csr.ts.
import type { KeyObject } from 'node:crypto';
import { context, embed, encode, integer, oid, sequence, set } from '../der-write.ts';
import { newKeyPair } from '../keys.ts';
import { oids } from '../oids.ts';
import { toPem } from '../pem.ts';
import { namesExtension, signed } from '../sign.ts';

export interface OddCsr {
  readonly uris: readonly string[];
  readonly dnsNames?: readonly string[];
  /** Default: the key of the request itself. */
  readonly signedBy?: KeyObject;
}

/** PEM of a request with a new P-256 key. */
export function oddCsr({ uris, dnsNames = [], signedBy }: OddCsr): string {
  const pair = newKeyPair();
  const body = sequence(
    integer(0),
    sequence(),
    embed(pair.publicKey.export({ type: 'spki', format: 'der' })),
    context(0, [sequence(oid(oids.extensionRequest), set(sequence(namesExtension(uris, true, dnsNames))))]),
  );
  return toPem(signed(encode(body), signedBy ?? pair.privateKey), 'CERTIFICATE REQUEST');
}
