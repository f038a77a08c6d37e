// Writes certificate revocation lists (RFC 5280 §5) for tests; the mesh itself only reads them.
// Used by the test authority.
// Entries carry serial and date only, as the lists of common authorities do.
import { context, embed, encode, integer, sequence, time } from '../der-write.ts';
import type { Signer } from '../issue.ts';
import { oids } from '../oids.ts';
import { pemBlocks, toPem } from '../pem.ts';
import { algorithmOf, extension, signed } from '../sign.ts';
import { readCertificate } from '../x509.ts';

/** PEM of a list by `by` that revokes the first certificate of each PEM. */
export function writeCrl(by: Signer, certificatesPem: readonly string[], now: number): string {
  const revoked = certificatesPem.map((pem) => sequence(integer(Buffer.from(serialOf(pem), 'hex')), time(now)));
  const body = sequence(
    integer(1),
    algorithmOf(by.key).identifier,
    embed(by.name),
    time(now - 60_000),
    time(now + 3_600_000),
    ...(revoked.length > 0 ? [sequence(...revoked)] : []),
    context(0, [sequence(extension(oids.crlNumber, false, integer(1)))]),
  );
  return toPem(signed(encode(body), by.key), 'X509 CRL');
}

function serialOf(pem: string): string {
  const [der] = pemBlocks(pem, 'CERTIFICATE');
  const serial = der && readCertificate(der)?.serial;
  if (serial === undefined) throw new TypeError('no certificate to revoke');
  return serial;
}
