// Hosts that no Service names: ServiceEntries with endpoints of their own, with WorkloadEntries, with pods, and with names to be looked up.
// Pods in the mesh call them by name and by address; worked by stock kubectl. (facts: control-plane §11.1)
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { echoPorts } from '../../lab/cluster/apps/echo-protocol.ts';
import { eventually } from '../../lab/eventually.ts';
import { hasKubectl } from '../../lab/kubernetes/kubectl.ts';
import { type KubeManifest, namespace } from './echo-apps.ts';
import { EchoMesh, patience, settles } from './echo-mesh.ts';
import { OutsideServer } from './outside-server.ts';

const clients = ['captured-v1', 'captured-v2'] as const;
const port = 80;

const serviceEntry = (name: string, spec: object): KubeManifest => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { name, namespace },
  spec: { hosts: [hostOf(name)], ports: [{ number: port, name: 'tcp', protocol: 'TCP', targetPort: echoPorts.tcp }], ...spec },
});

const hostOf = (name: string): string => `${name}.entries.test`;

describe.skipIf(!hasKubectl())('in a namespace that is in the mesh', () => {
  let echo: EchoMesh;
  let outside: OutsideServer;
  beforeAll(async () => {
    echo = await EchoMesh.start();
    outside = await OutsideServer.start(echo.mesh.lab.underlay);
  }, 120_000);
  afterAll(async () => {
    await outside?.[Symbol.asyncDispose]();
    await echo?.[Symbol.asyncDispose]();
  });

  /** Names of those who answer each client at that host; the reason of each call that got no answer. */
  const answering = async (host: string): Promise<readonly string[]> => {
    const order = { protocol: 'tcp', host, port, count: 20, timeoutMs: 2_000 } as const;
    const all = await Promise.all(clients.map((client) => echo.calls(client, [order])));
    return [...new Set(all.flat(2).map(({ answer, error = '' }) => answer?.pod ?? error))].sort();
  };
  const addressesOf = async (client: (typeof clients)[number], host: string): Promise<readonly string[]> =>
    (await echo.call(client, { protocol: 'lookup', host })).addresses ?? [];

  test.each(['MESH_INTERNAL', 'MESH_EXTERNAL'])('an endpoint written into the entry is reached (%s)', async (location) => {
    const name = location === 'MESH_INTERNAL' ? 'inline-internal' : 'inline-external';
    const spec = { location, resolution: 'STATIC', endpoints: [{ address: outside.v4 }] };
    await using _entry = await echo.applied(serviceEntry(name, spec));
    await settles([outside.name], () => answering(hostOf(name)));
  });

  test.each(['STATIC', 'DNS'])('a WorkloadEntry that is selected is reached (%s)', async (resolution) => {
    const name = `selects-${resolution.toLowerCase()}`;
    const labels = { app: name };
    const workload: KubeManifest = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'WorkloadEntry',
      metadata: { name, namespace, labels },
      spec: { address: outside.v4, labels },
    };
    const entry = serviceEntry(name, { location: 'MESH_INTERNAL', resolution, workloadSelector: { labels } });
    await using _objects = await echo.applied(workload, entry);
    await settles([outside.name], () => answering(hostOf(name)));
  });

  test('pods outside of the mesh that are selected are reached, by the name and by both addresses of the entry', async () => {
    const addresses = ['172.31.200.7', 'fd00:31::200:7'];
    const spec = { addresses, location: 'MESH_INTERNAL', resolution: 'STATIC', workloadSelector: { labels: { app: 'uncaptured' } } };
    await using _entry = await echo.applied(serviceEntry('pods', spec));
    const both = [echo.pod('uncaptured-v1').name, echo.pod('uncaptured-v2').name].sort();
    for (const host of [hostOf('pods'), ...addresses]) await settles(both, () => answering(host));
    for (const client of clients) expect([...(await addressesOf(client, hostOf('pods')))].sort()).toEqual(addresses);
  });

  test('an entry without addresses is given some, which the name leads to and which lead to the endpoint; then all of it is gone', async () => {
    const host = hostOf('automatic');
    const spec = { location: 'MESH_EXTERNAL', resolution: 'DNS', endpoints: [{ address: `uncaptured.${namespace}.svc.cluster.local` }] };
    const entry = serviceEntry('automatic', spec);
    const both = [echo.pod('uncaptured-v1').name, echo.pod('uncaptured-v2').name].sort();
    {
      await using _entry = await echo.applied(entry);
      await settles(both, () => answering(host));
      const given = (await echo.k('get serviceentry automatic -o jsonpath={.status.addresses[*].value}')).split(' ').sort();
      expect(given).toHaveLength(2);
      for (const client of clients) expect([...(await addressesOf(client, host))].sort()).toEqual(given);
      for (const address of given) expect(await answering(address)).toEqual(both);
    }
    await eventually(async () => ((await answering(host)).some((each) => both.includes(each)) ? undefined : true), {
      ...patience,
      what: 'calls that fail',
    });
    for (const client of clients) expect(await addressesOf(client, host)).toEqual([]);
  });
});
