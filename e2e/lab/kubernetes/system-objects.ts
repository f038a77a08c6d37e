// What every cluster has before anybody creates anything: the system namespaces and the Service of the API server itself.
// Called by kube-api.ts at every start; what is there stays as it is.
import type { Cluster } from './cluster.ts';
import type { JsonObject } from './patch/json.ts';
import { StatusError } from './status-error.ts';
import { createObject } from './write/create.ts';

const namespaces = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

export function createSystemObjects(cluster: Cluster): void {
  for (const name of namespaces) create(cluster, 'namespaces', '', { metadata: { name } });
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  const ports = [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }];
  create(cluster, 'services', 'default', { metadata: { name: 'kubernetes', labels }, spec: { ports } });
}

function create(cluster: Cluster, plural: string, namespace: string, body: JsonObject): void {
  const resource = cluster.kinds.find('', 'v1', plural);
  if (resource === undefined) return;
  const options = { dryRun: false, manager: 'kube-apiserver', fieldValidation: 'Strict', force: false, warnings: [] } as const;
  try {
    createObject(cluster, { resource, namespace, name: '', subresource: '' }, body, { ...options, warnings: [] });
  } catch (e) {
    if (!(e instanceof StatusError) || e.reason !== 'AlreadyExists') throw e;
  }
}
