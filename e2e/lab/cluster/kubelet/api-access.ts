// What every container finds at the usual place to reach the API server with: a token of its service account, the server's roots, its namespace.
// In a cluster an admission plugin writes this volume into the pod; the lab's kubelet adds it to what it runs. Pure. Used by pod-files.ts.
import type { Container, Pod, Volume } from '../objects.ts';

const path = '/var/run/secrets/kubernetes.io/serviceaccount';

const accessVolume: Volume = {
  name: 'kube-api-access',
  projected: {
    sources: [
      { serviceAccountToken: { path: 'token', expirationSeconds: 3_607 } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
    ],
  },
};

const lacksMount = ({ volumeMounts = [] }: Container): boolean => volumeMounts.every(({ mountPath }) => mountPath !== path);

/** The pod with the volume in each container that has not mounted something else there. */
export function withApiAccess(pod: Pod): Pod {
  const add = (container: Container): Container =>
    lacksMount(container)
      ? { ...container, volumeMounts: [...(container.volumeMounts ?? []), { name: accessVolume.name, mountPath: path, readOnly: true }] }
      : container;
  const { initContainers = [], containers, volumes = [] } = pod.spec;
  if (![...initContainers, ...containers].some(lacksMount)) return pod;
  const spec = {
    ...pod.spec,
    volumes: [...volumes, accessVolume],
    initContainers: initContainers.map(add),
    containers: containers.map(add),
  };
  return { ...pod, spec };
}
