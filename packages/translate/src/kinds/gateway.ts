// Gateways and their classes as the mesh sees them.
import type { LabelSelector, Labels, Meta } from './meta.ts';
import { isRaw, items, labelSelector, labels, metaOf, raw, text, whole } from './read.ts';

export interface GatewayListener {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  /** Default `Same`. */
  readonly from: 'All' | 'Selector' | 'Same' | 'None';
  /** With `Selector`. */
  readonly selector?: LabelSelector;
  readonly hostname: string;
  /** Kinds of routes that it takes; empty: those of its protocol. */
  readonly kinds: readonly { readonly group: string; readonly kind: string }[];
  /** Absent when the listener says nothing of TLS. */
  readonly tls?: { readonly mode: string; readonly options: Labels };
}

export interface GatewayAddress {
  readonly type: string;
  readonly value: string;
}

/** What the Gateway says of whatever is made for it. */
export interface GatewayInfrastructure {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly parameters?: { readonly group: string; readonly kind: string; readonly name: string };
}

export interface Gateway {
  /** With all annotations: they say how it is to be deployed. */
  readonly meta: Meta;
  readonly className: string;
  readonly listeners: readonly GatewayListener[];
  /** Of the spec: addresses that it asks for. */
  readonly wanted: readonly GatewayAddress[];
  readonly infrastructure: GatewayInfrastructure;
  /** Of the status. */
  readonly addresses: readonly GatewayAddress[];
}

export interface GatewayClass {
  readonly meta: Meta;
  readonly controller: string;
}

const gatewayGroup = 'gateway.networking.k8s.io';

export const gatewayKind = {
  group: gatewayGroup,
  version: 'v1',
  plural: 'gateways',
  kind: 'Gateway',
  namespaced: true,
  narrow(object: unknown): Gateway | undefined {
    const meta = wholeMetaOf(object);
    if (meta === undefined) return undefined;
    const [spec, status] = [raw(raw(object).spec), raw(raw(object).status)];
    return {
      meta,
      className: text(spec.gatewayClassName),
      listeners: items(spec.listeners).map(listenerOf),
      wanted: addressesOf(spec.addresses),
      infrastructure: infrastructureOf(spec.infrastructure),
      addresses: addressesOf(status.addresses),
    };
  },
} as const;

/** What kubectl keeps for itself is the whole object once more. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** Gateways and their classes are few, and their annotations are orders: all are kept. */
function wholeMetaOf(object: unknown): Meta | undefined {
  const meta = metaOf(object);
  if (meta === undefined) return undefined;
  const { [lastApplied]: _, ...annotations } = labels(raw(raw(object).metadata).annotations);
  return { ...meta, annotations };
}

const addressesOf = (value: unknown): readonly GatewayAddress[] =>
  items(value).map((each) => ({ type: text(raw(each).type) || 'IPAddress', value: text(raw(each).value) }));

function infrastructureOf(value: unknown): GatewayInfrastructure {
  const { labels: own, annotations, parametersRef } = raw(value);
  const { group, kind, name } = raw(parametersRef);
  const parameters = isRaw(parametersRef) && { parameters: { group: text(group), kind: text(kind), name: text(name) } };
  return { labels: labels(own), annotations: labels(annotations), ...parameters };
}

const admitted = ['All', 'Selector', 'Same', 'None'] as const;

/** A word that is not known admits nobody. */
function listenerOf(value: unknown): GatewayListener {
  const { name, port, protocol, hostname, allowedRoutes, tls } = raw(value);
  const { namespaces, kinds } = raw(allowedRoutes);
  const { from, selector } = raw(namespaces);
  const listener = {
    name: text(name),
    port: whole(port),
    protocol: text(protocol),
    hostname: text(hostname),
    kinds: items(kinds).map((each) => ({ group: text(raw(each).group) || gatewayGroup, kind: text(raw(each).kind) })),
    ...(isRaw(tls) && { tls: { mode: text(tls.mode) || 'Terminate', options: labels(tls.options) } }),
  };
  if (from === undefined) return { ...listener, from: 'Same' };
  const known = admitted.find((each) => each === from) ?? 'None';
  return known === 'Selector' ? { ...listener, from: known, selector: labelSelector(selector) } : { ...listener, from: known };
}

export const gatewayClassKind = {
  group: gatewayGroup,
  version: 'v1',
  plural: 'gatewayclasses',
  kind: 'GatewayClass',
  namespaced: false,
  narrow(object: unknown): GatewayClass | undefined {
    const meta = wholeMetaOf(object);
    return meta && { meta, controller: text(raw(raw(object).spec).controllerName) };
  },
} as const;
