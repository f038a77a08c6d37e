// How the certificates of a proxy do, for Prometheus: how many there are, and how much of its life the one has left that has least.
// Declared once by the program that owns the book. A renewal that fails shows long before anybody is refused for it.
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { CertificateBook } from './certificate-book.ts';

export function collectCertificateMetrics(metrics: Metrics, book: Pick<CertificateBook, 'periods'>, clock: Pick<Clock, 'now'>): void {
  const leftOf = (period: { readonly notBefore: number; readonly notAfter: number }): number =>
    Math.max(0, (period.notAfter - clock.now()) / (period.notAfter - period.notBefore));
  const held = () => [...book.periods()].filter((period) => period !== undefined);
  metrics.collected({
    name: 'ambient_certificates',
    help: 'Identities by how their certificate is (unstable).',
    kind: 'gauge',
    labels: ['state'],
    read: () => {
      const all = [...book.periods()];
      const valid = held().filter((period) => leftOf(period) > 0).length;
      const ended = held().length - valid;
      return [
        [{ state: 'valid' }, valid],
        [{ state: 'expired' }, ended],
        [{ state: 'missing' }, all.length - valid - ended],
      ];
    },
  });
  metrics.collected({
    name: 'ambient_certificate_least_remaining_ratio',
    help: 'Of the certificate that has least of its life left, which part (unstable).',
    kind: 'gauge',
    labels: [],
    read: () => least(held().map(leftOf)),
  });
  metrics.collected({
    name: 'ambient_certificate_first_expiry_timestamp_seconds',
    help: 'When the first certificate ends, in seconds since 1970 (unstable).',
    kind: 'gauge',
    labels: [],
    read: () => least(held().map(({ notAfter }) => notAfter / 1_000)),
  });
}

/** No sample while there is no certificate. */
const least = (values: readonly number[]): readonly (readonly [Record<never, string>, number])[] =>
  values.length === 0 ? [] : [[{}, values.reduce((a, b) => Math.min(a, b))]];
