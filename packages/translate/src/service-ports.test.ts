// Which of its own ports a workload serves a service on, by where both come from.
import { expect, test } from 'vitest';
import type { EntryPort } from './kinds/entries.ts';
import type { ServicePort } from './kinds/service.ts';
import type { ServiceSource } from './service-info.ts';
import { portsOfEntry, portsOfService, portsOnEntry, portsOnPod } from './service-ports.ts';
import { portOf } from './testing/services.ts';

type Numbers = Readonly<Record<string, number>>;

const service = (...ports: readonly Partial<ServicePort>[]): ServiceSource => ({
  kind: 'Service',
  namespace: 'ns',
  name: 'web',
  ports: ports.map(portOf),
});
const entry = (...ports: readonly EntryPort[]): ServiceSource => ({ kind: 'ServiceEntry', namespace: 'ns', name: 'entry', ports });

const plain = service({ name: 'http' });
const named = service({ name: 'http', targetPort: 'web' });
const ofEntry = entry({ name: 'http', number: 80, targetPort: 8080, protocol: 'HTTP' });

const rows: readonly (readonly [rule: string, on: typeof portsOnPod, source: ServiceSource, ports: Numbers, want: Numbers])[] = [
  ['Service on a pod: a number is that number', portsOnPod, plain, { http: 1 }, { 80: 8080 }],
  ['Service on a pod: a name is the container port of that name', portsOnPod, named, { web: 9090, http: 1 }, { 80: 9090 }],
  ['Service on a pod: a name that the pod has not is left out', portsOnPod, named, { http: 1 }, {}],
  ['Service on a pod: what every object inherits is no port', portsOnPod, service({ targetPort: 'constructor' }), {}, {}],
  ['Service on an entry: a number is that number', portsOnEntry, plain, {}, { 80: 8080 }],
  ['Service on an entry: unless the entry has a port of the name', portsOnEntry, plain, { http: 9090 }, { 80: 9090 }],
  ['Service on an entry: a name is looked up by the target', portsOnEntry, named, { web: 9090, http: 1 }, { 80: 9090 }],
  ['Service on an entry: and left out when missing', portsOnEntry, named, { http: 1 }, {}],
  ['Service on an entry: a port without name has no override', portsOnEntry, service({ name: '' }), { http: 1 }, { 80: 8080 }],
  ['ServiceEntry on a pod: the container port named like its own', portsOnPod, ofEntry, { http: 9090 }, { 80: 9090 }],
  ['ServiceEntry on a pod: else the target', portsOnPod, ofEntry, {}, { 80: 8080 }],
  ['ServiceEntry on an entry: the port named like its own', portsOnEntry, ofEntry, { http: 9090 }, { 80: 9090 }],
  ['ServiceEntry on an entry: else the target', portsOnEntry, ofEntry, { other: 1 }, { 80: 8080 }],
  [
    'several ports',
    portsOnPod,
    service({ port: 80 }, { port: 81, targetPort: 'a' }, { port: 82, targetPort: 'b' }),
    { b: 8 },
    { 80: 8080, 82: 8 },
  ],
  [
    'UDP gives way to TCP of the same number',
    portsOnPod,
    service({ port: 53, targetPort: 1 }, { port: 53, targetPort: 2, protocol: 'UDP' }),
    {},
    { 53: 1 },
  ],
  ['in either order', portsOnPod, service({ port: 53, targetPort: 2, protocol: 'UDP' }, { port: 53, targetPort: 1 }), {}, { 53: 1 }],
  ['UDP alone is listed', portsOnPod, service({ port: 53, targetPort: 2, protocol: 'UDP' }), {}, { 53: 2 }],
];
for (const [rule, on, source, ports, want] of rows) {
  test(rule, () => expect(Object.fromEntries(on(source, ports))).toEqual(want));
}

test('of the service itself: a named target is 0, and what is known of protocols goes by the port', () => {
  const ports = [
    portOf({ name: 'http', targetPort: 'web' }),
    portOf({ port: 53, targetPort: 53, protocol: 'UDP' }),
    portOf({ port: 3306 }),
  ];
  expect(portsOfService(ports)).toEqual({
    ports: new Map([
      [80, 0],
      [53, 53],
      [3306, 8080],
    ]),
    appProtocols: new Map([
      [80, 'HTTP11'],
      [3306, 'TCP'],
    ]),
  });
  expect(portsOfService([portOf()])).toEqual({ ports: new Map([[80, 8080]]) });
});

test('of an entry itself', () => {
  expect(portsOfEntry([{ name: 'x', number: 443, targetPort: 8443, protocol: 'HTTPS' }])).toEqual({
    ports: new Map([[443, 8443]]),
    appProtocols: new Map([[443, 'TLS']]),
  });
});
