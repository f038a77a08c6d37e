// Where things are: nodes and namespaces as the mesh sees them.
import type { Locality } from '@ambient-mesh/model/workload';
import type { Meta } from './meta.ts';
import { metaOf } from './read.ts';

export interface KubeNode {
  readonly meta: Meta;
  /** Empty strings where the node's labels say nothing. */
  readonly locality: Locality;
}

export interface KubeNamespace {
  readonly meta: Meta;
}

const noLocality: Locality = Object.freeze({ region: '', zone: '', subzone: '' });

export const nodeKind = {
  group: '',
  version: 'v1',
  plural: 'nodes',
  kind: 'Node',
  namespaced: false,
  narrow(object: unknown): KubeNode | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const region = meta.labels['topology.kubernetes.io/region'] ?? '';
    const zone = meta.labels['topology.kubernetes.io/zone'] ?? '';
    const subzone = meta.labels['topology.istio.io/subzone'] ?? '';
    return { meta, locality: region === '' && zone === '' && subzone === '' ? noLocality : { region, zone, subzone } };
  },
} as const;

export const namespaceKind = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
  narrow(object: unknown): KubeNamespace | undefined {
    const meta = metaOf(object);
    return meta && { meta };
  },
} as const;
