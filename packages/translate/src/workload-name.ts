// What a pod's workload is called: the controller that people know it by (facts: control-plane §3.5). Pure.
import type { Pod } from './kinds/pod.ts';

export function workloadNameOf(pod: Pod): string {
  const { labels, name } = pod.meta;
  const said = labels['service.istio.io/workload-name'];
  if (said) return said;
  const { controller } = pod;
  if (!pod.generated || controller === undefined) return name;
  switch (controller.kind) {
    case 'ReplicaSet':
      return (
        withoutHash(controller.name, labels['pod-template-hash']) ??
        withoutHash(controller.name, labels['rollouts-pod-template-hash']) ??
        controller.name
      );
    case 'ReplicationController':
      return labels.deploymentconfig || controller.name;
    case 'Job':
      return /^(.+)-\d{8,10}$/.exec(controller.name)?.[1] ?? controller.name;
    default:
      return controller.name;
  }
}

function withoutHash(name: string, hash: string | undefined): string | undefined {
  const suffix = `-${hash}`;
  return hash && name.endsWith(suffix) && name.length > suffix.length ? name.slice(0, -suffix.length) : undefined;
}
