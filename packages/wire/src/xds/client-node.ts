// What a client of xDS says of itself in its first request, read strictly. Pure.
// Used by server.ts; node.ts is how our own clients write it.
import type { Node } from '../messages/generated/discovery_pb.js';

export const nodeTypes = ['sidecar', 'router', 'waypoint', 'ztunnel'] as const;

export interface ClientNode {
  readonly id: string;
  readonly type: (typeof nodeTypes)[number];
  readonly ip: string;
  readonly pod: string;
  readonly namespace: string;
  /** Empty when it does not say. */
  readonly serviceAccount: string;
  /** Kubernetes node that it runs on; empty when it does not say. */
  readonly nodeName: string;
  readonly clusterId: string;
  readonly network: string;
}

const longest = 1_024;

/** From `type~ip~pod.namespace~domain` and the metadata; undefined when the id is not of that form. */
export function readNode(node: Pick<Node, 'id' | 'metadata'> | undefined): ClientNode | undefined {
  if (node === undefined || node.id.length > longest) return undefined;
  const [type, ip, pod, domain, surplus] = node.id.split('~', 5);
  const known = nodeTypes.find((each) => each === type);
  if (known === undefined || !ip || !pod || domain === undefined || surplus !== undefined) return undefined;
  const said = (name: string): string => {
    const value = node.metadata?.[name];
    return typeof value === 'string' && value.length <= longest ? value : '';
  };
  const dot = pod.lastIndexOf('.');
  const namespace = said('NAMESPACE') || (dot < 0 ? '' : pod.slice(dot + 1));
  return {
    id: node.id,
    type: known,
    ip,
    pod: dot < 0 ? pod : pod.slice(0, dot),
    namespace,
    serviceAccount: said('SERVICE_ACCOUNT'),
    nodeName: said('NODE_NAME'),
    clusterId: said('CLUSTER_ID'),
    network: said('NETWORK'),
  };
}
