// Schema of a pod's volume: the sources that a mesh's charts use in detail, the rest of them by name.
// Used by builtin-pod.ts.
import { labelSelector } from './builtin-meta.ts';
import { anything, boolean, defaulted, int32, int64, list, object, quantity, string, whole } from './notation.ts';
import type { OpenApiSchema } from './open-api.ts';

const item = object({ key: string, path: string, mode: int32 }, 'key', 'path');
const downwardFile = object(
  {
    path: string,
    mode: int32,
    fieldRef: whole(object({ apiVersion: defaulted(string, 'v1'), fieldPath: string }, 'fieldPath')),
    resourceFieldRef: whole(object({ containerName: string, resource: string, divisor: quantity }, 'resource')),
  },
  'path',
);

const projection = object({
  secret: object({ name: string, items: list(item), optional: boolean }),
  configMap: object({ name: string, items: list(item), optional: boolean }),
  downwardAPI: object({ items: list(downwardFile) }),
  serviceAccountToken: object({ audience: string, expirationSeconds: defaulted(int64, 3_600), path: string }, 'path'),
  clusterTrustBundle: object({ name: string, signerName: string, labelSelector, optional: boolean, path: string }, 'path'),
  podCertificate: anything,
});

const otherSources = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'ephemeral',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'glusterfs',
  'image',
  'iscsi',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
];

export const volume: OpenApiSchema = object(
  {
    name: string,
    emptyDir: object({ medium: string, sizeLimit: quantity }),
    hostPath: object({ path: string, type: defaulted(string, '') }, 'path'),
    secret: object({ secretName: string, items: list(item), defaultMode: defaulted(int32, 0o644), optional: boolean }),
    configMap: object({ name: string, items: list(item), defaultMode: defaulted(int32, 0o644), optional: boolean }),
    downwardAPI: object({ items: list(downwardFile), defaultMode: defaulted(int32, 0o644) }),
    projected: object({ sources: list(projection), defaultMode: defaulted(int32, 0o644) }),
    persistentVolumeClaim: object({ claimName: string, readOnly: boolean }, 'claimName'),
    csi: anything,
    ...Object.fromEntries(otherSources.map((source) => [source, anything])),
  },
  'name',
);
