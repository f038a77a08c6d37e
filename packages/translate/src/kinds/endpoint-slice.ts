// An EndpointSlice as the mesh sees it.
import type { Meta } from './meta.ts';
import { items, metaOf, raw, text, texts, whole } from './read.ts';

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  /** Absent means ready. */
  readonly ready: boolean;
  /** The pod behind it, when there is one. */
  readonly pod?: { readonly namespace: string; readonly name: string; readonly uid: string };
}

export interface EndpointSlice {
  readonly meta: Meta;
  /** Name of the Service that it belongs to; empty when it says none. */
  readonly service: string;
  readonly addressType: string;
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
  readonly endpoints: readonly SliceEndpoint[];
}

export const endpointSliceKind = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
  narrow(object: unknown): EndpointSlice | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const { addressType, ports, endpoints } = raw(object);
    return {
      meta,
      service: meta.labels['kubernetes.io/service-name'] ?? '',
      addressType: text(addressType),
      ports: items(ports).map((each) => {
        const { name, port, protocol } = raw(each);
        return { name: text(name), port: whole(port), protocol: text(protocol) };
      }),
      endpoints: items(endpoints).map((each) => endpointOf(each, meta.namespace)),
    };
  },
} as const;

function endpointOf(value: unknown, namespace: string): SliceEndpoint {
  const { addresses, conditions, targetRef } = raw(value);
  const target = raw(targetRef);
  const endpoint = { addresses: texts(addresses), ready: raw(conditions).ready !== false };
  if (target.kind !== 'Pod') return endpoint;
  return { ...endpoint, pod: { namespace: text(target.namespace) || namespace, name: text(target.name), uid: text(target.uid) } };
}
