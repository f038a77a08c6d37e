// The composition root of istiod-lite: builds every part by hand, starts them in order, and stops them in reverse.
// Called by main.ts with the configuration. What the parts do is in their own files: feed -> push -> clients, sign, status.
import { loadAccess } from '@ambient-mesh/kube/access';
import { KubeClient } from '@ambient-mesh/kube/client';
import { LeaderElection } from '@ambient-mesh/kube/lease';
import type { WatchReport } from '@ambient-mesh/kube/list-watch';
import { reviewToken } from '@ambient-mesh/kube/review';
import type { SocketAddress } from '@ambient-mesh/model/address';
import { Metrics } from '@ambient-mesh/runtime/metrics';
import { Readiness } from '@ambient-mesh/runtime/readiness';
import { type Clock, systemClock } from '@ambient-mesh/runtime/time';
import type { TranslateSettings } from '@ambient-mesh/translate/settings';
import type { XdsServer } from '@ambient-mesh/wire/xds/server';
import { collectMetrics } from './collected-metrics.ts';
import type { Config } from './config.ts';
import { Discovery } from './feed/discovery.ts';
import { Feed } from './feed/feed.ts';
import { openGraph } from './graph.ts';
import { registry, syncStatus, versionText } from './istio-pages.ts';
import { Leader } from './leader.ts';
import { type Logger, openLog } from './log.ts';
import { openPages, type Pages } from './pages.ts';
import { Publisher } from './push/publisher.ts';
import { type Serving, serve, xdsServer } from './serve.ts';
import { Authenticator } from './sign/authenticate.ts';
import { CertificateService, type Outcome } from './sign/certificate-service.ts';
import { keepOwnRoot } from './sign/own-root.ts';
import { usePluggedIn } from './sign/plugged-in.ts';
import { NodePods } from './sign/pods-by-node.ts';
import { SigningAuthority } from './sign/signing-authority.ts';
import { Telemetry } from './telemetry.ts';

export interface App extends AsyncDisposable {
  /** Where it listens. */
  readonly secure: SocketAddress;
  readonly pages: Pages;
  /** Starts the graceful shutdown: clients are asked to leave, leadership is given up. */
  shutdown(): void;
  /** Resolves after a shutdown; rejects when a part failed that the rest cannot do without. */
  readonly ended: Promise<void>;
}

/** @throws with everything closed again; the text is one sentence. Waits for as long as the API server cannot be reached. */
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
  const telemetry = new Telemetry(metrics);
  const readiness = new Readiness();
  const waiting = ['the API server', 'the certificate authority', 'xDS'].map((name) => readiness.expect(name));
  const access = await loadAccess(config.kubeconfig === undefined ? {} : { kubeconfig: config.kubeconfig });
  const client = parts.use(new KubeClient(access, { clock, userAgent: 'istiod-lite' }));
  const report = watchReport(telemetry, log);
  const authority = signingAuthority(config, log, clock);
  const discovery = new Discovery(config.mesh.discoverySelectors);

  let publisher: Publisher | undefined;
  let xds: XdsServer | undefined;
  const feed = new Feed({ client, clock, report, discovery, set: (table, key, object) => publisher?.set(table, key, object) }, signal);
  const leader = new Leader({
    config,
    client,
    stores: feed.stores,
    discovery,
    publisher: () => present(publisher),
    authority,
    telemetry,
    log: log.child({ part: 'leader' }),
    report,
    clock,
  });
  publisher = parts.use(
    new Publisher({
      settings: translateSettings(config),
      debounceAfter: config.debounceAfter,
      debounceMax: config.debounceMax,
      clock,
      push: (changes, since) => xds?.push(changes, since),
      statusChanged: (table, key) => leader.statusChanged(table, key),
      problemsFound: (resource, problems) => log.warn({ resource, problems }, 'not all of an object is carried out as written'),
      unenforcedChanged: (policy) => leader.unenforcedChanged(policy),
      settled: (took) => telemetry.settleTime.observe({}, took / 1_000),
    }),
  );
  const pods = new NodePods();
  feed.stores.pods.onChange((key, pod) =>
    pods.set(key, pod && { ...pod.meta, serviceAccount: pod.serviceAccount, node: pod.node, failed: pod.phase === 'Failed' }),
  );
  const authenticator = new Authenticator({
    review: (token, audiences) => reviewToken(client, { token, audiences }),
    audiences: config.tokenAudiences,
    trustDomain: config.trustDomain,
    clusterId: config.clusterId,
    clock,
  });
  const certificates = new CertificateService({
    authenticate: (credentials) => authenticator.authenticate(credentials),
    rules: { trustedAccounts: new Set(config.trustedNodeAccounts), trustDomain: config.trustDomain, pods },
    authority,
    maxTtlSeconds: config.maxCertificateTtl / 1_000,
    report: { request: (...request) => certificateRequest(telemetry, log, ...request) },
  });
  const serveParts = { config, authority, authenticator, certificates, publisher, telemetry, log: log.child({ part: 'xds' }), clock };
  xds = parts.use(xdsServer(serveParts));
  collectMetrics(metrics, { xds, publisher, authority, istioVersion: config.istioVersion });
  const pages = parts.use(
    await openPages({
      listen: config.listen,
      readiness,
      metrics,
      debug: debugPages({ xds, publisher, feed, authority }),
      version: versionText(config.istioVersion),
      inside: istioPages(config, xds, publisher),
    }),
  );

  const { http, monitoring, debug } = pages;
  log.info({ http, monitoring, debug }, 'pages are open; waiting for the API server');

  await startSigning({ config, client, authority, report, log: log.child({ part: 'sign' }), clock, signal, ended: ended.reject }, parts);
  await unlessAborted(feed.synced(), signal);
  waiting[0]?.[Symbol.dispose]();
  publisher.start();
  await unlessAborted(usable(authority), signal);
  waiting[1]?.[Symbol.dispose]();
  const serving = parts.use(await serve(serveParts, xds));
  waiting[2]?.[Symbol.dispose]();
  const graph = await graphOf({ config, client, feed, log, clock }, parts);
  log.info({ secure: serving.secure, plain: serving.plain, graph, resources: publisher.addresses.size }, 'ready');

  const leadership = new AbortController();
  const election = new LeaderElection({
    client,
    namespace: config.podNamespace,
    name: config.revision === '' ? 'istiod-lite-leader' : `istiod-lite-leader-${config.revision}`,
    identity: `${config.podName}-${process.pid}-${Math.random().toString(36).slice(2, 8)}`,
    clock,
    report: (event, why) => log[event === 'failed' ? 'warn' : 'info']({ event, err: why }, 'leader election'),
  });
  const leading = election.run((lead) => leader.lead(lead), AbortSignal.any([signal, leadership.signal])).catch(ended.reject);
  const all = parts.move();
  let shuttingDown = false;
  return {
    secure: serving.secure,
    pages,
    ended: ended.promise,
    shutdown: () => {
      if (shuttingDown) return;
      shuttingDown = true;
      readiness.expect('the end: this replica is stopping');
      leadership.abort(new Error('stopping'));
      void leave(serving, leading, config, log).then(ended.resolve, ended.reject);
    },
    [Symbol.asyncDispose]: async () => {
      leadership.abort(new Error('stopped'));
      await leading;
      // Before the client goes: watches that are told to end have nothing to complain of.
      stopping.abort(new Error('stopped'));
      await all.disposeAsync();
    },
  };
}

const translateSettings = (config: Config): TranslateSettings => ({
  ...config,
  systemNamespace: config.podNamespace,
  meshDefaults: config.mesh.waypoints,
});

interface GraphParts {
  readonly config: Config;
  readonly client: KubeClient;
  readonly feed: Feed;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Where it is served. The mesh goes on without it. */
async function graphOf({ config, client, feed, log, clock }: GraphParts, parts: AsyncDisposableStack): Promise<SocketAddress | undefined> {
  const { listen, prometheus } = config;
  if (listen.graph === undefined) return undefined;
  const version = versionText(config.istioVersion);
  try {
    const graph = await openGraph({ client, feed, settings: translateSettings(config), listen: listen.graph, prometheus, version, clock });
    return { ip: listen.graph.ip, port: parts.use(graph).address.port };
  } catch (e) {
    log.warn({ err: e }, 'the graph is not served');
    return undefined;
  }
}

async function leave(serving: Serving, leading: Promise<void>, { drainTime }: Config, log: Logger): Promise<void> {
  log.info('stopping: clients are asked to leave');
  await Promise.all([serving.drain(AbortSignal.timeout(drainTime)), leading]);
}

interface Signing {
  readonly config: Config;
  readonly client: KubeClient;
  readonly authority: SigningAuthority;
  readonly report: WatchReport;
  readonly log: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly ended: (why: unknown) => void;
}

async function startSigning(signing: Signing, parts: AsyncDisposableStack): Promise<void> {
  const { config, client, authority, report, log, clock, signal, ended } = signing;
  const pluggedIn = await usePluggedIn(config.signingFolder, authority, clock);
  if (pluggedIn !== undefined) {
    parts.use(pluggedIn);
    return;
  }
  void keepOwnRoot(
    {
      client,
      namespace: config.podNamespace,
      authority,
      lifetime: config.rootLifetime,
      check: config.rootCheck,
      organization: config.trustDomain,
      clock,
      random: Math.random,
      report,
      failed: (why) => log.warn({ err: why }, 'the Secret with the root could not be written; trying again'),
    },
    signal,
  ).catch(ended);
}

function signingAuthority(config: Config, log: Logger, clock: Clock): SigningAuthority {
  const when = (at: number): string => new Date(at).toISOString();
  return new SigningAuthority({
    clock,
    defaultTtlMs: config.certificateTtl,
    maxTtlMs: config.maxCertificateTtl,
    severalRoots: config.severalRoots,
    extraRootsPem: config.mesh.extraRootsPem,
    report: {
      adopted: (expiry, rootsChanged) =>
        log.info({ signerEnds: when(expiry.signer), rootEnds: when(expiry.root), rootsChanged }, 'new signing material is in use'),
      kept: (wrong) => log.error({ wrong }, 'signing material cannot be used; what was there stays in use'),
    },
  });
}

function usable(authority: SigningAuthority): Promise<void> {
  if (authority.usable) return Promise.resolve();
  return new Promise((resolve) => {
    const listening = authority.onChange(() => {
      listening[Symbol.dispose]();
      resolve();
    });
  });
}

function certificateRequest(telemetry: Telemetry, log: Logger, outcome: Outcome, peer: string, caller: string, detail: string): void {
  const { certificates, citadel } = telemetry;
  certificates.series([outcome]).value++;
  citadel.requests.series([]).value++;
  if (outcome === 'SUCCESS') {
    citadel.issued.series([]).value++;
    log.debug({ peer, caller, identity: detail }, 'certificate signed');
    return;
  }
  if (outcome === 'UNAUTHENTICATED' || outcome === 'IMPERSONATION') citadel.unauthenticated.series([]).value++;
  else if (outcome === 'CSR_ERROR') citadel.unreadable.series([]).value++;
  else citadel.unsigned.series([outcome]).value++;
  log.warn({ result: outcome, peer, caller, reason: detail }, 'certificate refused');
}

function watchReport(telemetry: Telemetry, log: Logger): WatchReport {
  return {
    listed: (kind, { objects, took }) => {
      telemetry.relists.series([kind.plural]).value++;
      log.info({ kind: kind.plural, objects, took }, 'listed');
    },
    watching: (kind) => log.debug({ kind: kind.plural }, 'watching'),
    ended: (kind, { why, wait, repeated }) => {
      if (why === undefined) return;
      telemetry.watchErrors.series([kind.plural]).value++;
      if (!repeated) log.warn({ kind: kind.plural, why: why.message, wait }, 'a watch ended; trying again');
    },
    absent: (kind) =>
      log.warn({ kind: kind.plural, group: kind.group }, 'the API server does not know this kind; looking again every 10 s'),
    skipped: (kind, key) => {
      telemetry.skipped.series([kind.plural]).value++;
      log.warn({ kind: kind.plural, key }, 'an object cannot be read and counts as absent');
    },
  };
}

function istioPages({ istioVersion, clusterDomain }: Config, xds: XdsServer, publisher: Publisher) {
  return {
    syncz: () => syncStatus(xds.clients(), istioVersion),
    registryz: () => registry(publisher.addresses.services(), clusterDomain),
  };
}

function debugPages({
  xds,
  publisher,
  feed,
  authority,
}: {
  xds: XdsServer;
  publisher: Publisher;
  feed: Feed;
  authority: SigningAuthority;
}) {
  return {
    clients: () => xds.clients(),
    index: () => ({
      addresses: publisher.addresses.size,
      policies: publisher.policies.size,
      l7: publisher.l7.size,
      objects: Object.fromEntries(Object.entries(feed.stores).map(([name, store]) => [name, store.size])),
    }),
    unenforced: () => Object.fromEntries(publisher.unenforced),
    problems: () => Object.fromEntries(publisher.problems),
    authority: () => authority.expiry && { signerEnds: new Date(authority.expiry.signer), rootEnds: new Date(authority.expiry.root) },
  };
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('used before it was made');
  return value;
}
