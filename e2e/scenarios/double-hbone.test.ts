// A service whose only endpoint is on another network: a tunnel to the gateway, and inside it a tunnel to the far pod.

import { parseIp } from '@ambient-mesh/model/address';
import type { GatewayAddress } from '@ambient-mesh/model/workload';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pod } from '../lab/pod.ts';
import { gatewayByHostname, gatewayByIp, ports, service } from '../lab/resources.ts';
import { identityOf, type TwoNodes, twoNodes } from './two-nodes.ts';

const remote = service({
  name: 'remote',
  vip: parseIp('10.99.0.2') ?? expect.fail(),
  subjectAltNames: [identityOf('echo', 'far')],
});
const gateways = service({ name: 'gateways', ports: ports({ 15009: 15008 }) });

let mesh: TwoNodes;
let pods: Record<'client' | 'gateway' | 'echo', Pod>;

beforeAll(async () => {
  mesh = await twoNodes();
  const [client, gateway, echo] = await Promise.all([
    mesh.a.pod({ name: 'client', captured: true }),
    mesh.b.pod({
      name: 'gateway',
      workload: { protocol: 'HBONE', services: new Map([[`default/${gateways.hostname}`, ports({ 15009: 15008 })]]) },
    }),
    mesh.b.pod({ name: 'echo', namespace: 'far', workload: false }),
  ]);
  pods = { client, gateway, echo };
  const { authority } = mesh.lab.controlPlane;
  const baggage = 'k8s.cluster.name=elsewhere,k8s.namespace.name=far,k8s.deployment.name=echo,service.name=echo,service.version=v3';
  await echo.serve(15008, { kind: 'hbone', marker: 'echo', baggage, ...authority.credentials(authority.id('far', 'echo')) });
  await gateway.serve(15008, {
    kind: 'hbone',
    marker: '',
    forward: `${echo.ip}:15008`,
    ...authority.credentials(authority.id('default', 'gateway')),
  });
});
afterAll(() => mesh?.[Symbol.asyncDispose]());

const farPod = (networkGateway: GatewayAddress) =>
  pods.echo.workload({
    network: 'elsewhere',
    addresses: [],
    protocol: 'HBONE',
    networkGateway,
    services: new Map([[`default/${remote.hostname}`, ports({ 80: 8080 })]]),
  });

const rows: readonly (readonly [name: string, gateway: () => GatewayAddress])[] = [
  ['by its address', () => gatewayByIp(pods.gateway.ip)],
  ['by the hostname of a service that maps port 15009 to 15008', () => gatewayByHostname(gateways.hostname, 15009)],
];
for (const [name, gateway] of rows) {
  test(`the gateway is reached ${name}; the far pod sees the client's identity inside`, async () => {
    await mesh.lab.controlPlane.put(remote, gateways, farPod(gateway()));
    for (const pod of [pods.gateway, pods.echo]) await pod.app.ask('hboneRequests', {});
    expect(await pods.client.call('10.99.0.2:80', { send: 'hello', until: 10 })).toMatchObject({
      outcome: 'answered',
      text: 'echo\nhello',
    });

    const authority = `${remote.hostname}:80`;
    expect(await pods.gateway.app.ask('hboneRequests', {})).toMatchObject([{ ':authority': authority }]);
    const [inner] = await pods.echo.app.ask('hboneRequests', {});
    expect(inner).toMatchObject({
      ':authority': authority,
      'x-forwarded-network': '',
      baggage: expect.stringContaining('k8s.deployment.name=client'),
    });

    const line = await mesh.tunnelA.access(`dst.hbone_addr=${authority}`);
    expect(line).toContain('dst.workload="echo"');
    expect(line).toContain('dst.cluster="elsewhere"');
    expect(line).toContain(`dst.identity="${identityOf('echo', 'far')}"`);
    const labels = { destination_principal: identityOf('echo', 'far'), destination_cluster: 'elsewhere', source_workload: 'client' };
    expect((await mesh.tunnelA.metrics()).sum('istio_tcp_connections_opened_total', labels)).toBeGreaterThan(0);
  });
}

test('a far pod that is not among the names of the service is refused', async () => {
  await mesh.lab.controlPlane.put(
    { ...remote, subjectAltNames: [identityOf('somebody-else', 'far')] },
    farPod(gatewayByIp(pods.gateway.ip)),
  );
  expect((await pods.client.call('10.99.0.2:80', { send: 'hello', until: 10 })).outcome).toMatch(/closed|reset/);
  await mesh.tunnelA.access('error=', `dst.hbone_addr=${remote.hostname}:80`);
});

test('without names on the service nothing inside the gateway is trusted', async () => {
  await mesh.lab.controlPlane.put({ ...remote, subjectAltNames: [] }, farPod(gatewayByIp(pods.gateway.ip)));
  expect((await pods.client.call('10.99.0.2:80', { send: 'hello', until: 10 })).outcome).toMatch(/closed|reset/);
});
