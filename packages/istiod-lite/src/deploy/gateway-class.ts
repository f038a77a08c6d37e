// The classes of Gateways that are ours: made when they are missing, never changed or deleted, and told that they are accepted (facts: control-plane §5.1).
// Run by the leader through waypoints.ts. What is deployed for a class is decided in plan.ts.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import type { Kind } from '@ambient-mesh/kube/kind';
import { saysAlready, withTimes } from '@ambient-mesh/kube/status';
import type { Store } from '@ambient-mesh/kube/store';
import type { Clock } from '@ambient-mesh/runtime/time';
import { type GatewayClass, gatewayClassKind } from '@ambient-mesh/translate/kinds/gateway';
import type { Condition } from '@ambient-mesh/translate/kinds/meta';
import { WorkQueue } from '../status/work-queue.ts';
import { knownConditions, type TimedCondition, timestamp } from './known-status.ts';

/** Field manager of all that this folder writes, and the name by which we sign. */
export const manager = 'istio.io/gateway-controller';

/** Gateways of its classes are deployed by us. */
export const meshController = 'istio.io/mesh-controller';
/** Gateways of its classes stand for something elsewhere. */
export const unmanagedController = 'istio.io/unmanaged-gateway';

const builtin: Readonly<Record<string, { readonly controllerName: string; readonly description: string }>> = {
  'istio-waypoint': { controllerName: meshController, description: 'The default Istio waypoint GatewayClass' },
  'istio-remote': { controllerName: unmanagedController, description: 'Gateways of other clusters; nothing is deployed for them' },
};

export interface KnownClass extends GatewayClass {
  readonly known: readonly TimedCondition[];
}

export const knownClassKind: Kind<KnownClass> = {
  ...gatewayClassKind,
  narrow: (raw) => {
    const found = gatewayClassKind.narrow(raw);
    return found && { ...found, known: knownConditions(raw) };
  },
};

/** Of a class; a class that is missing just now is what it will be again. */
export const controllerOf = (name: string, found: GatewayClass | undefined): string | undefined =>
  found?.controller ?? (Object.hasOwn(builtin, name) ? builtin[name]?.controllerName : undefined);

export interface GatewayClassesOptions {
  readonly client: KubeClient;
  readonly classes: Store<KnownClass>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly failed: (name: string, why: unknown) => void;
}

/** Works until the signal aborts; the classes must be synced. Resolves when nothing is under way any more. */
export async function keepGatewayClasses(options: GatewayClassesOptions, signal: AbortSignal): Promise<void> {
  const { client, classes, clock, random, failed } = options;
  const work = async (name: string): Promise<void> => {
    const found = classes.get(name);
    if (found === undefined) return create(client, name, signal);
    if (found.controller !== meshController && found.controller !== unmanagedController) return;
    const wanted = [accepted(found.meta.generation)];
    if (
      saysAlready(
        found.known.filter(({ type }) => type === 'Accepted'),
        wanted,
      )
    )
      return;
    const status = { conditions: withTimes(found.known, wanted, timestamp(clock)) };
    await client
      .apply(knownClassKind, { namespace: '', name }, { status }, { manager, subresource: 'status', signal })
      .catch((e: unknown) => {
        if (statusOf(e) !== 404) throw e;
      });
  };
  const queue = new WorkQueue({ work, clock, random, failed }, signal);
  using _changes = classes.onChange((name) => queue.add(name));
  for (const name of new Set([...Object.keys(builtin), ...[...classes.entries()].map(([key]) => key)])) queue.add(name);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await queue.idle();
}

async function create(client: KubeClient, name: string, signal: AbortSignal): Promise<void> {
  const spec = Object.hasOwn(builtin, name) ? builtin[name] : undefined;
  if (spec === undefined) return;
  await client.create(knownClassKind, { namespace: '', name }, { spec }, { manager, signal }).catch((e: unknown) => {
    // Somebody else was faster.
    if (statusOf(e) !== 409) throw e;
  });
}

const accepted = (generation: number): Condition => ({
  type: 'Accepted',
  status: 'True',
  reason: 'Accepted',
  message: 'Handled by Istio controller',
  observedGeneration: generation,
});
