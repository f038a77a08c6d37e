// What a user calls the two ends of a connection, looked up in the mesh. Pure.
// Used by the CLI and the graph's server, before explain.ts.
import { parseIp, type SocketAddress } from '@ambient-mesh/model/address';
import type { Mesh } from '@ambient-mesh/model/mesh';
import type { Workload } from '@ambient-mesh/model/workload';

/** A pod by name, or any pod of a Deployment or an app (label `app`) by theirs, `namespace/` in front where it is another one. Undefined: there is none. */
export function workloadCalled(mesh: Mesh, name: string, ownNamespace: string): Workload | undefined {
  const slash = name.indexOf('/');
  const [namespace, bare] = slash < 0 ? [ownNamespace, name] : [name.slice(0, slash), name.slice(slash + 1)];
  const there = [...mesh.workloads()].filter((each) => each.namespace === namespace);
  return (
    there.find((each) => each.name === bare) ??
    there.find((each) => each.workloadName === bare) ??
    there.find((each) => each.canonicalName === bare)
  );
}

export interface Target {
  readonly address: SocketAddress;
  /** As a client would write it into `Host`. */
  readonly host: string;
}

/** `cart`, `cart.shop`, `cart.shop.svc.cluster.local`, an address, or `pod/[namespace/]name`; a port behind a colon. A sentence when there is nothing. */
export function targetCalled(mesh: Mesh, text: string, ownNamespace: string): Target | string {
  const [, called = '', digits] = /^(\[[^\]]+\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (called === '') return `${JSON.stringify(text)} is not a name or address, with a port behind it perhaps`;
  const bare = called.replace(/^\[|\]$/g, '');
  const port = digits === undefined ? undefined : Number(digits);
  const ip = parseIp(bare);
  if (ip !== undefined) return { address: { ip, port: port ?? 80 }, host: called };
  if (bare.startsWith('pod/')) {
    const workload = workloadCalled(mesh, bare.slice('pod/'.length), ownNamespace);
    const [own] = workload?.addresses ?? [];
    return own === undefined ? `there is no pod ${bare.slice('pod/'.length)}` : { address: { ip: own, port: port ?? 80 }, host: own };
  }
  const [name, namespace = ownNamespace] = bare.split('.');
  const service =
    [...mesh.services()].find((each) => each.hostname === bare) ??
    [...mesh.services()].find(
      (each) => each.name === name && each.namespace === namespace && each.hostname.startsWith(`${name}.${namespace}.`),
    ) ??
    mesh.serviceByHostname(bare, { clientNamespace: ownNamespace });
  const [vip] = service?.vips ?? [];
  if (service === undefined) return `there is no service ${bare} for namespace ${ownNamespace}`;
  if (vip === undefined) {
    const [pod] = mesh.endpoints(service);
    const such = pod === undefined ? '' : `, such as pod/${pod.namespace}/${pod.name}`;
    return `${service.hostname} has no address of its own: name one of its pods${such}`;
  }
  const [only] = service.ports.keys();
  return { address: { ip: vip.ip, port: port ?? (service.ports.has(80) ? 80 : (only ?? 80)) }, host: bare };
}
