// The composition root of the main thread: builds every part by hand, starts them in order, and stops them in reverse.
// Called by main.ts with the configuration. What the parts do is in their own files; the data threads are dataplane/.
import { missingCapabilities } from '@ambient-mesh/host/capabilities';
import { raiseOpenFiles } from '@ambient-mesh/host/limits';
import { CertificateBook } from '@ambient-mesh/identity/certificate-book';
import { collectCertificateMetrics } from '@ambient-mesh/identity/certificate-metrics';
import { Mesh } from '@ambient-mesh/model/mesh';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { Log } from '@ambient-mesh/runtime/log';
import { descriptorPort, LogOutput } from '@ambient-mesh/runtime/log-output';
import { Metrics } from '@ambient-mesh/runtime/metrics';
import { Readiness } from '@ambient-mesh/runtime/readiness';
import { systemClock } from '@ambient-mesh/runtime/time';
import { CaClient } from '@ambient-mesh/wire/ca/client';
import { patiently } from '@ambient-mesh/wire/ca/patiently';
import type { Config } from './config.ts';
import { caTarget } from './control-plane.ts';
import type { DataPlane } from './dataplane/data-plane.ts';
import { type WorkersOptions, workers } from './dataplane/workers.ts';
import { localFile } from './local-state.ts';
import { feed, type MeshFeed } from './mesh-feed.ts';
import { openPages } from './pages.ts';
import { Enrolment } from './pods/enrolment.ts';
import { Telemetry } from './telemetry/telemetry.ts';
import { startXds, type XdsControl } from './xds.ts';

export interface App extends AsyncDisposable {
  /** Starts the graceful shutdown; `ended` settles when open connections are over or the deadline has come. */
  shutdown(): void;
  /** Resolves after a shutdown; rejects when a part failed that the rest cannot do without. */
  readonly ended: Promise<void>;
}

export type StartFault = { readonly code: 'start.capabilities' };

/** @throws with everything closed again; the text is one sentence. */
export async function startApp(config: Config): Promise<App> {
  await using parts = new AsyncDisposableStack();
  const output = new LogOutput(descriptorPort(1));
  parts.defer(() => output.flush());
  const clock = systemClock;
  const log = new Log({ format: config.logFormat, directives: config.logLevel, write: output.line, clock, hiddenPrefix: 'ztunnel::' });
  const scope = log.for('ztunnel');
  checkRights(config);
  raiseOpenFiles();

  const ended = Promise.withResolvers<void>();
  // Whoever awaits `ended` comes later; until then a failure must not count as unhandled.
  ended.promise.catch(() => {});
  const stopping = new AbortController();
  parts.defer(() => stopping.abort(new Error('stopped')));
  const onLost = (why: unknown): void => ended.reject(why);

  const metrics = new Metrics();
  const telemetry = new Telemetry(metrics, log, clock);
  const readiness = new Readiness();
  const synced = readiness.expect('state manager');
  const created = config.enableProxy ? [readiness.expect('proxy')] : [];
  if (config.dnsProxyAddr !== undefined) created.push(readiness.expect('dns proxy'));

  const mesh = new Mesh({ ...(config.localNode !== undefined && { node: config.localNode }) });
  const book = parts.use(certificateBook(config));
  collectCertificateMetrics(metrics, book, clock);
  let xds: XdsControl | undefined;
  const ports = {
    credentialsFor: (id: Parameters<CertificateBook['fetch']>[0]) => book.fetch(id),
    demand: (key: string) => xds?.demand(key) ?? Promise.resolve(),
    log: output.line,
  };
  const plane = parts.use(await openDataPlane({ config, ports, onLost }));
  book.onChange((identity, credentials) => {
    plane.send(credentials === undefined ? { do: 'forget-identity', uri: identity.uri } : { do: 'credentials', credentials }).catch(onLost);
  });
  const meshFeed: MeshFeed = { mesh, plane, book: config.proxyMode === 'shared' ? book : undefined, onLost };
  const local = localFile(config);
  if (local !== undefined) feed(meshFeed, local.delta);

  const enrolment =
    config.proxyMode === 'shared'
      ? new Enrolment({
          socketPath: config.inpodUds,
          plane,
          readiness,
          metrics,
          log: log.for('ztunnel::inpod'),
          clock,
          random: Math.random,
        })
      : undefined;
  await enrolOwn(config, plane);
  const shutdown = (): void => {
    if (stopping.signal.aborted) return;
    scope.info(`shutting down; open connections have ${config.drainDeadline} ms`);
    stopping.abort(new Error('shutting down'));
    plane.send({ do: 'drain' }).then(ended.resolve, ended.reject);
  };
  parts.use(
    await openPages({ config, log, metrics, telemetry, readiness, mesh, book, plane, enrolment, staticConfig: local?.shown, shutdown }),
  );

  const serve = (): void => {
    synced[Symbol.dispose]();
    plane.send({ do: 'serve' }).catch(onLost);
    scope.info('the mesh is known, serving');
    enrolment?.run(stopping.signal).catch(onLost);
  };
  if (config.xds === undefined) serve();
  else
    xds = await startXds(
      { config, address: config.xds, apply: (delta) => feed(meshFeed, delta), synced: serve, metrics, log, clock, onLost },
      stopping.signal,
    );
  for (const token of created) token[Symbol.dispose]();

  const started = parts.move();
  return { shutdown, ended: ended.promise, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

/** Serving pods takes rights that are better missed now than at the first pod. */
function checkRights(config: Config): void {
  if (config.proxyMode !== 'shared') return;
  const [missing] = missingCapabilities(config.mark ?? 1337);
  if (missing === undefined) return;
  throw new MeshError<StartFault>(
    { code: 'start.capabilities' },
    `${missing}; serving pods needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN`,
  );
}

function certificateBook(config: Config): CertificateBook {
  const client = new CaClient(caTarget(config), systemClock);
  const ttlSeconds = Math.floor(config.secretTtl / 1000);
  const impersonate = config.proxyMode === 'shared';
  return new CertificateBook({
    sign: patiently((request, signal) => client.sign({ ...request, ttlSeconds, impersonate }, signal), systemClock),
    clock: systemClock,
    random: Math.random,
  });
}

/** The listeners of this process's own namespace: the one workload of dedicated mode, or the node proxy itself. */
async function enrolOwn(config: Config, plane: DataPlane): Promise<void> {
  const { proxyMode, proxyWorkloadInformation: dedicated, ownWorkload: self } = config;
  if (proxyMode === 'dedicated' && dedicated !== undefined)
    await plane.send({ do: 'enrol', pod: '', info: dedicated, netnsFd: undefined, role: 'pod' });
  else if (self !== undefined) await plane.send({ do: 'enrol', pod: 'self', info: self, netnsFd: undefined, role: 'self' });
}

/** The data plane's own code is loaded only where it runs: 9 MB less in the main thread when that is elsewhere. */
async function openDataPlane(options: WorkersOptions): Promise<DataPlane> {
  if (options.config.numWorkerThreads > 0) return workers(options);
  const { inProcess } = await import('./dataplane/in-process.ts');
  return inProcess(options.config, options.ports);
}
