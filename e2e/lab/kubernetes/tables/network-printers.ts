// The columns of Services, their endpoints, and network policies.
// Part of the table in printers.ts.
import { listAt, mapAt, numberAt, textAt } from '../object.ts';
import type { Json, KubeObject } from '../patch/json.ts';
import { ageOf } from './age.ts';
import { columns, cut, labelsText, nameOf, orNone, selectorText } from './cells.ts';
import type { Printer } from './printer.ts';

/** How many addresses and ports a cell holds. */
const maxListed = 3;

const texts = (list: readonly Json[]): readonly string[] => list.map(String);

const service: Printer = {
  columns: columns('Name', 'Type', 'Cluster-IP', 'External-IP', 'Port(s)', 'Age', 'Wide:Selector'),
  cells: (object, now) => [
    nameOf(object),
    textAt(object.spec, 'type') ?? '',
    textAt(object.spec, 'clusterIP') || '<none>',
    externalIp(object),
    orNone(listAt(object.spec, 'ports').map(portText).join(',')),
    ageOf(object.metadata.creationTimestamp, now),
    labelsText(mapAt(object.spec).selector),
  ],
};

function externalIp({ spec, status }: Readonly<KubeObject>): string {
  const given = texts(listAt(spec, 'externalIPs'));
  switch (textAt(spec, 'type')) {
    case 'ClusterIP':
    case 'NodePort':
      return orNone(given.join(','));
    case 'LoadBalancer': {
      const balanced = listAt(status, 'loadBalancer', 'ingress').map((each) => textAt(each, 'ip') ?? textAt(each, 'hostname') ?? '');
      return [...new Set(balanced), ...given].join(',') || '<pending>';
    }
    case 'ExternalName':
      return textAt(spec, 'externalName') ?? '';
    default:
      return '<unknown>';
  }
}

function portText(of: Json): string {
  const { port, nodePort, protocol = 'TCP' } = mapAt(of);
  return `${String(port)}${typeof nodePort === 'number' ? `:${nodePort}` : ''}/${String(protocol)}`;
}

const slice: Printer = {
  columns: columns('Name', 'AddressType', 'Ports', 'Endpoints', 'Age'),
  cells: (object, now) => {
    const ports = listAt(object, 'ports').map((each) => String(numberAt(each, 'port') ?? textAt(each, 'name') ?? '*'));
    const addresses = listAt(object, 'endpoints').flatMap((each) => texts(listAt(each, 'addresses')));
    const unset = (text: string): string => (text === '' ? '<unset>' : text);
    const age = ageOf(object.metadata.creationTimestamp, now);
    return [nameOf(object), object.addressType ?? '', unset(cut(ports, maxListed)), unset(cut(addresses, maxListed)), age];
  },
};

const endpoints: Printer = {
  columns: columns('Name', 'Endpoints', 'Age'),
  cells: (object, now) => {
    const all = listAt(object, 'subsets').flatMap((subset) => {
      const ips = listAt(subset, 'addresses').map((each) => textAt(each, 'ip') ?? '');
      const ports = listAt(subset, 'ports').map((each) => numberAt(each, 'port') ?? 0);
      return ports.length === 0 ? ips : ports.flatMap((port) => ips.map((ip) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)));
    });
    return [nameOf(object), orNone(cut(all, maxListed)), ageOf(object.metadata.creationTimestamp, now)];
  },
};

const networkPolicy: Printer = {
  columns: columns('Name', 'Pod-Selector', 'Age'),
  cells: (object, now) => [nameOf(object), selectorText(mapAt(object.spec).podSelector), ageOf(object.metadata.creationTimestamp, now)],
};

export const networkPrinters: readonly (readonly [string, Printer])[] = [
  ['/Service', service],
  ['/Endpoints', endpoints],
  ['discovery.k8s.io/EndpointSlice', slice],
  ['networking.k8s.io/NetworkPolicy', networkPolicy],
];
