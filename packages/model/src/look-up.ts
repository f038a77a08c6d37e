// Answers "what is at this address" and "what does this reference point to" over the whole mesh.
// Two orders exist on purpose: what a client dialled is looked for among workloads first, where it goes among services first (endpoint-choice.ts).
import type { Ip } from './address.ts';
import type { Mesh } from './mesh.ts';
import type { Service } from './service.ts';
import type { GatewayAddress, Workload } from './workload.ts';

export type Found =
  | { readonly workload: Workload; readonly service?: undefined }
  | { readonly service: Service; readonly workload?: undefined };

/** Without a client namespace, services hidden from other namespaces are found too. */
export function addressAt(mesh: Mesh, network: string, ip: Ip, clientNamespace?: string): Found | undefined {
  const workload = mesh.workloadAt(network, ip);
  if (workload) return { workload };
  const service = mesh.serviceAt(network, ip, { clientNamespace });
  return service && { service };
}

/** Services first. Whoever may see the reference may see what it points to, so that visibility plays no part. */
export function referenced(mesh: Mesh, { destination }: GatewayAddress): Found | undefined {
  if ('hostname' in destination) {
    const service = mesh.service(`${destination.hostname.namespace}/${destination.hostname.hostname}`);
    if (service) return { service };
    const workload = mesh.workloadByHostname(destination.hostname);
    return workload && { workload };
  }
  const { network, ip } = destination.address;
  const service = mesh.serviceAt(network, ip);
  return service ? { service } : addressAt(mesh, network, ip);
}

/** Under which name the control plane knows what the reference points to. */
export const referenceKey = ({ destination }: GatewayAddress): string =>
  'hostname' in destination
    ? `${destination.hostname.namespace}/${destination.hostname.hostname}`
    : `${destination.address.network}/${destination.address.ip}`;
