// The HTTP pages of the process: readiness, metrics on two ports, and debug pages on loopback.
// Made by app.ts; a taken port fails the start.
import type { CertificateBook } from '@ambient-mesh/identity/certificate-book';
import { type Route, serveHttp } from '@ambient-mesh/runtime/http';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import type { Readiness } from '@ambient-mesh/runtime/readiness';
import type { Config } from './config.ts';
import type { Destinations } from './dispatch/destinations.ts';
import { configDump } from './dump.ts';
import type { TunnelListener } from './receive/listen.ts';
import type { World } from './world.ts';

export interface PageParts {
  readonly config: Config;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly world: World;
  readonly book: CertificateBook;
  readonly destinations: Destinations;
  readonly listener: TunnelListener;
  readonly shutdown: () => void;
}

const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

export async function openPages(parts: PageParts): Promise<AsyncDisposable> {
  const { config, readiness, metrics } = parts;
  await using servers = new AsyncDisposableStack();
  const serve = async (ip: string, port: number, routes: readonly Route[]): Promise<void> => {
    servers.use(await serveHttp({ listen: [{ ip, port }], routes }));
  };
  const page = async () => ({ type: openMetrics, body: await metrics.text() });
  const metricPages: readonly Route[] = ['/stats/prometheus', '/metrics'].map((path) => ({ path, compress: true, handler: page }));
  const ready: Route = {
    path: '/healthz/ready',
    handler: () => {
      const { missing } = readiness;
      return missing.length === 0 ? { body: 'ready\n' } : { status: 503, body: `not ready, waiting for: ${missing.join(', ')}\n` };
    },
  };
  await serve('::', config.statusPort, [ready]);
  await serve('::', config.statsPort, metricPages);
  if (config.prometheusPort !== 0) await serve('::', config.prometheusPort, metricPages);
  await serve('127.0.0.1', config.adminPort, debugPages(parts));
  return servers.move();
}

function debugPages(parts: PageParts): readonly Route[] {
  return [
    { path: '/config_dump', compress: true, handler: () => ({ type: 'application/json', body: configDump(parts) }) },
    {
      path: '/quitquitquit',
      methods: ['POST'],
      handler: () => {
        parts.shutdown();
        return { body: 'shutdown now\n' };
      },
    },
  ];
}
