// Makes one Gateway what it should be: objects applied where they differ, those of old names removed, and the status written where it says something new.
// Called by waypoints.ts for each Gateway that something has happened to. What is wanted is plan.ts and gateway-status.ts.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import type { Kind } from '@ambient-mesh/kube/kind';
import { objectOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { saysAlready, withTimes } from '@ambient-mesh/kube/status';
import { describeError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import { type Gateway, gatewayKind } from '@ambient-mesh/translate/kinds/gateway';
import { manager } from './gateway-class.ts';
import { type Front, type GatewayStatus, gatewayStatus } from './gateway-status.ts';
import { conditionsIn, timestamp } from './known-status.ts';
import type { WantedObject } from './objects.ts';
import { type OwnedObject, type OwnedStores, ownedBy, ownedKinds } from './owned.ts';
import { controllerVersion, type Plan, versionAnnotation } from './plan.ts';

/** A Gateway with its status as the server has it. */
export interface KnownGateway {
  readonly gateway: Gateway;
  readonly status: unknown;
  /** A status is made from one version of the object, and written only to that. */
  readonly version: string;
}

export const knownGatewayKind: Kind<KnownGateway> = {
  ...gatewayKind,
  narrow: (raw) => {
    const gateway = gatewayKind.narrow(raw);
    const { metadata, status } = objectOf(raw);
    return gateway && { gateway, status, version: textOf(objectOf(metadata).resourceVersion) };
  },
};

export interface ReconcilerOptions {
  readonly client: KubeClient;
  readonly owned: OwnedStores;
  readonly clock: Clock;
  readonly report: {
    /** An object of that name is there already, and is not ours. */
    foreign(gateway: string, kind: string): void;
    written(gateway: string): void;
  };
}

export interface Order {
  readonly known: KnownGateway;
  readonly plan: Exclude<Plan, { readonly do: 'leave' }>;
  readonly isRemote: boolean;
  readonly fronts: readonly Front[];
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** What was applied last, by kind and name: a field that is no longer wanted shows only here. */
  readonly #applied: Map<string, string> = new Map();
  /** What has been told to be in the way, so that it is told once. */
  readonly #foreign: Set<string> = new Set();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** @throws what the API server refused, after the status tells it; to be tried again. */
  async reconcile({ known, plan, isRemote, fronts }: Order, signal: AbortSignal): Promise<void> {
    let failed: { readonly why: unknown } | undefined;
    if (plan.do === 'deploy') {
      try {
        await this.#deploy(known.gateway, plan.objects, signal);
      } catch (why) {
        signal.throwIfAborted();
        if (isEnding(why)) return;
        failed = { why };
      }
    }
    const failure = failed && describeError(failed.why);
    await this.#tell(known, gatewayStatus({ gateway: known.gateway, plan, isRemote, fronts, failure }), signal);
    if (failed !== undefined) throw failed.why;
  }

  /** The Gateway is gone: what it owned is the garbage collector's. */
  forget(namespace: string, gateway: string): void {
    for (const known of [this.#applied, this.#foreign])
      for (const id of known.keys()) if (id.startsWith(`${namespace}/${gateway} `)) known.delete(id);
  }

  async #deploy(gateway: Gateway, objects: readonly WantedObject[], signal: AbortSignal): Promise<void> {
    await this.#claim(gateway, signal);
    for (const wanted of objects) await this.#apply(gateway, wanted, signal);
    for (const [part, { namespace, name, uid }] of [...ownedBy(this.#options.owned, gateway.meta.uid)]) {
      if (objects.some((wanted) => wanted.part === part && wanted.name === name)) continue;
      await this.#options.client.remove(ownedKinds[part], { namespace, name }, { uid, signal });
    }
  }

  /** Older controllers leave it to us from now on. */
  async #claim({ meta }: Gateway, signal: AbortSignal): Promise<void> {
    const version = `${controllerVersion}`;
    if (meta.annotations[versionAnnotation] === version) return;
    const body = { metadata: { uid: meta.uid, annotations: { [versionAnnotation]: version } } };
    await this.#options.client.patch(gatewayKind, meta, { type: 'merge', body, manager }, { signal });
  }

  async #apply(gateway: Gateway, { part, name, body }: WantedObject, signal: AbortSignal): Promise<void> {
    const { client, owned, report } = this.#options;
    const { namespace, name: gatewayName } = gateway.meta;
    const kind = ownedKinds[part];
    const found = owned[part].get(`${namespace}/${name}`);
    const id = `${namespace}/${gatewayName} ${part} ${name}`;
    const text = JSON.stringify(body);
    if (found !== undefined && this.#applied.get(id) === text && saysAlready(found.body, body)) return;
    const there = found ?? (await client.get(kind, { namespace, name }, { signal }));
    if (there !== undefined && !isOf(there, gateway)) {
      if (!this.#foreign.has(id)) report.foreign(`${namespace}/${gatewayName}`, `${kind.kind} ${name}`);
      this.#foreign.add(id);
      return;
    }
    this.#foreign.delete(id);
    await client.apply(kind, { namespace, name }, body, { manager, signal });
    this.#applied.set(id, text);
  }

  async #tell({ gateway: { meta }, status, version }: KnownGateway, wanted: GatewayStatus, signal: AbortSignal): Promise<void> {
    if (isTold(objectOf(status), wanted)) return;
    const { client, clock, report } = this.#options;
    const now = timestamp(clock);
    const known = objectOf(status);
    const listeners = Array.isArray(known.listeners) ? known.listeners.map(objectOf) : [];
    const body = {
      metadata: { uid: meta.uid, resourceVersion: version },
      status: {
        ...wanted,
        conditions: withTimes(conditionsIn(known.conditions), wanted.conditions, now),
        listeners: wanted.listeners.map((listener) => {
          const before = listeners.find(({ name }) => name === listener.name);
          return { ...listener, conditions: withTimes(conditionsIn(before?.conditions), listener.conditions, now) };
        }),
      },
    };
    try {
      await client.apply(gatewayKind, meta, body, { manager, subresource: 'status', signal });
    } catch (e) {
      // Gone, or changed: the change is on its way to us, and what it says of addresses must not be overwritten.
      if (statusOf(e) === 404 || statusOf(e) === 409) return;
      throw e;
    }
    report.written(`${meta.namespace}/${meta.name}`);
  }
}

/** Whoever made it by hand keeps it; so does another Gateway that came first. */
const isOf = ({ isManaged, gateway }: OwnedObject, { meta }: Gateway): boolean => isManaged && gateway === meta.name;

/** Conditions and listeners count by their names: others may have some of their own, in any order. */
function isTold(status: RawObject, { conditions, addresses, listeners }: GatewayStatus): boolean {
  const told = (known: unknown, wanted: GatewayStatus['conditions']): boolean => {
    const all = conditionsIn(known);
    return wanted.every((each) => all.some((said) => saysAlready(said, each)));
  };
  const known = Array.isArray(status.listeners) ? status.listeners.map(objectOf) : [];
  return (
    told(status.conditions, conditions) &&
    saysAlready(status.addresses ?? [], addresses) &&
    known.length === listeners.length &&
    listeners.every(({ conditions: wanted, ...listener }) =>
      known.some((each) => saysAlready(each, listener) && told(each.conditions, wanted)),
    )
  );
}

/** The Gateway is gone (404), or its namespace is about to go (403). */
function isEnding(e: unknown): boolean {
  const status = statusOf(e);
  return status === 404 || (status === 403 && e instanceof Error && /being terminated/.test(e.message));
}
