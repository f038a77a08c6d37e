// Gateways and their classes as the mesh sees them.
import type { LabelSelector, Meta } from './meta.ts';

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
