// The pages of the agent over HTTP: health and readiness, and the metrics. Opened first, so that an agent that waits can say for what.
import type { Ip } from '@ambient-mesh/model/address';
import { type Reply, serveHttp } from '@ambient-mesh/runtime/http';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import type { Readiness } from '@ambient-mesh/runtime/readiness';

export interface PagesOptions {
  /** Of health and readiness; 0 takes a free one. */
  readonly healthPort: number;
  readonly monitoringPort: number;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
}

const everywhere = '::' as Ip;
const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

export async function openPages({ healthPort, monitoringPort, readiness, metrics }: PagesOptions): Promise<AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  const ready = (): Reply =>
    readiness.missing.length === 0
      ? { body: 'ready\n' }
      : { status: 503, body: `not ready: waiting for ${readiness.missing.join(', ')}\n` };
  const health = [
    { path: '/healthz', handler: () => ({ body: 'alive\n' }) },
    { path: '/readyz', handler: ready },
  ];
  const monitoring = [{ path: '/metrics', handler: async () => ({ type: openMetrics, body: await metrics.text() }), compress: true }];
  parts.use(await serveHttp({ listen: [{ ip: everywhere, port: healthPort }], routes: health }));
  parts.use(await serveHttp({ listen: [{ ip: everywhere, port: monitoringPort }], routes: monitoring }));
  const all = parts.move();
  return { [Symbol.asyncDispose]: () => all.disposeAsync() };
}
