// What tests of analyzers share: a small shop of objects as a user writes them, and rows that say what is found in them.
// Used by analyze/*.test.ts; runs every analyzer on every row, so that none of them cries about what is another's.
import { isObject } from '@ambient-mesh/kube/raw';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { allAnalyzers } from '../analyze/all-analyzers.ts';
import { analyse } from '../analyze/analysis.ts';
import { assumeApplied } from '../analyze/assumed.ts';
import { codes } from '../analyze/codes.ts';
import { subjectText } from '../analyze/finding.ts';
import { addObject, type Manifest } from '../analyze/manifest.ts';
import { type World, worldOf } from '../analyze/world.ts';

export const shop = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }';
export const pod = (more = '', name = 'cart-1', spec = '', labels = ''): string => `
apiVersion: v1
kind: Pod
metadata: { namespace: shop, name: ${name}, uid: ${name}, labels: { app: cart, version: v1${labels} }, annotations: { ambient.istio.io/redirection: enabled${more} } }
spec: { nodeName: n, serviceAccountName: cart, containers: [{ name: a, ports: [{ name: web, containerPort: 8080 }] }]${spec} }
status: { phase: Running, podIPs: [{ ip: 10.0.0.1 }], conditions: [{ type: Ready, status: "True" }] }`;
export const service = (more = '', metadata = '', ports = '{ name: http, port: 80, targetPort: 8080 }'): string => `
apiVersion: v1
kind: Service
metadata: { namespace: shop, name: cart${metadata} }
spec: { clusterIP: 10.1.0.1, selector: { app: cart }, ports: [${ports}]${more} }`;
export const waypoint = (
  labels = '',
  from = 'Same',
  status = 'addresses: [{ type: IPAddress, value: 10.1.0.9 }]',
  namespace = 'shop',
): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { namespace: ${namespace}, name: waypoint, labels: { a: b${labels} } }
spec: { gatewayClassName: istio-waypoint, listeners: [{ name: mesh, port: 15008, protocol: HBONE, allowedRoutes: { namespaces: { from: ${from} } } }] }
status: { ${status} }`;
export const waypointPod = (ready = '"True"', more = ''): string => `
apiVersion: v1
kind: Pod
metadata: { namespace: shop, name: waypoint-1, uid: w, labels: { gateway.networking.k8s.io/gateway-name: waypoint, istio.io/dataplane-mode: none${more} } }
spec: { serviceAccountName: waypoint }
status: { phase: Running, podIPs: [{ ip: 10.0.0.9 }], conditions: [{ type: Ready, status: ${ready} }] }`;
export const uses = ', labels: { istio.io/use-waypoint: waypoint }';
export const policy = (spec: string, namespace = 'shop', annotations = ''): string => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { namespace: ${namespace}, name: p, annotations: { a: b${annotations} } }
spec: { ${spec} }`;
export const gets = 'rules: [{ to: [{ operation: { methods: [GET] } }] }]';
export const toCart = 'targetRefs: [{ kind: Service, group: "", name: cart }]';
export const route = (backend = 'cart', parent = 'cart', rule = ''): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { namespace: shop, name: r }
spec: { parentRefs: [{ kind: Service, group: "", name: ${parent}, port: 80 }], rules: [{ backendRefs: [{ name: ${backend}, port: 80 }]${rule} }] }`;
export const istio = (kind: string, spec: string, name = 'x', namespace = 'shop', group = 'networking.istio.io'): string => `
apiVersion: ${group}/v1
kind: ${kind}
metadata: { namespace: ${namespace}, name: ${name} }
spec: { ${spec} }`;
export const networkPolicy = (name: string, spec: string): string => `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { namespace: shop, name: ${name} }
spec: { ${spec} }`;

export const whole = [shop, pod(), service()];
export const served = [shop, pod(), service('', uses), waypoint(), waypointPod()];
export const security = 'security.istio.io';

/** Objects; `code subject` of all that is found; whether a cluster is behind them, or they are files alone. */
export type Row = readonly [rule: string, objects: readonly string[], found: readonly string[], live?: 'live'];

function worldIn(text: string, isLive: boolean): World {
  const manifest: Manifest = new Map();
  for (const document of parseAllDocuments(text)) {
    const object: unknown = document.toJS();
    if (isObject(object)) addObject(manifest, object);
  }
  return worldOf(isLive ? manifest : assumeApplied(manifest), { isLive });
}

/** @param prefix of the codes that must each have a row */
export function testRows(prefix: 'IST' | 'AMB', rows: readonly Row[]): void {
  describe('findings', () => {
    for (const [rule, objects, wanted, live] of rows)
      test(`${live ?? 'files'}: ${rule}`, () => {
        const world = worldIn(objects.join('\n---\n'), live !== undefined);
        for (const { codes, name, run } of allAnalyzers) for (const { code } of run(world)) expect(codes, name).toContain(code);
        const found = analyse(world, { analyzers: allAnalyzers, namespaces: undefined, suppressed: [], outputThreshold: 'Info' });
        expect(found.map(({ code, subject }) => `${code} ${subjectText(subject)}`).sort()).toEqual([...wanted].sort());
      });
  });
  test('every code has a row', () => {
    const inRows = new Set(rows.flatMap(([, , found]) => found.map((each) => each.split(' ')[0])));
    for (const code of Object.keys(codes)) if (code.startsWith(prefix)) expect([...inRows]).toContain(code);
  });
}
