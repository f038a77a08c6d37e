// The Service `kubernetes`, by which pods reach the API server: its address, and the endpoint behind it.
// A real API server keeps the endpoint itself, if told to; here lab-cluster.ts does so, for the lab's own and for a real one.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { underlayAddress } from '../addressing.ts';
import { eventually } from '../eventually.ts';
import { endpointSlices } from './kinds.ts';

/** Where the server is found inside the lab, by pods and nodes alike. */
export const apiEndpoint = { ip: underlayAddress.v4, port: 6443 } as const;

/** As every API server does, both take the first address of the range for Services. */
export const apiService = { ip: '10.96.0.1', port: 443 } as const;

const patience = { timeoutMs: 10_000, everyMs: 50 };

/** Resolves when the slice is there. Its namespace may come a moment after the server itself. */
export async function announceApi(client: KubeClient): Promise<void> {
  const slice = {
    metadata: { labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [apiEndpoint.ip], conditions: { ready: true } }],
    ports: [{ name: 'https', port: apiEndpoint.port, protocol: 'TCP' }],
  };
  const key = { namespace: 'default', name: 'kubernetes' };
  await eventually(async () => (await client.apply(endpointSlices, key, slice, { manager: 'ambient-lab' })) ?? true, {
    ...patience,
    what: 'the endpoint of the API server',
  });
}
