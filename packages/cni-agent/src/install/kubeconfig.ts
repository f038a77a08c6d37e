// The file by which the plugin asks the API server itself when there is no agent to ask: as JSON, which is YAML as well. Pure.
// Read by kube/one-look.ts; whose token it holds is plugin-token.ts.

export interface PluginAccess {
  readonly server: string;
  readonly caPem: string;
  readonly token: string;
}

export const kubeconfigName = 'istio-cni-kubeconfig';

export function kubeconfigFor({ server, caPem, token }: PluginAccess): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'local', cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } }],
    users: [{ name: 'istio-cni', user: { token } }],
    contexts: [{ name: 'istio-cni-context', context: { cluster: 'local', user: 'istio-cni' } }],
    'current-context': 'istio-cni-context',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
