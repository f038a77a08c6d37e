// The Services through which a Gateway is reached, by name and as they are now. Pure.
// Used by waypoints.ts for the status, and by follow.ts to know which Gateway a Service is about.
import type { EndpointSlice } from '@ambient-mesh/translate/kinds/endpoint-slice';
import type { Gateway } from '@ambient-mesh/translate/kinds/gateway';
import type { KubeService } from '@ambient-mesh/translate/kinds/service';
import type { Front } from './gateway-status.ts';
import { nameOf } from './order.ts';
import { isMadeByHand } from './plan.ts';

export interface ServiceName {
  readonly host: string;
  /** `namespace/name`; undefined for a host outside the cluster. */
  readonly key: string | undefined;
}

export function frontsOf(gateway: Gateway, clusterDomain: string): readonly ServiceName[] {
  const { namespace } = gateway.meta;
  const named = (name: string): ServiceName => ({ host: `${name}.${namespace}.svc.${clusterDomain}`, key: `${namespace}/${name}` });
  if (!isMadeByHand(gateway)) return [named(nameOf(gateway))];
  return gateway.wanted.flatMap(({ type, value }) => {
    if (type !== 'Hostname') return [];
    if (!value.includes('.')) return named(value);
    const [name, space, ...rest] = value.split('.');
    return { host: value, key: rest.join('.') === `svc.${clusterDomain}` ? `${space}/${name}` : undefined };
  });
}

export function frontOf(host: string, service: KubeService | undefined, slices: Iterable<EndpointSlice>): Front {
  if (service === undefined) return { host, exists: false, ready: false, clusterIps: [] };
  const { namespace, name } = service.meta;
  const own = [...slices].filter((slice) => slice.service === name && slice.meta.namespace === namespace);
  return { host, exists: true, ready: own.some(({ endpoints }) => endpoints.some(({ ready }) => ready)), clusterIps: service.clusterIps };
}
