// Everything that brings pods into the mesh and keeps them there, put together: what the API server says, the queue, ztunnels, the plugin's
// questions, the watch. Started by app.ts; resolves once ztunnels and the plugin are answered.
import type { Netns } from '@ambient-mesh/host/netns';
import type { ProbeSet } from '@ambient-mesh/host/probe-set';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { type Store, watchStore } from '@ambient-mesh/kube/store';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import { unlessAborted } from '@ambient-mesh/runtime/unless-aborted';
import { type AnswerPorts, answerPlugin } from './apply/answer-plugin.ts';
import { Members } from './apply/members.ts';
import { Outsiders } from './apply/outsiders.ts';
import { Reconciler } from './apply/reconcile.ts';
import { networkPolicyKind, PolicyReports } from './apply/report-policies.ts';
import { ShutOut } from './apply/shut-out.ts';
import { isEnrolled, probeTargets, restore, sweepResidue } from './apply/snapshot.ts';
import { Teller } from './apply/tell.ts';
import { keepWatching, type WatchPorts } from './apply/watch.ts';
import type { Config } from './config.ts';
import { captureOf } from './facts/capture.ts';
import { Discovery } from './facts/discover.ts';
import { NodeView } from './facts/node-view.ts';
import { namespaceKind, podKind } from './facts/pod.ts';
import { nodeParts } from './node-parts.ts';
import type { NetworkPolicy } from './plan/network-policy.ts';
import { WorkQueue } from './plan/work-queue.ts';
import { PluginServer } from './plugin/server.ts';
import type { Reports } from './reports.ts';
import type { Telemetry } from './telemetry.ts';
import { type ZdsPod, ZdsServer } from './zds/server.ts';

export interface EnrolmentParts {
  readonly config: Config;
  readonly host: Netns;
  readonly probes: ProbeSet;
  readonly client: KubeClient;
  readonly metrics: Metrics;
  readonly telemetry: Telemetry;
  readonly reports: Reports;
}

/** Enrolling is mostly waiting for `nft` and the ztunnel; more hands than this only crowd a small node. */
const hands = 16;
const clock = systemClock;

export async function startEnrolment(given: EnrolmentParts, stop: AbortSignal): Promise<AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  const { config, reports } = given;
  const stopping = new AbortController();
  const signal = AbortSignal.any([stop, stopping.signal]);
  const enrolling = assemble(given, parts, signal);
  const { stores, view, members, outsiders, shutOut } = enrolling;
  reports.waiting(config.nodeName);
  await unlessAborted(Promise.all([stores.pods.synced, stores.namespaces.synced]), signal);
  await findEnrolled({ ...given, ...enrolling }, signal);
  meetOutsiders(view, members, outsiders);
  shutOut.set(outsiders.exposed());
  await shutOut.settled();
  enrolling.begin();
  enrolling.ztunnels.accept();
  parts.use(await answerPlugins(given, enrolling));
  const tasks = watchOver(given, enrolling, signal);
  const all = parts.move();
  return {
    [Symbol.asyncDispose]: async () => {
      stopping.abort(new Error('stopped'));
      await Promise.all(tasks);
      await all.disposeAsync();
    },
  };
}

type Enrolling = ReturnType<typeof assemble>;

/** Builds everything and starts the watches of the API server; nothing is decided about a pod before `begin`. */
function assemble(given: EnrolmentParts, parts: AsyncDisposableStack, signal: AbortSignal) {
  const { config, host, probes, client, metrics, reports } = given;
  const teller = parts.use(new Teller({ client, instance: config.podName, clock, failed: reports.eventLost }));
  const members = parts.use(new Members());
  const ztunnels = parts.use(
    ZdsServer.listen(config.ztunnelSocket, {
      uids: () => Array.from(members.values(), ({ pod }) => pod.uid),
      pod: (uid) => announced(members, uid),
      clock,
      report: reports.ztunnels(() => retryPending(members, queue)),
    }),
  );
  const { hostRoot, nodeName, enablement, systemNamespace } = config;
  const discovery = new Discovery({ proc: `${hostRoot}/proc`, hostRoot, hostNetns: [host.id], report: reports.discovery });
  const node = nodeParts({ discovery, ztunnels, probes, client, clock });
  const shutOut = new ShutOut({ host, strict: config.strict, failed: reports.watchFailed, clock, signal });
  const outsiders = new Outsiders(reports.outsiders(teller, (ips) => shutOut.set(ips)));
  reports.collect(metrics, outsiders, members);
  const watching = { report: reports.watch, clock };
  const stores = {
    pods: watchStore(client, podKind, { ...watching, fieldSelector: `spec.nodeName=${nodeName}` }, signal),
    namespaces: watchStore(client, namespaceKind, watching, signal),
    policies: watchStore(client, networkPolicyKind, watching, signal),
  };
  const view = new NodeView({ ...stores, enablement, systemNamespace, changed: (uid) => queue.add(uid) });
  const reconciler = new Reconciler({
    node,
    members,
    outsiders,
    pod: (uid) => view.pod(uid),
    isWanted: (pod) => view.isWanted(pod),
    captureOf: (pod) => captureOf(pod, config),
    report: reports.reconcile,
  });
  const began = Promise.withResolvers<void>();
  began.promise.catch(() => {});
  const queue = parts.use(
    new WorkQueue({
      work: (uid, stopped) => began.promise.then(() => reports.worked(uid, reconciler.plan(uid).do, () => reconciler.work(uid, stopped))),
      failed: (uid, why, wait) => reports.failed(uid, view.pod(uid), why, wait),
      clock,
      atOnce: hands,
      random: Math.random,
    }),
  );
  parts.defer(() => began.reject(new Error('stopped')));
  return { teller, members, ztunnels, discovery, node, shutOut, outsiders, stores, view, reconciler, queue, begin: () => began.resolve() };
}

function answerPlugins({ config, client, telemetry, reports }: EnrolmentParts, enrolling: Enrolling): Promise<PluginServer> {
  const { stores, view, members, reconciler, queue } = enrolling;
  const asked: AnswerPorts = {
    find: (...named) => view.find(...named),
    fetch: (namespace, name, until) => client.get(podKind, { namespace, name }, { signal: until }),
    isWanted: (pod) => view.isWanted(pod),
    knows: (namespace) => stores.namespaces.get(namespace) !== undefined,
    place: (uid, placement) => reconciler.place(uid, placement),
    run: (uid) => queue.run(uid),
    clock,
  };
  return PluginServer.listen(config.runDir, {
    add: (request, gone) => answerPlugin(request, asked, gone),
    check: async ({ namespace, pod: name, uid }) => {
      const pod = view.find(namespace, name, uid);
      if (pod === undefined || !view.isWanted(pod)) return 'not-in-mesh';
      return members.get(pod.uid)?.isPending === false ? 'enrolled' : 'not-enrolled';
    },
    log: reports.plugin,
    answered: (code) => telemetry.pluginRequests.series([String(code)]).value++,
    clock,
  });
}

/** What goes on until the signal aborts: each resolves then. */
function watchOver(given: EnrolmentParts, enrolling: Enrolling, signal: AbortSignal): readonly Promise<void>[] {
  const { members, node, discovery, view, reconciler, queue, outsiders, teller, stores } = enrolling;
  const elsewhere = 'its processes run in another network namespace than the one that was enrolled';
  const watch: WatchPorts = {
    members,
    generation: node.rules.generation,
    look: (uids) => discovery.look(uids),
    pods: () => Array.from(view.pods(), ({ uid }) => uid),
    plan: (uid) => reconciler.plan(uid),
    attend: (uid) => queue.remind(uid),
    moved: ({ pod, ips }) => outsiders.met(pod, ips, 'moved', elsewhere),
    failed: given.reports.watchFailed,
    clock,
  };
  return [
    keepWatching(watch, signal),
    keepProbes(given, signal),
    reportPolicies(stores.policies, members, new PolicyReports((news) => teller.tell(news)), signal),
  ];
}

/** What a ztunnel is told of a pod when it connects. */
function announced(members: Members, uid: string): ZdsPod | undefined {
  const member = members.get(uid);
  if (member === undefined) return undefined;
  const { name, namespace, serviceAccount } = member.pod;
  return { uid, info: { name, namespace, serviceAccount }, netns: member.netns };
}

function retryPending(members: Members, queue: WorkQueue): void {
  for (const { pod, isPending } of members.values()) if (isPending) queue.add(pod.uid);
}

type Beginning = Pick<EnrolmentParts, 'config' | 'probes' | 'reports'> & Pick<Enrolling, 'view' | 'node' | 'members'>;

/** What an earlier agent has left: pods that are enrolled, and rules in pods that are not. */
async function findEnrolled({ config, view, node, members, probes, reports }: Beginning, signal: AbortSignal): Promise<void> {
  const pods = [...view.pods()];
  const enrolled = pods.filter((pod) => isEnrolled(pod, view.isWanted(pod)));
  const { all, prune } = probeTargets(enrolled);
  await probes.sync(all, { prune }, signal);
  await restore(enrolled, node.namespaces, members);
  if (!config.reconcileOnStart) for (const member of members.values()) member.capture ??= captureOf(member.pod, config).capture;
  const outside = pods.filter(
    (pod) => !view.isWanted(pod) && pod.redirection === '' && !pod.isOver && !pod.hostNetwork && pod.ips.length > 0,
  );
  await sweepResidue(outside, node, reports.residue, signal).catch((e: unknown) => reports.watchFailed(e));
  reports.found(enrolled.length);
}

/** Pods that were started while there was no agent: after a reboot, or before the mesh came to the node. They are enrolled at once. Those that wait
 * for a ztunnel are captured, and none of them. */
function meetOutsiders(view: NodeView, members: Members, outsiders: Outsiders): void {
  for (const pod of view.pods()) {
    const isOutside =
      view.isWanted(pod) && pod.redirection === '' && !pod.isOver && pod.ips.length > 0 && members.get(pod.uid) === undefined;
    if (isOutside) outsiders.met(pod, pod.ips, 'found-outside', 'it was started while there was no agent on its node');
  }
}

const probesLookEvery = ms(10_000);

/** Tools that flush the node's rules take the way of its health probes with them. */
async function keepProbes({ probes, reports }: EnrolmentParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(probesLookEvery, signal).catch(() => {});
    if (signal.aborted) return;
    try {
      if (await probes.check(signal)) continue;
      // It knows best whose addresses are in: a pod that is leaving is a member still.
      await probes.sync(new Map(), { prune: false }, signal);
      reports.probesRepaired();
    } catch (e) {
      if (!signal.aborted) reports.watchFailed(e);
    }
  }
}

const policiesLookEvery = ms(2_000);

async function reportPolicies(policies: Store<NetworkPolicy>, members: Members, told: PolicyReports, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    told.look(
      [...policies.values()],
      Array.from(members.values(), ({ pod }) => pod),
    );
    await clock.sleep(policiesLookEvery, signal).catch(() => {});
  }
}
