// Endpoints that are no pods as workloads [EndpointSliceWorkloads].
import { expect, test } from 'vitest';
import type { EndpointSlice, SliceEndpoint } from './kinds/endpoint-slice.ts';
import { plainSettings, portOf } from './testing/services.ts';
import { sliceOf } from './testing/workloads.ts';
import { workloadsFromSlice } from './workload-from-slice.ts';

const at = (address: string, ready = true): SliceEndpoint => ({ addresses: [address], ready });
const made = (endpoints: readonly SliceEndpoint[], slice: Parameters<typeof sliceOf>[1] = {}) => {
  const ports = [portOf(), portOf({ name: 'admin', port: 81, targetPort: 'admin' })];
  return workloadsFromSlice(sliceOf(endpoints, slice), { key: 'ns/web', ports }, { settings: plainSettings, network: 'net' });
};
const port = (name: string, number: number, protocol = 'TCP'): EndpointSlice['ports'][number] => ({ name, port: number, protocol });
const ports = (...given: EndpointSlice['ports']) => made([at('10.9.0.1')], { ports: given }).map(({ services }) => services);

const mapped = (...pairs: readonly (readonly [number, number])[]) => new Map([['ns/web', new Map(pairs)]]);

const rows: readonly (readonly [rule: string, made: unknown, has: readonly unknown[]])[] = [
  [
    'one for each, as if on the network of some node, without account, waypoint, policies',
    made([at('10.9.0.1')]),
    [
      {
        uid: 'Kubernetes/discovery.k8s.io/EndpointSlice/ns/web-abc/10.9.0.1',
        name: 'web-abc',
        networkMode: 'HostNetwork',
        network: 'net',
        authorizationPolicies: [],
        protocol: 'TCP',
        services: new Map([['ns/web', new Map([[80, 8080]])]]),
      },
    ],
  ],
  ['ready or not', made([at('10.9.0.1'), at('10.9.0.2', false)]), [{ health: 'Healthy' }, { health: 'Unhealthy' }]],
  ['each address once, the first counts', made([at('10.9.0.1'), at('10.9.0.1', false)]), [{ health: 'Healthy' }]],
  [
    'of several addresses all, named by the first',
    made([{ addresses: ['10.9.0.1', '10.9.0.2'], ready: true }, at('10.9.0.1'), at('10.9.0.2')]),
    [
      { uid: 'Kubernetes/discovery.k8s.io/EndpointSlice/ns/web-abc/10.9.0.1', addresses: ['10.9.0.1', '10.9.0.2'] },
      { uid: 'Kubernetes/discovery.k8s.io/EndpointSlice/ns/web-abc/10.9.0.2', addresses: ['10.9.0.2'] },
    ],
  ],
  ['pods are not ours', made([{ ...at('10.9.0.1'), pod: { namespace: 'ns', name: 'p', uid: 'u' } }]), []],
  ['nor what is no address', made([at('10.9.0'), { addresses: [], ready: true }]), []],
  ['nor slices of names', made([at('10.9.0.1')], { addressType: 'FQDN' }), []],
  ['ports are joined by name', ports(port('admin', 1), port('', 2), port('other', 3)), [mapped([81, 1], [80, 2])]],
  ['only TCP', ports(port('', 1, 'UDP')), [mapped()]],
  ['only with a number', ports(port('', 0)), [mapped()]],
];

test.each(rows)('%s', (_, workloads, has) => {
  expect(workloads).toMatchObject(has);
});
