// What the views of a ztunnel's dump have in common: the flags that narrow them down.
import type { View } from '../../dump-views.ts';
import type { Dump } from './dump.ts';

export type ZtunnelView = View<Dump, Partial<ViewFlags>>;

export interface ViewFlags {
  readonly address: string;
  readonly workloadNamespace: string;
  readonly workloadNode: string;
  readonly serviceNamespace: string;
  readonly policyNamespace: string;
  readonly direction: 'inbound' | 'outbound';
  readonly raw: boolean;
}
