// What a scraper is told of certificates that are fresh, old, gone and not there yet.
import { Metrics } from '@ambient-mesh/runtime/metrics';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { collectCertificateMetrics } from './certificate-metrics.ts';

const day = 86_400_000;
const from = (notBefore: number, notAfter: number) => ({ notBefore: notBefore * day, notAfter: notAfter * day });

async function told(...periods: readonly (ReturnType<typeof from> | undefined)[]): Promise<readonly string[]> {
  const metrics = new Metrics();
  collectCertificateMetrics(metrics, { periods: () => periods }, { now: () => ms(100 * day) });
  return (await metrics.text()).split('\n').filter((line) => /^ambient/.test(line));
}

test('the one with least of its life left counts, whichever ends first', async () => {
  // Ends later, but most of its life is over.
  expect(await told(from(99, 101), from(10, 110), undefined)).toEqual([
    'ambient_certificates{state="valid"} 2',
    'ambient_certificates{state="expired"} 0',
    'ambient_certificates{state="missing"} 1',
    'ambient_certificate_least_remaining_ratio 0.1',
    `ambient_certificate_first_expiry_timestamp_seconds ${101 * 86_400}`,
  ]);
});

test('of one that has ended nothing is left', async () => {
  expect(await told(from(10, 90))).toEqual(
    expect.arrayContaining(['ambient_certificates{state="expired"} 1', 'ambient_certificate_least_remaining_ratio 0']),
  );
});

test('without certificates nothing is said of their ends', async () => {
  expect(await told(undefined)).toHaveLength(3);
});
