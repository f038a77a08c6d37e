// Which certificates a ztunnel holds, whom it trusts, and what revocation does to handshakes and to open connections.
import { X509Certificate } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import { Lab } from '../lab/lab.ts';
import type { Node } from '../lab/node.ts';
import type { Pod } from '../lab/pod.ts';
import type { Ztunnel } from '../lab/ztunnel.ts';
import { hello, helloAnswered, identityOf } from './two-nodes.ts';

const servers = { 8080: { kind: 'double-echo' } } as const;

let lab: Lab;
let a: Node;
let b: Node;
let tunnels: { readonly client: Ztunnel; readonly server: Ztunnel };
let pods: Record<'client' | 'server', Pod>;
const crlFile = (side: 'client' | 'server'): string => `${lab.folder}/${side}.crl`;
const to = (): string => `${pods.server.ip}:8080`;

beforeAll(async () => {
  lab = await Lab.start();
  [a, b] = [await lab.node('a'), await lab.node('b')];
  for (const side of ['client', 'server'] as const) writeFileSync(crlFile(side), '');
  const [client, server] = await Promise.all([
    a.ztunnel({ env: { CRL_PATH: crlFile('client') } }),
    b.ztunnel({ env: { CRL_PATH: crlFile('server') } }),
  ]);
  tunnels = { client, server };
  const [clientPod, serverPod] = await Promise.all([
    a.pod({ name: 'client', captured: true }),
    b.pod({ name: 'server', captured: true, servers }),
  ]);
  pods = { client: clientPod, server: serverPod };
});
afterAll(() => lab?.[Symbol.asyncDispose]());

const held = async (tunnel: Ztunnel): Promise<string[]> =>
  (await tunnel.configDump()).certificates.filter(({ state }) => state === 'Available').map(({ identity }) => identity);

describe('certificates are held', () => {
  const holds = (tunnel: Ztunnel, identity: string, want: boolean): Promise<true> =>
    eventually(async () => ((await held(tunnel)).includes(identity) === want ? true : undefined), {
      what: `${identity} ${want ? '' : 'not '}held`,
    });

  test('for captured pods of the own node as soon as they are known, and for no others', async () => {
    await holds(tunnels.client, identityOf('client'), true);
    await holds(tunnels.server, identityOf('server'), true);
    expect(await held(tunnels.client)).not.toContain(identityOf('server'));
    const plain = await a.pod({ name: 'plain' });
    const other = await a.pod({ name: 'other', captured: true });
    await holds(tunnels.client, identityOf('other'), true);
    expect(await held(tunnels.client)).not.toContain(identityOf('plain'));
    await lab.controlPlane.remove(plain.workload(), other.workload());
  });

  test('as long as any pod of the node has that identity, and no longer', async () => {
    const [one, two] = await Promise.all(['one', 'two'].map((name) => a.pod({ name, serviceAccount: 'shared', captured: true })));
    await holds(tunnels.client, identityOf('shared'), true);
    if (one === undefined || two === undefined) throw new Error('two pods were made');
    await lab.controlPlane.remove(one.workload());
    expect(await held(tunnels.client)).toContain(identityOf('shared'));
    await lab.controlPlane.remove(two.workload());
    await holds(tunnels.client, identityOf('shared'), false);
  });

  test('once per identity, however many pods have it', async () => {
    await Promise.all(['x', 'y', 'z'].map((name) => a.pod({ name, serviceAccount: 'many', captured: true })));
    await holds(tunnels.client, identityOf('many'), true);
    expect(lab.controlPlane.signed.filter((uri) => uri === identityOf('many'))).toHaveLength(1);
  });
});

test('a client of another trust domain is refused in the handshake', async () => {
  const stranger = await a.pod({
    name: 'stranger',
    captured: true,
    workload: { identity: spiffeId('elsewhere.test', 'default', 'stranger') },
  });
  expect((await stranger.call(to(), hello)).outcome).toMatch(/closed|reset/);
  const line = await tunnels.server.child.line(/elsewhere\.test/);
  expect(line).toContain('cluster.local');
});

test('certificates that live for seconds are renewed before they end, under traffic', async () => {
  lab.controlPlane.ttlSeconds = 6;
  const pod = await a.pod({ name: 'short-lived', captured: true });
  const asked = (): number => lab.controlPlane.signed.filter((uri) => uri === identityOf('short-lived')).length;
  await eventually(
    async () => {
      expect(await pod.call(to(), hello)).toMatchObject(helloAnswered);
      return asked() >= 3 ? true : undefined;
    },
    { timeoutMs: 15_000, everyMs: 100, what: 'two renewals' },
  );
  lab.controlPlane.ttlSeconds = undefined;
});

describe('a revoked certificate', () => {
  /** The leaf that the ztunnel now presents for its pod. */
  async function leafOf(tunnel: Ztunnel, identity: string): Promise<string> {
    const dump = (await tunnel.configDump()) as { certificates: readonly { identity: string; certChain?: readonly { pem: string }[] }[] };
    const pem = Buffer.from(dump.certificates.find((c) => c.identity === identity)?.certChain?.[0]?.pem ?? '', 'base64').toString();
    return new X509Certificate(pem).toString();
  }
  const publish = (side: 'client' | 'server', crl: string): void => {
    writeFileSync(`${crlFile(side)}.new`, crl);
    renameSync(`${crlFile(side)}.new`, crlFile(side));
  };

  const rows = [
    ['of the client, known to the server', 'server', 'client', 'destination'],
    ['of the server, known to the client', 'client', 'server', 'source'],
  ] as const;
  for (const [name, side, revoked, reporter] of rows) {
    test(`${name}: open connections end within 10 s, new ones are refused, both are counted`, async () => {
      const rejections = async (): Promise<number> =>
        (await tunnels[side].metrics()).sum('istio_crl_policy_rejections_total', { reporter });
      const opened = await pods.client.app.ask('open', { to: to() });
      expect(await pods.client.app.ask('exchange', { ...opened, ...hello })).toMatchObject(helloAnswered);
      publish(side, lab.controlPlane.authority.crl(await leafOf(tunnels[revoked], identityOf(revoked))));
      expect(await pods.client.app.ask('ended', { ...opened, timeoutMs: 10_000 })).toMatch(/closed|reset/);
      const after = await rejections();
      expect(after).toBeGreaterThan(0);
      expect(tunnels[side].child.output).toContain('revoked');
      // Every data thread reads the list by itself; all have when ten connections in a row are refused.
      const refused = async (): Promise<true | undefined> => {
        for (let n = 0; n < 10; n++) if ((await pods.client.call(to(), hello)).outcome === 'answered') return undefined;
        return true;
      };
      await eventually(refused, { timeoutMs: 3_000, what: 'ten refused connections in a row' });
      expect(await rejections()).toBeGreaterThan(after);
      publish(side, '');
      const works = async (): Promise<true | undefined> =>
        (await pods.client.call(to(), hello)).outcome === 'answered' ? true : undefined;
      await eventually(works, { timeoutMs: 8_000, everyMs: 200, what: 'connections after the revocation was taken back' });
    });
  }
});
