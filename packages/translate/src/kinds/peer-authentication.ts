// PeerAuthentication as the mesh sees it.
import type { Labels, Meta } from './meta.ts';

export type MtlsMode = 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT';

export interface PeerAuthentication {
  readonly meta: Meta;
  /** Absent when the object has none or an empty one. */
  readonly selector?: Labels;
  readonly mode: MtlsMode;
  /** By the workload's own port. */
  readonly ports: ReadonlyMap<number, MtlsMode>;
}
