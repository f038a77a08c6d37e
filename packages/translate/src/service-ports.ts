// Ports of services, and which of their own ports workloads serve them on (facts: control-plane §3.6, §3.10, §3.11).
// A mesh knows a service's port by number alone. Where TCP and UDP share a number, as for DNS, TCP speaks for it: the mesh carries no UDP.
import type { Service } from '@ambient-mesh/model/service';
import type { PortMap } from '@ambient-mesh/model/workload';
import { type AppProtocol, appProtocolOf, appProtocolOfEntry } from './app-protocol.ts';
import type { EntryPort } from './kinds/entries.ts';
import type { ServicePort } from './kinds/service.ts';
import type { ServiceSource } from './service-info.ts';

type NamedPorts = Readonly<Record<string, number>>;
type Ports = Pick<Service, 'ports' | 'appProtocols'>;

/** 0 stands for a target that each workload names for itself. */
export function portsOfService(ports: readonly ServicePort[]): Ports {
  const target = ({ targetPort }: ServicePort) => (typeof targetPort === 'number' ? targetPort : 0);
  return { ports: portMap(ports, target), ...appProtocols(ports, appProtocolOf, ({ port }) => port) };
}

export function portsOfEntry(ports: readonly EntryPort[]): Ports {
  return {
    ports: new Map(ports.map(({ number, targetPort }) => [number, targetPort])),
    ...appProtocols(
      ports,
      ({ protocol }) => appProtocolOfEntry(protocol),
      ({ number }) => number,
    ),
  };
}

/** `named`: the pod's container ports. A port whose name the pod does not have is left out. */
export function portsOnPod(source: ServiceSource, named: NamedPorts): PortMap {
  if (source.kind === 'ServiceEntry') return portsOfNames(source.ports, named);
  return portMap(source.ports, ({ targetPort }) => (typeof targetPort === 'number' ? targetPort : portNamed(named, targetPort)));
}

/** `named`: what a WorkloadEntry, or an endpoint of a ServiceEntry, says of its ports, by the name of the service's port. */
export function portsOnEntry(source: ServiceSource, named: NamedPorts): PortMap {
  if (source.kind === 'ServiceEntry') return portsOfNames(source.ports, named);
  return portMap(source.ports, ({ name, targetPort }) =>
    typeof targetPort === 'number' ? (portNamed(named, name) ?? targetPort) : portNamed(named, targetPort),
  );
}

const portsOfNames = (ports: readonly EntryPort[], named: NamedPorts): PortMap =>
  new Map(ports.map(({ name, number, targetPort }) => [number, portNamed(named, name) ?? targetPort]));

/** `constructor` is a fine name for a port, and every object seems to have one. */
const portNamed = (named: NamedPorts, name: string): number | undefined => (Object.hasOwn(named, name) ? named[name] : undefined);

function portMap(ports: readonly ServicePort[], target: (port: ServicePort) => number | undefined): PortMap {
  const map = new Map<number, number>();
  for (const each of ports) {
    const number = target(each);
    if (number !== undefined && !(each.protocol === 'UDP' && map.has(each.port))) map.set(each.port, number);
  }
  return map;
}

function appProtocols<P>(
  ports: readonly P[],
  protocolOf: (port: P) => AppProtocol | undefined,
  numberOf: (port: P) => number,
): Pick<Service, 'appProtocols'> {
  const known = new Map<number, AppProtocol>();
  for (const port of ports) {
    const protocol = protocolOf(port);
    if (protocol) known.set(numberOf(port), protocol);
  }
  return known.size > 0 ? { appProtocols: known } : {};
}
