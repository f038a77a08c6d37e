// The three HTTP servers of the process: admin (loopback), metrics, readiness. Wires admin/ to what it shows.
// Called by app.ts; a taken port fails the start.
import { readFileSync } from 'node:fs';
import type { CertificateBook } from '@ambient-mesh/identity/certificate-book';
import { dumpMesh } from '@ambient-mesh/model/config-dump';
import type { Mesh } from '@ambient-mesh/model/mesh';
import { type ListenAddress, type Route, serveHttp } from '@ambient-mesh/runtime/http';
import type { Log } from '@ambient-mesh/runtime/log';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import type { Readiness } from '@ambient-mesh/runtime/readiness';
import { systemClock } from '@ambient-mesh/runtime/time';
import type { PodState } from './admin/config-dump.ts';
import { metricsRoutes } from './admin/metrics.ts';
import { adminRoutes } from './admin/pages.ts';
import { cpuProfiler } from './admin/profile.ts';
import { readinessRoutes } from './admin/readiness.ts';
import { type Config, shownConfig } from './config.ts';
import type { DataPlane } from './dataplane/data-plane.ts';
import type { Enrolment } from './pods/enrolment.ts';
import { registerProcessMetrics } from './telemetry/process-metrics.ts';
import type { Telemetry } from './telemetry/telemetry.ts';
import { version } from './version.ts';

export interface Pages {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly telemetry: Telemetry;
  readonly readiness: Readiness;
  readonly mesh: Mesh;
  readonly book: CertificateBook;
  readonly plane: DataPlane;
  /** Undefined in dedicated mode. */
  readonly enrolment: Enrolment | undefined;
  readonly staticConfig: unknown;
  readonly shutdown: () => void;
}

export async function openPages(p: Pages): Promise<AsyncDisposable> {
  const { config, plane, readiness } = p;
  registerProcessMetrics(p.metrics, { component: 'ztunnel', istioVersion: config.istioVersion, threads: () => plane.threads });
  await using servers = new AsyncDisposableStack();
  const serve = async (listen: readonly ListenAddress[], routes: readonly Route[]): Promise<void> => {
    servers.use(await serveHttp({ listen, routes }));
  };
  await serve(loopback(config), adminRoutes(adminPorts(p)));
  await serve(everywhere(config, config.statsPort), metricsRoutes(shared(() => metricsText(p))));
  await serve(everywhere(config, config.ports.readiness), readinessRoutes(readiness));
  return servers.move();
}

function adminPorts(p: Pages): Parameters<typeof adminRoutes>[0] {
  const { config, log, plane, enrolment } = p;
  return {
    dump: {
      mesh: () => dumpMesh(p.mesh),
      certificates: () => p.book.states(),
      pods: enrolment && (() => podStates(enrolment, plane)),
      staticConfig: p.staticConfig,
      version: version(config.istioVersion),
      config: shownConfig(config),
    },
    log: {
      initial: config.logLevel,
      current: () => log.directives,
      change: async (directives) => {
        log.directives = directives;
        await plane.send({ do: 'log-level', directives });
      },
    },
    shutDown: p.shutdown,
    profile: cpuProfiler(systemClock),
  };
}

async function podStates(enrolment: Enrolment, plane: DataPlane): Promise<readonly PodState[]> {
  const open = new Map((await plane.connections()).map(({ pod, inbound, outbound }) => [pod, { inbound, outbound }]));
  return [...enrolment.pods()].map(({ pod, state }) => ({
    uid: pod.uid,
    state: state === 'up' ? 'Up' : 'Pending',
    info: pod.info,
    ...(state === 'up' && { connections: open.get(pod.uid) }),
  }));
}

async function metricsText({ metrics, plane, telemetry, mesh }: Pages): Promise<string> {
  const snapshots = await plane.metrics();
  for (const [thread, snapshot] of snapshots.entries()) metrics.merge(`ztunnel-${thread}`, snapshot);
  telemetry.settle(() => mesh.workloads());
  return metrics.text();
}

/** Whoever asks while an answer is being made gets that one: asking often, which anybody may, costs no more than asking without pause. */
function shared<T>(make: () => Promise<T>): () => Promise<T> {
  let making: Promise<T> | undefined;
  return () => {
    making ??= make().finally(() => {
      making = undefined;
    });
    return making;
  };
}

function loopback(config: Config): readonly ListenAddress[] {
  const port = config.adminPort;
  return config.ipv6Enabled && hasIpv6()
    ? [
        { ip: '127.0.0.1', port },
        { ip: '::1', port, optional: true },
      ]
    : [{ ip: '127.0.0.1', port }];
}

const everywhere = (config: Config, port: number): readonly ListenAddress[] => [
  { ip: config.ipv6Enabled && hasIpv6() ? '::' : '0.0.0.0', port },
];

function hasIpv6(): boolean {
  try {
    return readFileSync('/proc/sys/net/ipv6/conf/lo/disable_ipv6', 'utf8').trim() !== '1';
  } catch {
    return false;
  }
}
