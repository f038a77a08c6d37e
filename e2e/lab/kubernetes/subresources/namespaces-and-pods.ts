// Two subresources that finish what others began: `namespaces/NAME/finalize` ends a deletion, `pods/NAME/binding` gives a pod its node.
// Called by serve/ for PUT and POST.
import { type Cluster, keyOfTarget, type Target, timestamp } from '../cluster.ts';
import { listAt, mapAt, textAt } from '../object.ts';
import type { Json, KubeObject } from '../patch/json.ts';
import { badRequest, conflict, notFound } from '../status-error.ts';
import { persist } from '../write/persist.ts';

/** Sets spec.finalizers; a namespace in deletion that has none left is gone. */
export function finalizeNamespace(cluster: Cluster, target: Target, body: Json): Readonly<KubeObject> {
  const current = cluster.store.get('namespaces', target.name)?.object;
  if (current === undefined) throw notFound(target.resource, target.name);
  const finalizers = [...listAt(body, 'spec', 'finalizers')];
  return persist(cluster, target.resource, { ...current, spec: { ...mapAt(current.spec), finalizers } }, { dryRun: false });
}

export function bindPod(cluster: Cluster, target: Target, body: Json): void {
  const pod = cluster.store.get('pods', keyOfTarget(target))?.object;
  if (pod === undefined) throw notFound(target.resource, target.name);
  const node = textAt(body, 'target', 'name');
  if (node === undefined || node === '') throw badRequest('Binding "" is invalid: target.name: Required value');
  const bound = textAt(pod.spec, 'nodeName') ?? '';
  if (bound !== '') throw conflict(target.resource, target.name, `pod ${target.name} is already assigned to node "${bound}"`);
  const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: timestamp(cluster.clock) };
  const conditions = [...listAt(pod.status, 'conditions').filter((each) => mapAt(each).type !== 'PodScheduled'), scheduled];
  const next = { ...pod, spec: { ...mapAt(pod.spec), nodeName: node }, status: { ...mapAt(pod.status), conditions } };
  persist(cluster, target.resource, next, { dryRun: false });
}
