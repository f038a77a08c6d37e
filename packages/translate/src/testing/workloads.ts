// Builders for tests of workloads and policies, like those for services beside it.
import type { AuthorizationPolicy } from '../kinds/authorization-policy.ts';
import type { EndpointSlice, SliceEndpoint } from '../kinds/endpoint-slice.ts';
import type { EntryEndpoint, WorkloadEntry } from '../kinds/entries.ts';
import type { Meta } from '../kinds/meta.ts';
import type { PeerAuthentication } from '../kinds/peer-authentication.ts';
import type { KubeNode } from '../kinds/place.ts';
import type { Pod } from '../kinds/pod.ts';
import { metaOf } from './services.ts';

type With<T extends { readonly meta: Meta }> = Partial<Omit<T, 'meta'>> & { readonly meta?: Partial<Meta> };

/** Running and ready, with an address; labelled `app: web`. */
export const podOf = ({ meta, ...given }: With<Pod> = {}): Pod => ({
  meta: metaOf({ name: 'web-1', uid: 'uid-1', labels: { app: 'web' }, ...meta }),
  node: 'node-1',
  serviceAccount: 'web',
  ips: ['10.1.0.1'],
  phase: 'Running',
  ready: true,
  deleting: false,
  hostNetwork: false,
  generated: false,
  namedPorts: {},
  ...given,
});

export const nodeOf = (name: string, region = 'north', zone = 'north-a', subzone = ''): KubeNode => ({
  meta: metaOf({ namespace: '', name }),
  locality: { region, zone, subzone },
});

export const endpointOf = (given: Partial<EntryEndpoint> = {}): EntryEndpoint => ({
  address: '10.2.0.1',
  labels: {},
  ports: {},
  network: '',
  locality: '',
  weight: 0,
  serviceAccount: '',
  ...given,
});

export const workloadEntryOf = ({ meta, ...given }: With<WorkloadEntry> = {}): WorkloadEntry => ({
  meta: metaOf({ name: 'vm', ...meta }),
  ...endpointOf({ labels: { app: 'web' } }),
  conditions: [],
  ...given,
});

/** Of the Service `web`, over TCP 8080, with the endpoints given. */
export const sliceOf = (endpoints: readonly SliceEndpoint[], { meta, ...given }: With<EndpointSlice> = {}): EndpointSlice => ({
  meta: metaOf({ name: 'web-abc', ...meta }),
  service: 'web',
  addressType: 'IPv4',
  ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  endpoints,
  ...given,
});

/** Allows everything to whom it is about. */
export const authorizationPolicyOf = ({ meta, ...given }: With<AuthorizationPolicy> = {}): AuthorizationPolicy => ({
  meta: metaOf({ name: 'policy', ...meta }),
  targets: [],
  action: 'ALLOW',
  provider: '',
  rules: [{ from: [], to: [], when: [], unknown: [] }],
  conditions: [],
  ...given,
});

export const peerAuthenticationOf = ({ meta, ...given }: With<PeerAuthentication> = {}): PeerAuthentication => ({
  meta: metaOf({ name: 'mtls', ...meta }),
  mode: 'UNSET',
  ports: new Map(),
  ...given,
});
