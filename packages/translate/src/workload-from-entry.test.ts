// WorkloadEntries and endpoints of ServiceEntries as workloads [WorkloadEntryWorkloads, ServiceEntryWorkloads].
import { describe, expect, test } from 'vitest';
import { plainSettings, serviceEntryOf } from './testing/services.ts';
import { endpointOf, workloadEntryOf } from './testing/workloads.ts';
import type { Surroundings } from './workload-common.ts';
import { inlineEndpoints, workloadFromEndpoint, workloadFromEntry } from './workload-from-entry.ts';

const around: Surroundings = { settings: plainSettings, network: 'net', services: new Map(), policies: [], waypoint: undefined };

describe('a WorkloadEntry', () => {
  const made = (entry: Parameters<typeof workloadEntryOf>[0]) => workloadFromEntry(workloadEntryOf(entry), around);
  const group = 'istio.io/autoRegistrationGroup';
  const rows: readonly (readonly [rule: string, workload: ReturnType<typeof made>, has: object])[] = [
    ['is called after itself', made({}), { uid: 'Kubernetes/networking.istio.io/WorkloadEntry/ns/vm', name: 'vm', workloadName: 'vm' }],
    ['or by its label', made({ labels: { 'service.istio.io/workload-name': 'said' } }), { workloadName: 'said', name: 'vm' }],
    [
      'or, before that, by its group',
      made({ meta: { annotations: { [group]: 'group' } }, labels: { 'service.istio.io/workload-name': 'said' } }),
      { workloadName: 'group' },
    ],
    ['has an address', made({ address: '10.4.0.1' }), { addresses: ['10.4.0.1'], hostname: '' }],
    ['or a name', made({ address: 'vm.com' }), { addresses: [], hostname: 'vm.com' }],
    ['or neither [EmptyAddr]', made({ address: '' }), { addresses: [], hostname: '' }],
    ['is on the network that it says [CrossNetwork]', made({ network: 'far' }), { network: 'far' }],
    ['or on ours', made({}), { network: 'net' }],
    ['is where it says', made({ locality: 'r/z/s' }), { locality: { region: 'r', zone: 'z', subzone: 's' } }],
    ['as far as it says', made({ locality: 'r' }), { locality: { region: 'r', zone: '', subzone: '' } }],
    ['and no further', made({ locality: 'r/z/s/x' }), { locality: { region: 'r', zone: 'z', subzone: 's' } }],
    ['is always healthy', made({}), { health: 'Healthy' }],
    ['weighs what it says', made({ weight: 7 }), { capacity: 7 }],
    ['or one', made({ weight: 0 }), { capacity: 1 }],
    ['has an account', made({ serviceAccount: 'sa' }), { identity: { uri: 'spiffe://cluster.local/ns/ns/sa/sa' } }],
    [
      'is labelled in two places',
      made({ meta: { labels: { version: 'v1' } }, labels: { app: 'x' } }),
      { canonicalName: 'x', canonicalRevision: 'v1' },
    ],
    ['of which its own counts', made({ meta: { labels: { app: 'y' } }, labels: { app: 'x' } }), { canonicalName: 'y' }],
    ['may end tunnels itself', made({ labels: { 'networking.istio.io/tunnel': 'http' } }), { protocol: 'HBONE', nativeTunnel: true }],
  ];
  test.each(rows)('%s', (_, workload, has) => {
    expect(workload).toMatchObject(has);
  });
});

describe('a ServiceEntry', () => {
  const made = (entry: Parameters<typeof serviceEntryOf>[0]) => {
    const whole = serviceEntryOf(entry);
    return inlineEndpoints(whole).map((endpoint) => workloadFromEndpoint(whole, endpoint, around));
  };
  const labels = { app: 'of-entry' };
  const rows: readonly (readonly [rule: string, workloads: ReturnType<typeof made>, has: readonly object[]])[] = [
    [
      'has a workload for each endpoint',
      made({ endpoints: [endpointOf({ address: '10.2.0.1' }), endpointOf({ address: 'vm.com' })] }),
      [
        {
          uid: 'Kubernetes/networking.istio.io/ServiceEntry/ns/entry/10.2.0.1',
          addresses: ['10.2.0.1'],
          hostname: '',
          workloadName: 'entry',
        },
        { uid: 'Kubernetes/networking.istio.io/ServiceEntry/ns/entry/vm.com', addresses: [], hostname: 'vm.com' },
      ],
    ],
    [
      'whose labels are its own',
      made({ meta: { labels }, endpoints: [endpointOf({ labels: { app: 'x' } })] }),
      [{ canonicalName: 'of-entry' }],
    ],
    [
      'a network of one endpoint does not stick to the next',
      made({ endpoints: [endpointOf({ address: '10.2.0.1', network: 'far' }), endpointOf({ address: '10.2.0.2' })] }),
      [{ network: 'far' }, { network: 'net' }],
    ],
    [
      'without endpoints, by DNS, one for each host',
      made({ resolution: 'DNS', hosts: ['a.com', 'b.com'] }),
      [{ hostname: 'a.com' }, { hostname: 'b.com' }],
    ],
    ['by DNS in turn too', made({ resolution: 'DNS_ROUND_ROBIN' }), [{ hostname: 'example.com' }]],
    ['not when it selects', made({ resolution: 'DNS', workloadSelector: {} }), []],
    ['not when it is static', made({ resolution: 'STATIC' }), []],
    ['not without resolution', made({ resolution: 'NONE' }), []],
  ];
  test.each(rows)('%s', (_, workloads, has) => {
    expect(workloads).toMatchObject(has);
  });
});
