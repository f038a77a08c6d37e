// The shapes that Kiali reads, and who may see them.
import { canonicalIp } from '@ambient-mesh/model/address';
import { Metrics } from '@ambient-mesh/runtime/metrics';
import { Readiness } from '@ambient-mesh/runtime/readiness';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { registry, syncStatus, versionText } from './istio-pages.ts';
import { isLocal, openPages } from './pages.ts';

test('the version begins with the one of Istio', () => {
  expect(versionText('1.32.0')).toMatch(/^1\.32\.0-ambient-mesh-\d+\.\d+\.\d+$/);
});

test('a client is known by pod and namespace', () => {
  const node = {
    id: 'ztunnel~10.0.0.1~ztunnel-x.istio-system~istio-system.svc.cluster.local',
    type: 'ztunnel' as const,
    ip: '10.0.0.1',
    pod: 'ztunnel-x',
    namespace: 'istio-system',
    serviceAccount: 'ztunnel',
    nodeName: 'a',
    clusterId: 'c1',
    network: '',
  };
  expect(syncStatus([{ node, peer: '10.0.0.1:1', since: ms(0), types: [] }], '1.32.0')).toEqual([
    { cluster_id: 'c1', proxy: 'ztunnel-x.istio-system', proxy_type: 'ztunnel', istio_version: '1.32.0' },
  ]);
});

test('services of the cluster have short names, others have none', () => {
  expect(registry(['shop/cart.shop.svc.cluster.local', 'shop/example.com'], 'cluster.local')).toEqual([
    {
      hostname: 'cart.shop.svc.cluster.local',
      Attributes: { ServiceRegistry: 'Kubernetes', Name: 'cart', Namespace: 'shop' },
      MeshExternal: false,
    },
    { hostname: 'example.com', Attributes: { ServiceRegistry: 'External', Name: 'example.com', Namespace: 'shop' }, MeshExternal: true },
  ]);
});

for (const [from, want] of [
  ['127.0.0.1', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['', false],
] as const)
  test(`${from || 'nobody'} is ${want ? '' : 'not '}the pod itself`, () => expect(isLocal(from)).toBe(want));

test('pages of the monitoring port: the version for everybody, the rest for whoever is inside the pod', async () => {
  const at = { ip: canonicalIp('127.0.0.1'), port: 0 };
  await using pages = await openPages({
    listen: { http: at, monitoring: at, debug: at },
    readiness: new Readiness(),
    metrics: new Metrics(),
    debug: {},
    version: 'v',
    inside: { syncz: () => [{ proxy: 'p' }] },
  });
  const ask = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${pages.monitoring.port}${path}`)).text();
  expect(await ask('/version')).toBe('v');
  expect(JSON.parse(await ask('/debug/syncz'))).toEqual([{ proxy: 'p' }]);
});
