// docs/metrics.md against what the program declares: names, types and labels, in both directions.
// Beside telemetry.ts; every module that declares metrics is built here, and the sources are searched for one that was forgotten.
// What the numbers mean is tested where they are counted.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collectCertificateMetrics } from '@ambient-mesh/identity/certificate-metrics';
import { Log } from '@ambient-mesh/runtime/log';
import { Readiness } from '@ambient-mesh/runtime/readiness';
import { fakeClock, type MetricsCatalogue, metricsPage, NotingMetrics } from '@ambient-mesh/runtime/testing';
import { expect, test } from 'vitest';
import { configure } from '../config.ts';
import type { DataPlane } from '../dataplane/data-plane.ts';
import { Enrolment } from '../pods/enrolment.ts';
import { startXds } from '../xds.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { Telemetry } from './telemetry.ts';

async function declared(): Promise<MetricsCatalogue> {
  const metrics = new NotingMetrics();
  const clock = fakeClock();
  const log = new Log({ format: 'plain', directives: 'off', write: () => {}, clock });
  const plane: DataPlane = {
    threads: [],
    send: async () => {},
    metrics: async () => [],
    connections: async () => [],
    [Symbol.asyncDispose]: async () => {},
  };
  new Telemetry(metrics, log, clock);
  collectCertificateMetrics(metrics, { periods: () => [] }, clock);
  registerProcessMetrics(metrics, { component: 'ztunnel', istioVersion: 'unknown', threads: () => [] });
  const random = () => 0.5;
  new Enrolment({ socketPath: '/nowhere', plane, readiness: new Readiness(), metrics, log: log.for('inpod'), clock, random });
  const configured = configure({ env: {}, cpus: 1, meshConfig: undefined });
  if ('mistakes' in configured) throw new Error(configured.mistakes.join(' '));
  const nothing = () => {};
  const xds = {
    config: configured.ok,
    address: 'https://127.0.0.1:1',
    apply: nothing,
    synced: nothing,
    metrics,
    log,
    clock,
    onLost: nothing,
  };
  await startXds(xds, AbortSignal.abort());
  return metrics.noted;
}

test('docs/metrics.md and the program name the same metrics, with the same types and labels', async () => {
  expect(metricsPage(join(import.meta.dirname, '../../../../docs/metrics.md'))).toEqual(await declared());
});

test('no file of the ztunnel declares a metric that this test does not see', async () => {
  const sources = globSync('**/*.ts', { cwd: join(import.meta.dirname, '..'), exclude: ['**/*.test.ts', '**/testing/**'] });
  const text = sources.map((file) => readFileSync(join(import.meta.dirname, '..', file), 'utf8')).join('\n');
  const named = new Set(Array.from(text.matchAll(/'((?:istio|ambient|process|tokio|workload_manager)_[a-z_]+)'/g), ([, name]) => name));
  const elsewhere = /^ambient_certificate/;
  expect([...named].sort()).toEqual(
    Object.keys(await declared())
      .filter((name) => !elsewhere.test(name))
      .sort(),
  );
});
