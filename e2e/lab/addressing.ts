// The lab's addresses and the `ip` commands that join its namespaces: pure text, no side effects.
// Carried out by lab.ts, node.ts and pod.ts through links.ts.
// Pods use host addresses behind a link-local gateway, as most CNI plugins do, so a pod's move never disturbs its neighbours.
import { type Ip, parseIp } from '@ambient-mesh/model/address';

/** One IPv4 and one IPv6 address. */
export interface DualAddress {
  readonly v4: Ip;
  readonly v6: Ip;
}

const ip = (text: string): Ip => {
  const parsed = parseIp(text);
  if (parsed === undefined) throw new Error(`the lab made a bad address: ${text}`);
  return parsed;
};
const dual = (v4: string, v6: string): DualAddress => ({ v4: ip(v4), v6: ip(v6) });

/** Every address of both families, for listeners. */
export const anyAddress = ip('::');
/** The bridge that joins the nodes; the stand-in control plane listens here. */
export const underlayAddress = dual('172.172.255.254', 'fd00:172::ffff');
/** @param node 1 to 250 */
export const nodeAddress = (node: number): DualAddress => dual(`172.172.0.${node}`, `fd00:172::${node}`);
/** On one node at a time. */
export const mostPods = 250;
/** Of all pods of a node. */
export const podCidrs = (node: number): readonly string[] => [`10.0.${node}.0/24`, `fd00:10:${node}::/64`];
/** A pod's number behind it is the pod's address. */
export const podPrefix = (node: number): { readonly v4: string; readonly v6: string } => ({ v4: `10.0.${node}.`, v6: `fd00:10:${node}::` });
/** @param pod 1 to `mostPods`, counted on its node */
export const podAddress = (node: number, pod: number): DualAddress => dual(podPrefix(node).v4 + pod, podPrefix(node).v6 + pod);
/** Of every pod, on its node's end of the link. */
export const podGateway = { v4: '169.254.0.1', v6: 'fe80::1' };

/** Inside the underlay, once. */
export const underlayCommands: readonly string[] = [
  'link add br0 type bridge mcast_snooping 0', // snooping drops neighbour solicitations until a querier shows up
  'link set br0 up',
  `addr add ${underlayAddress.v4}/16 dev br0`,
  `addr add ${underlayAddress.v6}/64 dev br0 nodad`,
];

/** Inside the underlay, per node. `nodeNetns` is a path that `ip` can open, such as /proc/<pid>/fd/<n>. */
export const uplinkCommands = (node: number, nodeNetns: string): readonly string[] => [
  `link add node${node} type veth peer name eth0 netns ${nodeNetns}`,
  `link set node${node} master br0 up`,
  ...podRoutes(node),
];

/** Inside a new node. */
export const nodeCommands = (node: number): readonly string[] => [
  'link set eth0 up',
  `addr add ${nodeAddress(node).v4}/16 dev eth0`,
  `addr add ${nodeAddress(node).v6}/64 dev eth0 nodad`,
  `route add default via ${underlayAddress.v4}`,
  `route add default via ${underlayAddress.v6}`,
];

/** Inside every other node and the underlay: the way to the pods of `node`. */
export const podRoutes = (node: number): readonly string[] => [
  `route add 10.0.${node}.0/24 via ${nodeAddress(node).v4}`,
  `route add fd00:10:${node}::/64 via ${nodeAddress(node).v6}`,
];

/** Inside the node, per pod. */
export const podLinkCommands = (node: number, pod: number, podNetns: string): readonly string[] => [
  `link add pod${pod} type veth peer name eth0 netns ${podNetns}`,
  `link set pod${pod} up`,
  `addr add ${podGateway.v4}/32 dev pod${pod}`,
  `addr add ${podGateway.v6}/64 dev pod${pod} nodad`,
  `route add ${podAddress(node, pod).v4}/32 dev pod${pod} src ${nodeAddress(node).v4}`,
  `route add ${podAddress(node, pod).v6}/128 dev pod${pod} src ${nodeAddress(node).v6}`,
];

/** Inside the node, when a pod is gone and another may get its number: the routes go with the link. */
export const podUnlinkCommands = (pod: number): readonly string[] => [`link del pod${pod}`];

/** Inside the pod. */
export const podCommands = (node: number, pod: number): readonly string[] => [
  'link set eth0 up',
  `addr add ${podAddress(node, pod).v4}/32 dev eth0`,
  `addr add ${podAddress(node, pod).v6}/128 dev eth0 nodad`,
  `route add ${podGateway.v4} dev eth0 scope link`,
  `route add default via ${podGateway.v4} dev eth0 src ${podAddress(node, pod).v4}`,
  `route add default via ${podGateway.v6} dev eth0 src ${podAddress(node, pod).v6}`,
];

type Switch = readonly [file: string, value: string];

/**
 * Files under /proc/sys/net, set before any link exists. Reverse-path checks are off: replies to preserved source addresses come in
 * "from the wrong side". Duplicate address detection is off: it would keep IPv6 silent for the first two seconds.
 */
export const podSwitches: readonly Switch[] = [
  ['ipv4/conf/all/rp_filter', '0'],
  ['ipv4/conf/default/rp_filter', '0'],
  ['ipv6/conf/all/accept_dad', '0'],
  ['ipv6/conf/default/accept_dad', '0'],
];
/** Of a node, and of the underlay. */
export const nodeSwitches: readonly Switch[] = [...podSwitches, ['ipv4/ip_forward', '1'], ['ipv6/conf/all/forwarding', '1']];
