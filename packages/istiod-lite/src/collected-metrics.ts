// Metrics that are read when somebody asks: who is connected, how much there is, what is not enforced, when roots end.
// Declared once by app.ts; what is counted as it happens is telemetry.ts.
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import { nodeTypes } from '@ambient-mesh/wire/xds/client-node';
import type { XdsServer } from '@ambient-mesh/wire/xds/server';
import type { Publisher } from './push/publisher.ts';
import type { SigningAuthority } from './sign/signing-authority.ts';

export interface Counted {
  readonly xds: XdsServer;
  readonly publisher: Publisher;
  readonly authority: SigningAuthority;
  readonly istioVersion: string;
}

export function collectMetrics(metrics: Metrics, { xds, publisher, authority, istioVersion }: Counted): void {
  metrics.collected({
    name: 'istio_build',
    help: 'Istio component build info',
    kind: 'gauge',
    labels: ['component', 'tag'],
    read: () => [[{ component: 'pilot', tag: istioVersion }, 1]],
  });
  metrics.collected({
    name: 'pilot_xds',
    help: 'Clients connected to xDS, by type of proxy.',
    kind: 'gauge',
    labels: ['type'],
    read: () => nodeTypes.map((type) => [{ type }, xds.clients().filter(({ node }) => node.type === type).length] as const),
  });
  metrics.collected({
    name: 'ambient_index_resources',
    help: 'Resources that clients can have, by type.',
    kind: 'gauge',
    labels: ['type'],
    read: () => [publisher.addresses, publisher.policies, publisher.l7].map(({ typeUrl, size }) => [{ type: typeUrl }, size] as const),
  });
  metrics.collected({
    name: 'ambient_policies_unenforced',
    help: 'Policies of which a part is enforced nowhere, or otherwise than written.',
    kind: 'gauge',
    labels: ['namespace', 'name', 'reason'],
    read: () =>
      [...publisher.unenforced].map(([key, { reason }]) => {
        const cut = key.indexOf('/');
        return [{ namespace: key.slice(0, cut), name: key.slice(cut + 1), reason }, 1] as const;
      }),
  });
  const expiry = (name: string, help: string, of: 'root' | 'signer'): void =>
    metrics.collected({
      name,
      help,
      kind: 'gauge',
      labels: [],
      read: () => (authority.expiry === undefined ? [] : [[{}, authority.expiry[of] / 1_000] as const]),
    });
  expiry('citadel_server_root_cert_expiry_timestamp', 'When the first root ends, seconds since the epoch.', 'root');
  expiry('citadel_server_cert_chain_expiry_timestamp', 'When the signing certificate ends, seconds since the epoch.', 'signer');
}
