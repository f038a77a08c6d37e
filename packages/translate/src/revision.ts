// Whose configuration an object is, where several control planes share a cluster. Pure (facts: control-plane §3.1).
import type { Meta } from './kinds/meta.ts';

/** An object without the label is everybody's, and a control plane without a revision takes all. */
export function inRevision(meta: Pick<Meta, 'labels'>, revision: string): boolean {
  const label = meta.labels['istio.io/rev'];
  return label === undefined || revision === '' || label === revision;
}
