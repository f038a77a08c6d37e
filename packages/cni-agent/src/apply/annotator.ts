// Writes at a pod whether it is in the mesh: the control plane reads it there and tells everybody else (facts: control-plane §1.3).
// By a merge patch of `pods/status`, which is less of a privilege than patching pods.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { podKind, redirectionAnnotation } from '../facts/pod.ts';
import type { NodeParts } from './node.ts';

/** A pod that is gone, or whose name another one has by now, is nothing to write at. */
export function annotator(client: KubeClient): NodeParts['annotate'] {
  return async ({ namespace, name, uid }, value, signal) => {
    const body = { metadata: { uid, annotations: { [redirectionAnnotation]: value } } };
    await client.patch(podKind, { namespace, name }, { type: 'merge', body, subresource: 'status' }, { signal }).catch((e: unknown) => {
      if (statusOf(e) !== 404 && statusOf(e) !== 409) throw e;
    });
  };
}
