// Where things are: nodes and namespaces as the mesh sees them.
import type { Locality } from '@ambient-mesh/model/workload';
import type { Meta } from './meta.ts';

export interface KubeNode {
  readonly meta: Meta;
  /** Empty strings where the node's labels say nothing. */
  readonly locality: Locality;
}

export interface KubeNamespace {
  readonly meta: Meta;
}
