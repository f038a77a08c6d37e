// `uninstall` against a test's API server: the order of things, what stays, and when it refuses. Against a whole mesh: e2e/scenarios/upgrade.test.ts.
import { ApiServer } from '@ambient-mesh/kube/testing/api-server';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Seen, typed } from '../testing/typed.ts';

const system = 'istio-system';
const ours = { 'app.kubernetes.io/part-of': 'ambient-mesh' };
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const inSystem = (api: string, plural: string): string => `${api}/namespaces/${system}/${plural}`;

let api: ApiServer;
beforeEach(async () => {
  api = await ApiServer.start();
  const put = (collection: string, name: string, labels: object = ours): void =>
    void api.objects.put(collection, name, { metadata: { labels } });
  for (const name of ['ztunnel', 'istio-cni-node']) put(inSystem('/apis/apps/v1', 'daemonsets'), name);
  put(inSystem('/apis/apps/v1', 'deployments'), 'istiod');
  put(inSystem('/apis/apps/v1', 'deployments'), 'of-somebody-else', {});
  put(inSystem('/api/v1', 'serviceaccounts'), 'ztunnel');
  put(`${rbac}/clusterroles`, 'istio-cni');
  put(inSystem('/api/v1', 'secrets'), 'istio-ca-secret', {});
  put('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', 'telemetries.telemetry.istio.io');
  put('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', 'of.somebody.else', {});
  api.objects.put('/api/v1/namespaces/shop/configmaps', 'istio-ca-root-cert', {
    metadata: { managedFields: [{ manager: 'istiod-lite-root-cert' }] },
  });
  api.objects.put('/api/v1/namespaces/other/configmaps', 'istio-ca-root-cert', { metadata: { managedFields: [{ manager: 'pilot' }] } });
  api.objects.put('/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways', 'waypoint', {
    spec: { gatewayClassName: 'istio-waypoint' },
  });
  api.objects.put('/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways', 'ingress', { spec: { gatewayClassName: 'nginx' } });
});
afterEach(() => api[Symbol.asyncDispose]());

const uninstall = (flags = ''): Promise<Seen> => typed(`uninstall ${flags}`, { api, env: { AMBIENT_HELM: '' } });
const written = (): readonly string[] => api.requests.filter((each) => !each.startsWith('GET '));
const lines = (text: string): string[] => text.trim().split('\n');

test('waypoints, then programs, then what they stood on, then what they made; the root and the definitions stay, and it says so', async () => {
  const { code, out, err } = await uninstall();
  expect([code, err]).toEqual([0, '']);
  expect(lines(out)).toEqual([
    'waypoint shop/waypoint removed',
    'daemonset istio-system/ztunnel removed',
    'daemonset istio-system/istio-cni-node removed',
    'deployment istio-system/istiod removed',
    'clusterrole istio-cni removed',
    'serviceaccount istio-system/ztunnel removed',
    'configmap shop/istio-ca-root-cert removed',
    'The root of the mesh and its definitions stay, with all policies and routes: see --purge.',
  ]);
  expect(api.objects.get(inSystem('/apis/apps/v1', 'deployments'), 'of-somebody-else')).toBeDefined();
  expect(api.objects.get('/api/v1/namespaces/other/configmaps', 'istio-ca-root-cert')).toBeDefined();
});

test('--purge takes the root and our definitions too', async () => {
  const { code, out } = await uninstall('--purge');
  expect(code).toBe(0);
  expect(lines(out).slice(-2)).toEqual([
    'secret istio-system/istio-ca-secret removed',
    'customresourcedefinition telemetries.telemetry.istio.io removed',
  ]);
  expect(api.objects.get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', 'of.somebody.else')).toBeDefined();
});

test('--dry-run says it all and does nothing', async () => {
  const { code, out } = await uninstall('--dry-run --purge');
  expect(code).toBe(0);
  expect(lines(out)).toHaveLength(9);
  for (const line of lines(out)) expect(line).toMatch(/ would be removed$/);
  expect(written()).toEqual([]);
});

test('a second time there is nothing left: exit code 1', async () => {
  await uninstall();
  expect(await uninstall()).toEqual({ code: 1, out: '', err: 'ambientctl: no mesh is installed in this cluster\n' });
});

describe('while somebody is in the mesh', () => {
  beforeEach(() => {
    api.objects.put('/api/v1/namespaces', 'shop', { metadata: { labels: { 'istio.io/dataplane-mode': 'ambient' } } });
    api.objects.put('/api/v1/namespaces/shop/pods', 'web', { metadata: { annotations: { 'ambient.istio.io/redirection': 'enabled' } } });
  });
  test('it refuses, names them, and does nothing', async () => {
    const { code, err } = await uninstall();
    expect([code, written()]).toEqual([1, []]);
    expect(err).toMatch(/^ambientctl: pods would lose their connections.*: namespace shop; take the label .* or say --take-out\n$/);
  });
  test('with --take-out it takes the labels off and waits for pods to be out', async () => {
    api.intercept = ({ method, url }) => {
      // The node agent, in a moment.
      if (method === 'PATCH' && url?.includes('/namespaces/shop')) api.objects.put('/api/v1/namespaces/shop/pods', 'web', {});
      return false;
    };
    const { code, out } = await uninstall('--take-out');
    expect([code, lines(out)[0]]).toEqual([0, 'namespace shop taken out of the mesh']);
  });
  test('pods that do not get out stop it before anything is removed', async () => {
    const clock = fakeClock();
    const seen = typed('uninstall --take-out --timeout 3s', { api, clock, env: { AMBIENT_HELM: '' } });
    const ticking = setInterval(() => void clock.advance(ms(1_000)), 5);
    const { code, err } = await seen;
    clearInterval(ticking);
    expect(code).toBe(1);
    expect(err).toMatch(/^ambientctl: after 3s: pods that do not get out of the mesh: shop\/web; is the node agent/);
    expect(written()).toHaveLength(1);
  });
});
