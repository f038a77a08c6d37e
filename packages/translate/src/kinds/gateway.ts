// Gateways and their classes as the mesh sees them.
import type { LabelSelector, Meta } from './meta.ts';
import { items, labelSelector, metaOf, raw, text, whole } from './read.ts';

export interface GatewayListener {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  /** Default `Same`. */
  readonly from: 'All' | 'Selector' | 'Same' | 'None';
  /** With `Selector`. */
  readonly selector?: LabelSelector;
}

export interface Gateway {
  readonly meta: Meta;
  readonly className: string;
  readonly listeners: readonly GatewayListener[];
  /** Of the status. */
  readonly addresses: readonly { readonly type: string; readonly value: string }[];
}

export interface GatewayClass {
  readonly meta: Meta;
  readonly controller: string;
}

export const gatewayKind = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural: 'gateways',
  kind: 'Gateway',
  namespaced: true,
  narrow(object: unknown): Gateway | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const [spec, status] = [raw(raw(object).spec), raw(raw(object).status)];
    return {
      meta,
      className: text(spec.gatewayClassName),
      listeners: items(spec.listeners).map(listenerOf),
      addresses: items(status.addresses).map((each) => ({ type: text(raw(each).type) || 'IPAddress', value: text(raw(each).value) })),
    };
  },
} as const;

const admitted = ['All', 'Selector', 'Same', 'None'] as const;

/** A word that is not known admits nobody. */
function listenerOf(value: unknown): GatewayListener {
  const { name, port, protocol, allowedRoutes } = raw(value);
  const { from, selector } = raw(raw(allowedRoutes).namespaces);
  const listener = { name: text(name), port: whole(port), protocol: text(protocol) };
  if (from === undefined) return { ...listener, from: 'Same' };
  const known = admitted.find((each) => each === from) ?? 'None';
  return known === 'Selector' ? { ...listener, from: known, selector: labelSelector(selector) } : { ...listener, from: known };
}

export const gatewayClassKind = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural: 'gatewayclasses',
  kind: 'GatewayClass',
  namespaced: false,
  narrow(object: unknown): GatewayClass | undefined {
    const meta = metaOf(object);
    return meta && { meta, controller: text(raw(raw(object).spec).controllerName) };
  },
} as const;
