// A mesh as a user would write it in YAML, with pods as the cluster has them, and questions about it in one line each.
// For the tests of explain/.
import { parseAllDocuments } from 'yaml';
import { explain } from '../explain/explain.ts';
import type { Explanation, Question } from '../explain/explanation.ts';
import { defaultSettings, type KnownMesh, meshOf, type RawObjects, tables } from '../explain/mesh-of.ts';
import { targetCalled, workloadCalled } from '../explain/names.ts';
import { allKinds } from '../kinds/all.ts';
import type { TranslateSettings } from '../settings.ts';

interface Written {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Several documents; each has a kind. */
function objectsOf(...texts: readonly string[]): RawObjects {
  const all = texts.flatMap((text) => [...parseAllDocuments(text)].map((document) => document.toJS() as Written | null));
  const groupOf = ({ apiVersion }: Written): string => (apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '');
  return Object.fromEntries(
    tables.map((table) => [
      table,
      all.filter((each) => each !== null && each.kind === allKinds[table].kind && groupOf(each) === allKinds[table].group),
    ]),
  );
}

interface PodWish {
  /** Default `10.0.0.<number>`. */
  readonly ip: string;
  readonly node?: string;
  readonly account?: string;
  readonly labels?: string;
  /** Default true. */
  readonly isIn?: boolean;
  readonly isReady?: boolean;
  /** One more annotation. */
  readonly annotation?: string;
}

/** @param key `namespace/name`; the label `app` is the name's first word. */
export function pod(key: string, { ip, node = 'n1', account, labels = '', isIn = true, isReady = true, annotation = '' }: PodWish): string {
  const [namespace, name = ''] = key.split('/');
  const app = name.split('-')[0];
  const annotations = [isIn ? 'ambient.istio.io/redirection: enabled' : '', annotation].filter((each) => each !== '').join(', ');
  return `
apiVersion: v1
kind: Pod
metadata: { namespace: ${namespace}, name: ${name}, labels: { app: ${app}${labels === '' ? '' : `, ${labels}`} }, annotations: { ${annotations} } }
spec: { nodeName: ${node}, serviceAccountName: ${account ?? app} }
status: { phase: Running, podIPs: [{ ip: ${ip} }], conditions: [{ type: Ready, status: "${isReady ? 'True' : 'False'}" }] }
---
`;
}

/** Selects by `app`. Port 80 is HTTP, 81 undeclared, 90 raw; all lead to the same container port. */
export const service = (key: string, ip: string, { labels = '', annotations = '' } = {}): string => {
  const [namespace, name] = key.split('/');
  return `
apiVersion: v1
kind: Service
metadata: { namespace: ${namespace}, name: ${name}, labels: { ${labels} }, annotations: { ${annotations} } }
spec:
  clusterIP: ${ip}
  clusterIPs: [${ip}]
  selector: { app: ${name} }
  ports:
  - { name: http, port: 80, targetPort: 8080, appProtocol: http }
  - { name: unsaid, port: 81, targetPort: 8080 }
  - { name: raw, port: 90, targetPort: 8080, appProtocol: tcp }
---
`;
};

/** The Gateway as istiod would have it deployed, with one pod. */
export const waypoint = (key: string, { takes = 'service', isReady = true } = {}): string => {
  const [namespace, name] = key.split('/');
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { namespace: ${namespace}, name: ${name}, labels: { istio.io/waypoint-for: ${takes} } }
spec: { gatewayClassName: istio-waypoint, listeners: [{ name: mesh, port: 15008, protocol: HBONE }] }
status: { addresses: [{ type: Hostname, value: ${name}.${namespace}.svc.cluster.local }] }
---
apiVersion: v1
kind: Service
metadata: { namespace: ${namespace}, name: ${name}, labels: { gateway.istio.io/managed: istio.io-mesh-controller } }
spec: { clusterIP: 10.1.0.200, clusterIPs: [10.1.0.200], selector: { app: ${name} }, ports: [{ name: mesh, port: 15008, appProtocol: hbone }] }
---
${pod(`${namespace}/${name}`, { ip: '10.0.0.200', isIn: false, isReady, labels: `gateway.networking.k8s.io/gateway-name: ${name}` })}`;
};

/** `shop/web cart:80`, then for a request `GET /path` and headers `name=value`. */
function questionOf(known: KnownMesh, line: string): Question {
  const [from = '', to = '', method, path = '/', ...headers] = line.split(' ');
  const source = workloadCalled(known.mesh, from, 'default');
  if (source === undefined) throw new Error(`no workload ${from}`);
  const target = targetCalled(known.mesh, to, source.namespace);
  if (typeof target === 'string') throw new Error(target);
  const pairs = headers.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1).replaceAll('+', ' ')] as const);
  return {
    from: source,
    to: target.address,
    ...(method !== undefined && { request: { method, path, host: target.host, headers: pairs } }),
  };
}

export function explained(texts: readonly string[], line: string, settings: Partial<TranslateSettings> = {}): Explanation {
  const known = meshOf(objectsOf(...texts), { ...defaultSettings, ...settings });
  return explain(known, questionOf(known, line));
}
