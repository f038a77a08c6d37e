// An EndpointSlice as the mesh sees it.
import type { Meta } from './meta.ts';

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
