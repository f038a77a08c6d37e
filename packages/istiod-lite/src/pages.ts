// The pages of istiod-lite over HTTP: readiness, metrics, and on loopback what each client was sent.
// Opened first of all by app.ts, so that a process that waits for the API server can say so.
import { canonicalIp, isLoopback, type SocketAddress } from '@ambient-mesh/model/address';
import { type HttpServer, type Reply, type Request, serveHttp } from '@ambient-mesh/runtime/http';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import type { Readiness } from '@ambient-mesh/runtime/readiness';
import type { Listeners } from './config.ts';

export interface PagesOptions {
  readonly listen: Pick<Listeners, 'http' | 'monitoring' | 'debug'>;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  /** By path below `/debug/`: what is shown as JSON. */
  readonly debug: Readonly<Record<string, () => unknown>>;
  readonly version: string;
  /** The same on the monitoring port, for clients inside the pod, where port-forwards come from: others have no business with names of all pods and services. */
  readonly inside: Readonly<Record<string, () => unknown>>;
}

export interface Pages extends AsyncDisposable {
  readonly http: SocketAddress;
  readonly monitoring: SocketAddress;
  readonly debug: SocketAddress;
}

/** Whether a client as the kernel names it is in this very pod. */
export const isLocal = (from: string): boolean => from !== '' && isLoopback(canonicalIp(from));

const json = (value: unknown): Reply => ({ type: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` });
const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

export async function openPages({ listen, readiness, metrics, debug, version, inside }: PagesOptions): Promise<Pages> {
  await using parts = new AsyncDisposableStack();
  const ready = (): Reply =>
    readiness.missing.length === 0
      ? { body: 'ready\n' }
      : { status: 503, body: `not ready: waiting for ${readiness.missing.join(', ')}\n` };
  const open = async (at: SocketAddress, routes: Parameters<typeof serveHttp>[0]['routes']): Promise<SocketAddress> => {
    const server: HttpServer = parts.use(await serveHttp({ listen: [at], routes }));
    return { ip: at.ip, port: server.addresses[0]?.port ?? at.port };
  };
  const http = await open(listen.http, [
    { path: '/ready', handler: ready },
    { path: '/healthz', handler: () => ({ body: 'alive\n' }) },
  ]);
  const monitoring = await open(listen.monitoring, [
    { path: '/metrics', handler: async () => ({ type: openMetrics, body: await metrics.text() }), compress: true },
    { path: '/version', handler: () => ({ body: version }) },
    ...Object.entries(inside).map(([name, show]) => ({
      path: `/debug/${name}`,
      methods: ['GET'],
      handler: ({ from }: Request) =>
        isLocal(from) ? json(show()) : { status: 403, body: 'only from inside the pod, as by kubectl port-forward\n' },
      compress: true,
    })),
  ]);
  const pages = Object.entries(debug);
  const index = { path: '/debug', handler: () => json(pages.map(([name]) => `/debug/${name}`)) };
  const debugging = await open(listen.debug, [
    index,
    ...pages.map(([name, show]) => ({ path: `/debug/${name}`, methods: ['GET'], handler: () => json(show()), compress: true })),
  ]);
  const all = parts.move();
  return { http, monitoring, debug: debugging, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
