// What tools made for Istio, Kiali above all, ask a control plane beside its metrics: its version, its clients, the services it knows. Pure.
// Served by pages.ts on the monitoring port, as the original does. Shapes are the original's; what Envoy alone has is left out.
import type { ClientView } from '@ambient-mesh/wire/xds/server';
import packageJson from '../package.json' with { type: 'json' };

/** Tools read the first version in it, which is Istio's. */
export const versionText = (istioVersion: string): string => `${istioVersion}-ambient-mesh-${packageJson.version}`;

export const syncStatus = (clients: Iterable<ClientView>, istioVersion: string): readonly object[] =>
  Array.from(clients, ({ node }) => ({
    cluster_id: node.clusterId,
    proxy: `${node.pod}.${node.namespace}`,
    proxy_type: node.type,
    istio_version: istioVersion,
  }));

/** @param keys `namespace/hostname` */
export const registry = (keys: Iterable<string>, clusterDomain: string): readonly object[] =>
  Array.from(keys, (key) => {
    const cut = key.indexOf('/');
    const [namespace, hostname] = [key.slice(0, cut), key.slice(cut + 1)];
    const suffix = `.${namespace}.svc.${clusterDomain}`;
    const isCluster = hostname.endsWith(suffix);
    return {
      hostname,
      Attributes: {
        ServiceRegistry: isCluster ? 'Kubernetes' : 'External',
        Name: isCluster ? hostname.slice(0, -suffix.length) : hostname,
        Namespace: namespace,
      },
      MeshExternal: !isCluster,
    };
  });
