// When a certificate is renewed. Pure.
// Asked by certificate-book.ts after each success.
// Failed renewals are the book's own affair.
import { type Ms, ms } from '@ambient-mesh/runtime/time';
import type { Credentials } from './credentials.ts';

/**
 * How long from `now` (milliseconds since the epoch): until half-life, less up to a tenth by chance so that a node's certificates do not all renew at once.
 * One that arrives past that (a wrong clock, an authority that caches) is renewed halfway to its expiry and not at once, which would be a storm.
 * `chance` is uniform in [0, 1). Never less than a second.
 */
export function renewIn({ notBefore, notAfter }: Pick<Credentials, 'notBefore' | 'notAfter'>, now: number, chance: number): Ms {
  const wait = notBefore + ((notAfter - notBefore) / 2) * (1 - chance / 10) - now;
  return ms(Math.max(1_000, wait > 0 ? wait : (notAfter - now) / 2));
}
