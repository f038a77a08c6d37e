// L4 policy by identity: new and open connections, allowed and denied, in the tunnel, in clear and on the same-node fast path.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hboneRequest } from '../lab/hbone-client.ts';
import type { Pod } from '../lab/pod.ts';
import { policy, principal } from '../lab/resources.ts';
import { hello, helloAnswered, identityOf, type TwoNodes, twoNodes } from './two-nodes.ts';

const servers = { 8080: { kind: 'double-echo' } } as const;
const allowOther = policy({ name: 'allow-other', action: 'Allow', match: principal('default', 'other') });
const denyClient = policy({ name: 'deny-client', action: 'Deny', match: principal('default', 'client') });

let mesh: TwoNodes;
let pods: Record<'client' | 'other' | 'near' | 'far' | 'plainClient', Pod>;

beforeAll(async () => {
  mesh = await twoNodes();
  const [client, other, near, far, plainClient] = await Promise.all([
    mesh.a.pod({ name: 'client', captured: true }),
    mesh.a.pod({ name: 'other', captured: true }),
    mesh.a.pod({ name: 'near', captured: true, servers }),
    mesh.b.pod({ name: 'far', captured: true, servers }),
    mesh.a.pod({ name: 'plain-client' }),
  ]);
  pods = { client, other, near, far, plainClient };
});
afterAll(() => mesh?.[Symbol.asyncDispose]());

for (const where of ['near', 'far'] as const) {
  describe(`server on the ${where === 'near' ? 'same' : 'other'} node`, () => {
    const serverTunnel = (): TwoNodes['tunnelA'] => (where === 'near' ? mesh.tunnelA : mesh.tunnelB);

    test('an ALLOW policy for another identity refuses ours; the log says so and names the workload', async () => {
      await mesh.lab.controlPlane.put(allowOther);
      try {
        expect((await pods.client.call(`${pods[where].ip}:8080`, hello)).outcome).toMatch(/closed|reset/);
        const line = await serverTunnel().access('direction="inbound"', `dst.workload="${where}"`, 'policy rejection');
        expect(line).toContain('allow policies exist, but none allowed');
        expect(line).toContain(identityOf('client'));
        expect(await pods.other.call(`${pods[where].ip}:8080`, hello)).toMatchObject(helloAnswered);
      } finally {
        await mesh.lab.controlPlane.remove(allowOther);
      }
      expect(await pods.client.call(`${pods[where].ip}:8080`, hello)).toMatchObject(helloAnswered);
    });

    test('a DENY policy is named in the log and counted with flag DENY', async () => {
      await mesh.lab.controlPlane.put(denyClient);
      try {
        expect((await pods.client.call(`${pods[where].ip}:8080`, hello)).outcome).toMatch(/closed|reset/);
        expect(await serverTunnel().access('direction="inbound"', `dst.workload="${where}"`, 'explicitly denied by')).toContain(
          'default/deny-client',
        );
        const metrics = await serverTunnel().metrics();
        expect(
          metrics.sum('istio_tcp_connections_failed_total', {
            reporter: 'destination',
            response_flags: 'DENY',
            destination_workload: where,
          }),
        ).toBeGreaterThan(0);
        expect(await pods.other.call(`${pods[where].ip}:8080`, hello)).toMatchObject(helloAnswered);
      } finally {
        await mesh.lab.controlPlane.remove(denyClient);
      }
    });

    test('an open connection is closed when a new policy denies it; others stay open', async () => {
      const to = `${pods[where].ip}:8080`;
      const [denied, kept] = [await pods.client.app.ask('open', { to }), await pods.other.app.ask('open', { to })];
      expect(await pods.client.app.ask('exchange', { ...denied, ...hello })).toMatchObject(helloAnswered);
      expect(await pods.other.app.ask('exchange', { ...kept, ...hello })).toMatchObject(helloAnswered);
      await mesh.lab.controlPlane.put(denyClient);
      try {
        expect(await pods.client.app.ask('ended', { ...denied, timeoutMs: 5_000 })).toMatch(/closed|reset/);
        await serverTunnel().access('direction="inbound"', `dst.workload="${where}"`, 'connection closed due to policy change');
        expect(await pods.other.app.ask('exchange', { ...kept, ...hello })).toMatchObject(helloAnswered);
      } finally {
        await mesh.lab.controlPlane.remove(denyClient);
      }
    });

    test('an open connection is closed when its workload gets a policy that denies it', async () => {
      const selected = { ...denyClient, key: 'default/selected', name: 'selected', scope: 'WorkloadSelector' } as const;
      await mesh.lab.controlPlane.put(selected);
      const opened = await pods.client.app.ask('open', { to: `${pods[where].ip}:8080` });
      expect(await pods.client.app.ask('exchange', { ...opened, ...hello })).toMatchObject(helloAnswered);
      await mesh.lab.controlPlane.put(pods[where].workload({ authorizationPolicies: ['default/selected'] }));
      try {
        expect(await pods.client.app.ask('ended', { ...opened, timeoutMs: 5_000 })).toMatch(/closed|reset/);
      } finally {
        await mesh.lab.controlPlane.put(pods[where].workload());
        await mesh.lab.controlPlane.remove(selected);
      }
      expect(await pods.client.call(`${pods[where].ip}:8080`, hello)).toMatchObject(helloAnswered);
    });

    test('a policy name that was never received denies', async () => {
      await mesh.lab.controlPlane.put(pods[where].workload({ authorizationPolicies: ['default/not-there-yet'] }));
      try {
        expect((await pods.client.call(`${pods[where].ip}:8080`, hello)).outcome).toMatch(/closed|reset/);
      } finally {
        await mesh.lab.controlPlane.put(pods[where].workload());
      }
    });

    test('a dry-run policy denies nothing', async () => {
      const dry = { ...denyClient, key: 'default/dry', name: 'dry', dryRun: true };
      await mesh.lab.controlPlane.put(dry);
      expect(await pods.client.call(`${pods[where].ip}:8080`, hello)).toMatchObject(helloAnswered);
      await mesh.lab.controlPlane.remove(dry);
    });
  });
}

test('plaintext has no identity: a policy that asks for one refuses it, on open connections too', async () => {
  const opened = await pods.plainClient.app.ask('open', { to: `${pods.far.ip}:8080` });
  expect(await pods.plainClient.app.ask('exchange', { ...opened, ...hello })).toMatchObject(helloAnswered);
  const strict = policy({ name: 'strict', action: 'Deny', match: { notPrincipals: [{ presence: true }] } });
  await mesh.lab.controlPlane.put(strict);
  try {
    expect(await pods.plainClient.app.ask('ended', { ...opened, timeoutMs: 5_000 })).toMatch(/closed|reset/);
    expect((await pods.plainClient.call(`${pods.far.ip}:8080`, hello)).outcome).toMatch(/closed|reset/);
    expect(await pods.client.call(`${pods.far.ip}:8080`, hello)).toMatchObject(helloAnswered);
  } finally {
    await mesh.lab.controlPlane.remove(strict);
  }
});

test('a denied CONNECT is answered with 401', async () => {
  await mesh.lab.controlPlane.put(allowOther);
  const { authority } = mesh.lab.controlPlane;
  try {
    for (const [account, status] of [
      ['client', 401],
      ['other', 200],
    ] as const) {
      await using answer = await hboneRequest({
        netns: pods.plainClient.netns,
        to: pods.far.ip,
        authority: `${pods.far.ip}:8080`,
        credentials: authority.credentials(authority.id('default', account)),
        rootsPem: authority.rootsPem,
      });
      expect(answer.status).toBe(status);
    }
  } finally {
    await mesh.lab.controlPlane.remove(allowOther);
  }
});
