// docs/metrics-waypoint.md against what the program declares: names, types and labels, in both directions.
// What the numbers mean is tested where they are counted.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { collectCertificateMetrics } from '@ambient-mesh/identity/certificate-metrics';
import { type MetricsCatalogue, metricsPage, NotingMetrics } from '@ambient-mesh/runtime/testing';
import { systemClock } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { configure } from '../config.ts';
import { follow } from '../control.ts';
import { PluginMetrics } from '../filters/wasm/plugin-metrics.ts';
import { openLog } from '../log.ts';
import { World } from '../world.ts';
import { Telemetry } from './telemetry.ts';

async function declared(): Promise<MetricsCatalogue> {
  const configured = configure({});
  if ('mistakes' in configured) throw new Error(configured.mistakes.join(' '));
  const [config, metrics, log] = [configured.ok, new NotingMetrics(), openLog('error')];
  const nowhere = new Writable();
  using _telemetry = new Telemetry({
    world: new World(config, () => {}),
    metrics,
    clock: systemClock,
    call: () => Promise.reject(new Error('nobody is called')),
    log,
    random: () => 0.5,
    streams: { stdout: nowhere, stderr: nowhere },
    istioVersion: 'unknown',
  });
  new PluginMetrics(metrics);
  collectCertificateMetrics(metrics, { periods: () => [] }, systemClock);
  await follow({ config, apply: () => [], synced: () => {}, metrics, log }, AbortSignal.abort()).catch(() => {});
  return metrics.noted;
}

test('docs/metrics-waypoint.md and the program name the same metrics, with the same types and labels', async () => {
  expect(metricsPage(join(import.meta.dirname, '../../../../docs/metrics-waypoint.md'))).toEqual(await declared());
});

test('no file of the waypoint declares a metric that this test does not see', async () => {
  const sources = globSync('**/*.ts', { cwd: join(import.meta.dirname, '..'), exclude: ['**/*.test.ts', '**/testing/**'] });
  const text = sources.map((file) => readFileSync(join(import.meta.dirname, '..', file), 'utf8')).join('\n');
  const named = new Set(Array.from(text.matchAll(/'((?:istio|ambient)_[a-z_]+)'/g), ([, name]) => name));
  const elsewhere = /^ambient_certificate/;
  expect([...named].sort()).toEqual(
    Object.keys(await declared())
      .filter((name) => !elsewhere.test(name))
      .sort(),
  );
});
