// The composition root of the waypoint: builds every part by hand, starts them in order, and stops them in reverse.
// Called by main.ts with the configuration. A connection goes receive/ -> route/ (or raw/) -> dispatch/.
import { collectCertificateMetrics } from '@ambient-mesh/identity/certificate-metrics';
import { tlsPolicy } from '@ambient-mesh/identity/tls-context';
import type { MeshDelta } from '@ambient-mesh/model/delta';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { Drain } from '@ambient-mesh/runtime/drain';
import { describeError } from '@ambient-mesh/runtime/errors';
import { Metrics } from '@ambient-mesh/runtime/metrics';
import { Readiness } from '@ambient-mesh/runtime/readiness';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import { ReadMemory } from '@ambient-mesh/wire/read-memory';
import type { Rejection } from '@ambient-mesh/wire/xds/subscription';
import type { Config } from './config.ts';
import { certificateBook, follow } from './control.ts';
import { caller } from './dispatch/caller.ts';
import { Destinations } from './dispatch/destinations.ts';
import { Dialler } from './dispatch/dial.ts';
import { fetcher } from './dispatch/fetch-text.ts';
import { Names } from './dispatch/names.ts';
import { linkPorts } from './dispatch/open-link.ts';
import { Filters } from './filters/filters.ts';
import { openLog } from './log.ts';
import { openPages } from './pages.ts';
import { TunnelListener } from './receive/listen.ts';
import { serveConnect } from './receive/serve.ts';
import type { Shared } from './shared.ts';
import { Telemetry } from './telemetry/telemetry.ts';
import { World } from './world.ts';

export interface App extends AsyncDisposable {
  /** Starts the graceful shutdown; `ended` settles when what is open is over or the deadline has come. */
  shutdown(): void;
  /** Resolves after a shutdown; rejects when a part failed that the rest cannot do without. */
  readonly ended: Promise<void>;
}

/** How long collectors of spans may take for what is left at the end. */
const lastWords = ms(2_000);

/** @throws with everything closed again; the text is one sentence. Does not wait for the control plane: readiness does. */
export async function startApp(config: Config, stop: AbortSignal): Promise<App> {
  await using parts = new AsyncDisposableStack();
  const clock = systemClock;
  const log = openLog(config.logLevel);
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => {});
  const stopping = new AbortController();
  parts.defer(() => stopping.abort(new Error('stopped')));
  const signal = AbortSignal.any([stop, stopping.signal]);

  const metrics = new Metrics();
  const readiness = new Readiness();
  const synced = readiness.expect('the control plane');
  const certified = readiness.expect('the certificate');
  const book = parts.use(certificateBook(config));
  collectCertificateMetrics(metrics, book, clock);
  const identity = spiffeId(config.trustDomain, config.podNamespace, config.serviceAccount);
  const credentials = () => book.fetch(identity);
  const tls = tlsPolicy();
  const memory = new ReadMemory();
  const world = new World(config, (uid) => dialler.forget(uid));
  const dialler = parts.use(
    new Dialler({ clock, memory, tls, identity, credentials, self: () => world.self, names: new Names(clock), random: Math.random }),
  );
  const destinations = new Destinations({
    world,
    clock,
    random: Math.random,
    links: (destination, upstream) => linkPorts({ dialler, clock, memory, destination, upstream, connectTimeout: config.connectTimeout }),
  });
  parts.defer(() => destinations.destroy());
  const drain = new Drain({ deadline: config.drainDeadline, clock });
  const call = caller(destinations);
  const { istioVersion } = config;
  const telemetry = parts.use(new Telemetry({ world, metrics, clock, call, log, random: Math.random, streams: process, istioVersion }));
  const filters = parts.use(
    new Filters({ world, destinations, clock, log, metrics, fetchBytes: fetcher(world, destinations, config.clusterDomain) }),
  );
  const shared: Shared = { config, world, clock, memory, random: Math.random, destinations, dialler, filters, telemetry, drain, log };
  const listener = parts.use(
    new TunnelListener({
      port: config.hbonePort,
      tls,
      clock,
      memory,
      credentials,
      serve: (request, from) => void serveConnect(shared, request, from),
      refused: (from, why) => log.warn({ from, why }, 'a connection never became a tunnel'),
    }),
  );
  parts.use(await openPages({ config, readiness, metrics, world, book, destinations, listener, shutdown: () => shutdown() }));

  const told = (delta: MeshDelta): readonly Rejection[] => {
    const rejected = world.apply(delta);
    filters.worldChanged();
    return rejected;
  };
  follow({ config, apply: told, synced: () => synced[Symbol.dispose](), metrics, log }, signal).catch((e: unknown) => {
    if (!signal.aborted) ended.reject(e);
  });
  void certify(
    () => book.fetch(identity),
    () => certified[Symbol.dispose](),
    (why) => log.warn({ why }, 'no certificate yet'),
    signal,
  );
  const port = await listener.listen();
  log.info({ port, identity: identity.uri, gateway: `${config.podNamespace}/${config.gateway}` }, 'taking tunnels');

  let leaving = false;
  const shutdown = (): void => {
    if (leaving) return;
    leaving = true;
    readiness.expect('the end: this waypoint is stopping');
    log.info({ deadline: config.drainDeadline }, 'stopping: clients are asked to leave');
    // The mesh needs a moment to learn that this pod is going; who comes in it is served, and told to come no more.
    listener.leave();
    clock.after(ms(Math.min(config.minDrain, config.drainDeadline)), () => {
      listener.close();
      drain.start('graceful');
    });
    void drain.drained().then(() => {
      void telemetry.flush(lastWords).finally(() => ended.resolve());
    });
  };
  const all = parts.move();
  return { shutdown, ended: ended.promise, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function certify(fetch: () => Promise<unknown>, done: () => void, failed: (why: string) => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await fetch();
      return done();
    } catch (e) {
      failed(describeError(e));
      await systemClock.sleep(ms(1_000), signal).catch(() => {});
    }
  }
}
