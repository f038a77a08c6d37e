// Serves HTTP on a connection that came through the tunnel: one call of route/ for each request, whatever the version.
// Called by serve.ts; resolves when the connection is over. On drain the client is asked to go elsewhere, and requests in progress finish.
import { describeError } from '@ambient-mesh/runtime/errors';
import type { Conduit } from '@ambient-mesh/wire/conduit';
import { Http2Server } from '@ambient-mesh/wire/h2/http2-server';
import type { ServedRequest } from '@ambient-mesh/wire/http/exchange';
import { Http1Server } from '@ambient-mesh/wire/http1/server';
import type { Inlet } from '../inlet.ts';
import { serveRequest } from '../route/serve-request.ts';
import type { Shared } from '../shared.ts';

export function serveHttp(shared: Shared, inlet: Inlet, conduit: Conduit, version: 'http1' | 'h2'): Promise<void> {
  const { clock, memory, drain, log } = shared;
  const { promise, resolve } = Promise.withResolvers<void>();
  const events = {
    onRequest: (request: ServedRequest) =>
      void serveRequest(shared, inlet, request).catch((e: unknown) => {
        // It does not reject; if it does all the same it costs this request, not the process.
        log.error({ why: describeError(e) }, 'a request was dropped');
        request.abort();
      }),
    onClosed: () => resolve(),
  };
  const server =
    version === 'h2'
      ? new Http2Server(conduit, { clock, memory, ...events })
      : new Http1Server(conduit, { clock, ...events, malformed: (status, reason) => shared.telemetry.malformed(inlet, status, reason) });
  const shutdown = (): void => server.shutdown();
  const destroy = (): void => server.destroy();
  if (drain.signal.aborted) shutdown();
  drain.signal.addEventListener('abort', shutdown, { once: true });
  drain.forced.addEventListener('abort', destroy, { once: true });
  return promise.finally(() => {
    drain.signal.removeEventListener('abort', shutdown);
    drain.forced.removeEventListener('abort', destroy);
  });
}
