// Writes at a pod whether it is in the mesh: the control plane reads it there and tells everybody else (facts: control-plane §1.3).
// By a merge patch of `pods/status`, which is less of a privilege than patching pods.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { ms } from '@ambient-mesh/runtime/time';
import { podKind, redirectionAnnotation } from '../facts/pod.ts';
import type { NodeParts } from './node.ts';

/** A server that does not answer must not keep the queue's hands from pods that need nobody's answer. */
const answersWithin = ms(5_000);

/** A pod that is gone, or whose name another one has by now, is nothing to write at. */
export function annotator(client: KubeClient): NodeParts['annotate'] {
  return async ({ namespace, name, uid }, value, signal) => {
    const body = { metadata: { uid, annotations: { [redirectionAnnotation]: value } } };
    const patch = { type: 'merge', body, subresource: 'status' } as const;
    await client.patch(podKind, { namespace, name }, patch, { signal, timeout: answersWithin }).catch((e: unknown) => {
      if (statusOf(e) !== 404 && statusOf(e) !== 409) throw e;
    });
  };
}
