// Who a pod is, as the CNI agent (or PROXY_WORKLOAD_INFO) says: the link between a network namespace and a workload of the mesh.

export interface WorkloadInfo {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** One string per pod of this node; names cannot contain `/`. */
export const infoKey = (i: WorkloadInfo): string => `${i.namespace}/${i.name}/${i.serviceAccount}`;

/** `namespace/name/serviceaccount`, all three given. */
export function parseWorkloadInfo(text: string): WorkloadInfo | undefined {
  const [namespace, name, serviceAccount, ...rest] = text.split('/');
  if (!namespace || !name || !serviceAccount || rest.length > 0) return undefined;
  return { namespace, name, serviceAccount };
}
