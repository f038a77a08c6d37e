// docs/metrics-cni-agent.md against what the program declares: names, types and labels, in both directions.
// What the numbers mean is tested where they are counted.
import { join } from 'node:path';
import { metricsPage, NotingMetrics } from '@ambient-mesh/runtime/testing';
import { expect, test } from 'vitest';
import { Members } from './apply/members.ts';
import { Outsiders } from './apply/outsiders.ts';
import { openLog } from './log.ts';
import { Reports } from './reports.ts';
import { Telemetry } from './telemetry.ts';

test('docs/metrics-cni-agent.md and the program name the same metrics, with the same types and labels', () => {
  const metrics = new NotingMetrics();
  const reports = new Reports(openLog('error'), new Telemetry(metrics));
  const silent = { warn: () => {}, recovered: () => {}, shut: () => {} };
  reports.collect(metrics, new Outsiders(silent), new Members());
  expect(metricsPage(join(import.meta.dirname, '../../../docs/metrics-cni-agent.md'))).toEqual(metrics.noted);
});
