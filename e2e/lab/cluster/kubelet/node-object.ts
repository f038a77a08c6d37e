// The Node object that a kubelet shows of its node. Pure.
// Applied by kubelet.ts at start, and again now and then.
import { arch } from 'node:process';
import type { DualAddress } from '../../addressing.ts';

export interface NodeFacts {
  readonly name: string;
  readonly addresses: DualAddress;
  /** Without the prefix, as `10.0.1.0/24`. */
  readonly podCidrs: readonly string[];
  /** `topology.kubernetes.io/region` and `zone`, and others. */
  readonly labels: Readonly<Record<string, string>>;
  /** Where a real API server reaches the kubelet; undefined: it does not. */
  readonly endpoint?: { readonly host: string; readonly port: number };
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const goArch = architectures[arch] ?? arch;

export function nodeObject({ name, labels, podCidrs }: NodeFacts): object {
  const own = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': goArch };
  return { metadata: { labels: { ...own, ...labels } }, spec: { podCIDR: podCidrs[0], podCIDRs: podCidrs } };
}

export function nodeStatus({ name, addresses, endpoint }: NodeFacts, now: string): object {
  const resources = { cpu: '8', memory: '16Gi', pods: '250' };
  return {
    addresses: [
      { type: 'InternalIP', address: addresses.v4 },
      { type: 'InternalIP', address: addresses.v6 },
      { type: 'Hostname', address: name },
      ...(endpoint === undefined ? [] : [{ type: 'ExternalDNS', address: endpoint.host }]),
    ],
    ...(endpoint !== undefined && { daemonEndpoints: { kubeletEndpoint: { Port: endpoint.port } } }),
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'the node of the lab is ready',
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      },
    ],
    capacity: resources,
    allocatable: resources,
    nodeInfo: {
      machineID: name,
      systemUUID: name,
      bootID: name,
      kernelVersion: 'lab',
      osImage: 'ambient-mesh lab',
      containerRuntimeVersion: 'lab://1.0.0',
      kubeletVersion: 'v1.32.0',
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: goArch,
    },
  };
}
