// Which Gateways a change matters to: its class, the ConfigMaps it is made from, its objects, the Service before it, its namespace.
// Used by waypoints.ts, which looks at whatever is touched.
import type { Store } from '@ambient-mesh/kube/store';
import type { Gateway } from '@ambient-mesh/translate/kinds/gateway';
import type { Stores } from '../feed/feed.ts';
import { frontsOf } from './fronts.ts';
import type { KnownClass } from './gateway-class.ts';
import { type DeploySettings, gatewayLabel } from './order.ts';
import type { OwnedStores } from './owned.ts';
import { type Parameters, parts } from './parameters.ts';
import { isMadeByHand } from './plan.ts';
import type { KnownGateway } from './reconcile.ts';

export interface Sources {
  readonly gateways: Store<KnownGateway>;
  readonly classes: Store<KnownClass>;
  readonly parameters: Store<Parameters>;
  readonly owned: OwnedStores;
  readonly shared: Pick<Stores, 'services' | 'endpointSlices' | 'namespaces'>;
}

/** Calls `touch` with the key of each Gateway, until disposed of. */
export function follow(
  { gateways, classes, parameters, owned, shared }: Sources,
  settings: Pick<DeploySettings, 'podNamespace' | 'clusterDomain'>,
  touch: (key: string) => void,
): Disposable {
  const following = new DisposableStack();
  const touchAll = (which: (gateway: Gateway) => boolean): void => {
    for (const [key, { gateway }] of gateways.entries()) if (which(gateway)) touch(key);
  };
  const services = new ServiceIndex({ gateways, shared }, settings.clusterDomain, touch);
  following.use(
    gateways.onChange((key) => {
      services.gatewayChanged(key);
      touch(key);
    }),
  );
  following.use(classes.onChange((name) => touchAll(({ className }) => className === name)));
  const usedBy = ({ namespace, name, defaultsFor }: Parameters): void =>
    touchAll(
      ({ meta, className, infrastructure }) =>
        (namespace === settings.podNamespace && defaultsFor === className) ||
        (namespace === meta.namespace && name === infrastructure.parameters?.name),
    );
  following.use(
    parameters.onChange((_, after, before) => {
      for (const each of [after, before]) if (each !== undefined) usedBy(each);
    }),
  );
  for (const part of parts) {
    following.use(
      owned[part].onChange((_, after, before) => {
        for (const each of [after, before]) if (each !== undefined) touch(`${each.namespace}/${each.gateway}`);
      }),
    );
  }
  following.use(shared.services.onChange((key) => services.serviceChanged(key)));
  following.use(
    shared.endpointSlices.onChange((_, after, before) => {
      const slice = after ?? before;
      if (slice !== undefined) services.serviceChanged(`${slice.meta.namespace}/${slice.service}`);
    }),
  );
  // The network is named by the namespace of the control plane.
  following.use(shared.namespaces.onChange((name) => touchAll(({ meta }) => meta.namespace === name || name === settings.podNamespace)));
  return following;
}

/** Managed Services name their Gateway; those made by hand are named by it. Changes of endpoints are many: this takes no walk over all. */
class ServiceIndex {
  readonly #sources: Pick<Sources, 'gateways' | 'shared'>;
  readonly #clusterDomain: string;
  readonly #touch: (key: string) => void;
  /** Services named by the Gateways that were made by hand. */
  readonly #byHand: Map<string, ReadonlySet<string | undefined>> = new Map();

  constructor(sources: Pick<Sources, 'gateways' | 'shared'>, clusterDomain: string, touch: (key: string) => void) {
    this.#sources = sources;
    this.#clusterDomain = clusterDomain;
    this.#touch = touch;
    for (const [key] of sources.gateways.entries()) this.gatewayChanged(key);
  }

  gatewayChanged(key: string): void {
    const gateway = this.#sources.gateways.get(key)?.gateway;
    if (gateway === undefined || !isMadeByHand(gateway)) this.#byHand.delete(key);
    else this.#byHand.set(key, new Set(frontsOf(gateway, this.#clusterDomain).map((front) => front.key)));
  }

  serviceChanged(service: string): void {
    const { meta } = this.#sources.shared.services.get(service) ?? {};
    const gateway = meta?.labels[gatewayLabel];
    if (meta !== undefined && gateway !== undefined) this.#touch(`${meta.namespace}/${gateway}`);
    for (const [key, services] of this.#byHand) if (services.has(service)) this.#touch(key);
  }
}
