// What every namespace has: the service account `default`, and the API server's certificates in a ConfigMap for the tokens of pods.
// Fed by run.ts; put back whenever somebody removes or changes them.
import { configMaps as configMapKind, serviceAccounts as serviceAccountKind } from '../kinds.ts';
import type { Controller, Step } from './controller.ts';

const accountName = 'default';
const certificatesName = 'kube-root-ca.crt';

export function namespaceContents(apiCaPem: string): Controller {
  return {
    name: 'namespace contents',
    concerns: {
      namespaces: ({ metadata }) => [metadata.name],
      serviceAccounts: ({ metadata }) => (metadata.name === accountName && metadata.namespace !== undefined ? [metadata.namespace] : []),
      configMaps: ({ metadata }) => (metadata.name === certificatesName && metadata.namespace !== undefined ? [metadata.namespace] : []),
    },
    decide(view, namespace) {
      const home = view.namespaces.get(namespace);
      if (home === undefined || home.metadata.deletionTimestamp !== undefined) return [];
      const steps: Step[] = [];
      if (view.serviceAccounts.get(`${namespace}/${accountName}`) === undefined)
        steps.push({ do: 'create', kind: serviceAccountKind, key: { namespace, name: accountName }, body: {} });
      const data = { 'ca.crt': apiCaPem };
      const map = view.configMaps.get(`${namespace}/${certificatesName}`);
      if (map === undefined) steps.push({ do: 'create', kind: configMapKind, key: { namespace, name: certificatesName }, body: { data } });
      else if (map.data?.['ca.crt'] !== apiCaPem) steps.push({ do: 'patch', kind: configMapKind, of: map, body: { data } });
      return steps;
    },
  };
}
