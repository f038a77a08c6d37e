// docs/metrics-istiod-lite.md against what the program declares: names, types and labels, in both directions.
// What the numbers mean is tested where they are counted.
import { join } from 'node:path';
import { metricsPage, NotingMetrics } from '@ambient-mesh/runtime/testing';
import { expect, test } from 'vitest';
import { type Counted, collectMetrics } from './collected-metrics.ts';
import { Telemetry } from './telemetry.ts';

test('docs/metrics-istiod-lite.md and the program name the same metrics, with the same types and labels', () => {
  const metrics = new NotingMetrics();
  new Telemetry(metrics);
  // Declaring reads nothing.
  collectMetrics(metrics, {} as Counted);
  expect(metricsPage(join(import.meta.dirname, '../../../docs/metrics-istiod-lite.md'))).toEqual(metrics.noted);
});
