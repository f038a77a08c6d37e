// Waypoints follow their Gateways: every Gateway of a class of ours gets what it asks for, and a status; again whenever anything that matters changes.
// Run by the leader. What is wanted is plan.ts, the writing is reconcile.ts; here is only who has to be looked at when.
import type { KubeClient } from '@ambient-mesh/kube/client';
import type { WatchReport } from '@ambient-mesh/kube/list-watch';
import { watchStore } from '@ambient-mesh/kube/store';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { unlessAborted } from '@ambient-mesh/runtime/unless-aborted';
import type { Stores } from '../feed/feed.ts';
import { WorkQueue } from '../status/work-queue.ts';
import { follow, type Sources } from './follow.ts';
import { frontOf, frontsOf } from './fronts.ts';
import { controllerOf, keepGatewayClasses, knownClassKind, unmanagedController } from './gateway-class.ts';
import { type DeploySettings, networkLabel } from './order.ts';
import { watchOwned } from './owned.ts';
import { parametersKind, parts } from './parameters.ts';
import { defaultsFor, plan } from './plan.ts';
import { knownGatewayKind, Reconciler } from './reconcile.ts';

export interface WaypointsOptions {
  readonly client: KubeClient;
  readonly settings: DeploySettings;
  /** Names that this control plane answers to beside its revision. */
  readonly revisionTags: readonly string[];
  readonly stores: Pick<Stores, 'services' | 'endpointSlices' | 'namespaces'>;
  /** Whether the mesh looks at this namespace. */
  readonly discovers: (namespace: string) => boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly watchReport: WatchReport;
  readonly report: {
    foreign(gateway: string, object: string): void;
    written(gateway: string): void;
    failed(what: string, why: unknown): void;
  };
}

/** After the retries of the queue, as long as nothing changes: whatever is in the way may have gone. */
const again = ms(60_000);

/** Runs until the signal aborts; nothing is under way any more when it resolves. */
export async function keepWaypoints(options: WaypointsOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, random, report, watchReport } = options;
  const watching = { clock, report: watchReport };
  const sources: Sources = {
    gateways: watchStore(client, knownGatewayKind, watching, signal),
    classes: watchStore(client, knownClassKind, watching, signal),
    parameters: watchStore(client, parametersKind, watching, signal),
    owned: watchOwned(client, watching, signal),
    shared: options.stores,
  };
  // A plan made from half of what there is would take away what the other half wants.
  const all = [sources.gateways, sources.classes, sources.parameters, ...parts.map((part) => sources.owned[part])];
  try {
    await unlessAborted(Promise.all(all.map((store) => store.synced)), signal);
  } catch {
    return;
  }
  const failedClass = (name: string, why: unknown): void => report.failed(`GatewayClass ${name}`, why);
  await Promise.all([
    keepGatewayClasses({ client, classes: sources.classes, clock, random, failed: failedClass }, signal),
    keepGateways(options, sources, signal),
  ]);
}

async function keepGateways(options: WaypointsOptions, sources: Sources, signal: AbortSignal): Promise<void> {
  const { client, settings, clock, random, report } = options;
  const reconciler = new Reconciler({ client, owned: sources.owned, clock, report });
  const waiting = new Map<string, Disposable>();
  const queue: WorkQueue = new WorkQueue(
    {
      work: async (key) => {
        waiting.get(key)?.[Symbol.dispose]();
        waiting.delete(key);
        await lookAt(key, options, sources, { reconciler, signal });
      },
      clock,
      random,
      failed: (key, why) => {
        report.failed(`Gateway ${key}`, why);
        waiting.set(
          key,
          clock.after(again, () => queue.add(key)),
        );
      },
    },
    signal,
  );
  using _following = follow(sources, settings, (key) => queue.add(key));
  for (const [key] of sources.gateways.entries()) queue.add(key);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  for (const timer of waiting.values()) timer[Symbol.dispose]();
  await queue.idle();
}

interface Worker {
  readonly reconciler: Reconciler;
  readonly signal: AbortSignal;
}

async function lookAt(key: string, options: WaypointsOptions, sources: Sources, { reconciler, signal }: Worker): Promise<void> {
  const { settings, stores, revisionTags, discovers } = options;
  const known = sources.gateways.get(key);
  if (known === undefined) {
    const cut = key.indexOf('/');
    return reconciler.forget(key.slice(0, cut), key.slice(cut + 1));
  }
  const { gateway } = known;
  if (!discovers(gateway.meta.namespace)) return;
  const controller = controllerOf(gateway.className, sources.classes.get(gateway.className));
  const decided = plan({
    gateway,
    controller,
    revisions: new Set([settings.revision || 'default', ...revisionTags]),
    settings,
    network: stores.namespaces.get(settings.podNamespace)?.meta.labels[networkLabel] ?? '',
    parameters: (name) => sources.parameters.get(name),
    defaults: defaultsFor(gateway.className, settings.podNamespace, sources.parameters.values()),
  });
  if (decided.do === 'leave') return;
  const fronts = frontsOf(gateway, settings.clusterDomain).map(({ host, key: service }) =>
    frontOf(host, service === undefined ? undefined : stores.services.get(service), stores.endpointSlices.values()),
  );
  await reconciler.reconcile({ known, plan: decided, isRemote: controller === unmanagedController, fronts }, signal);
}
