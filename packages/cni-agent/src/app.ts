// The composition root of the node agent: builds the parts, starts them in the order that keeps pods safe, and stops them in reverse.
// Called by main.ts. What enrols pods is put together in enrolment.ts; the plugin is installed last (installation.ts), so that no pod meets
// a plugin whose agent cannot answer (facts: control-plane §2.4).
import { closePods } from '@ambient-mesh/host/closed-pods';
import type { Netns } from '@ambient-mesh/host/netns';
import { nftablesFault } from '@ambient-mesh/host/nftables-fault';
import { ProbeSet, removeProbeRules } from '@ambient-mesh/host/probe-set';
import { loadAccess } from '@ambient-mesh/kube/access';
import { KubeClient } from '@ambient-mesh/kube/client';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { Metrics } from '@ambient-mesh/runtime/metrics';
import { Readiness } from '@ambient-mesh/runtime/readiness';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import type { Config } from './config.ts';
import { startEnrolment } from './enrolment.ts';
import { findKubeletUid } from './facts/kubelet-uid.ts';
import { type Installation, installation } from './installation.ts';
import { openLog } from './log.ts';
import { hostNetns } from './node-parts.ts';
import { openPages } from './pages.ts';
import { Reports } from './reports.ts';
import { Telemetry } from './telemetry.ts';

export interface App extends AsyncDisposable {
  /** Decides whether this is an upgrade or the end, and leaves accordingly. */
  shutdown(): void;
  /** Resolves after a shutdown. */
  readonly ended: Promise<void>;
}

/** @throws with everything closed again; the text is one sentence. Waits for as long as the API server cannot be reached. */
export async function startApp(config: Config, stop: AbortSignal): Promise<App> {
  await using parts = new AsyncDisposableStack();
  const log = openLog(config.logLevel);
  const stopping = new AbortController();
  const signal = AbortSignal.any([stop, stopping.signal]);
  const metrics = new Metrics();
  const telemetry = new Telemetry(metrics);
  const reports = new Reports(log, telemetry);
  const readiness = new Readiness();
  const enrolling = readiness.expect('the pods of this node');
  const ready = installReadiness(readiness, reports);
  parts.use(await openPages({ ...config, readiness, metrics }));

  const host = parts.use(hostNetns(config));
  await demandNftables(signal);
  const access = await loadAccess(config.kubeconfig === undefined ? {} : { kubeconfig: config.kubeconfig });
  const client = parts.use(new KubeClient(access, { clock: systemClock, userAgent: 'cni-agent' }));
  parts.defer(() => stopping.abort(new Error('stopped')));
  const onNode = parts.use(installation({ config, client, access, reports, ready }));
  let running: Running;
  try {
    const probes = await openProbes(config, host, reports, signal);
    running = { probes, enrolment: parts.use(await startEnrolment({ config, host, probes, client, metrics, telemetry, reports }, signal)) };
  } catch (e) {
    // Told to stop while it starts: what an earlier agent has put on the node may be for this one to take away.
    if (stop.aborted) await leave(onNode, host, reports);
    throw e;
  }
  enrolling[Symbol.dispose]();
  onNode.begin();
  log.info({ node: config.nodeName }, 'ready for pods');

  const ended = Promise.withResolvers<void>();
  const all = parts.move();
  let isLeaving = false;
  return {
    ended: ended.promise,
    shutdown: () => {
      if (isLeaving) return;
      isLeaving = true;
      readiness.expect('the end: this agent is stopping');
      void leave(onNode, host, reports, running).then(ended.resolve, ended.reject);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Not ready until the plugin is in place, and whenever it is not. */
function installReadiness(readiness: Readiness, reports: Reports): (isReady: boolean) => void {
  const expect = (): Disposable => readiness.expect('the installation of the plugin');
  let missing: Disposable | undefined = expect();
  return (isReady) => {
    reports.installReady(isReady);
    if (!isReady) missing ??= expect();
    else {
      missing?.[Symbol.dispose]();
      missing = undefined;
    }
  };
}

export interface AppFault {
  readonly code: 'app.no-nftables';
}

async function demandNftables(signal: AbortSignal): Promise<void> {
  const missing = await nftablesFault(signal);
  if (missing !== undefined) throw new MeshError<AppFault>({ code: 'app.no-nftables' }, `pods cannot be captured on this node: ${missing}`);
}

async function openProbes(config: Config, host: Netns, reports: Reports, signal: AbortSignal): Promise<ProbeSet> {
  const kubeletUid = findKubeletUid(`${config.hostRoot}/proc`);
  reports.kubelet(kubeletUid);
  return ProbeSet.open(host, { kubeletUid, ipv6: config.ipv6, probe: config.probe }, signal);
}

const leavesWithin = ms(20_000);

interface Running {
  readonly enrolment: AsyncDisposable;
  readonly probes: ProbeSet;
}

/** An agent that is replaced leaves everything in place: pods go on, and new ones wait for its successor. */
async function leave(onNode: Installation, host: Netns, reports: Reports, running?: Running): Promise<void> {
  const isTheEnd = await onNode.leave();
  reports.leaving(isTheEnd);
  if (!isTheEnd) return;
  // Whoever keeps the node's rules in place would write them again.
  await running?.enrolment[Symbol.asyncDispose]();
  const limit = AbortSignal.timeout(leavesWithin);
  // After whatever the set is still writing: nobody waits for that any more, and it would bring the table back.
  const removed = running === undefined ? removeProbeRules(host, limit) : running.probes.clear(limit);
  await Promise.all([removed, closePods(host, [], limit)]);
}
