// A start that cannot work ends at once with exit code 1 and one sentence that says what is wrong and where.
import { closeSync, writeFileSync } from 'node:fs';
import { listenTcp } from '@ambient-mesh/host/sockets';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anyAddress } from '../lab/addressing.ts';
import { Child } from '../lab/child.ts';
import { Lab } from '../lab/lab.ts';
import type { Node } from '../lab/node.ts';
import { ztunnelProgram } from '../lab/ztunnel.ts';
import { hello, helloAnswered } from './two-nodes.ts';

let lab: Lab;
let node: Node;

beforeAll(async () => {
  lab = await Lab.start();
  node = await lab.node('a');
  writeFileSync(`${lab.folder}/bad.yaml`, 'workloads: [{ name: 3');
  writeFileSync(`${lab.folder}/wrong.yaml`, 'workloads: [{ name: x }]');
});
afterAll(() => lab?.[Symbol.asyncDispose]());

interface Start {
  readonly env?: Readonly<Record<string, string>>;
  readonly argv?: readonly string[];
}

const valid = (): Record<string, string> => ({ NODE_NAME: 'a', INPOD_UDS: node.agent.path, ...lab.controlPlane.clientEnv });

async function failedStart({ env = {}, argv = [] }: Start): Promise<string> {
  await using child = new Child({
    netns: node.netns,
    cwd: lab.folder,
    argv: [...argv, process.execPath, ztunnelProgram, 'proxy'],
    env: { ...valid(), ...env },
  });
  expect({ code: await child.exited(10_000), output: child.output }).toMatchObject({ code: 1 });
  expect(child.output).not.toMatch(/\n\s+at |node:internal|Unhandled/);
  return child.output;
}

describe('one sentence and exit code 1', () => {
  const rows: readonly (readonly [name: string, env: () => Readonly<Record<string, string>>, says: RegExp])[] = [
    ['an unknown proxy mode', () => ({ PROXY_MODE: 'sideways' }), /PROXY_MODE.*sideways/],
    ['a flag that is neither true nor false', () => ({ IPV6_ENABLED: 'yes' }), /IPV6_ENABLED.*yes/],
    ['a duration without a unit', () => ({ SECRET_TTL: '24' }), /SECRET_TTL.*24/],
    ['two mistakes at once, both named', () => ({ FAKE_CA: 'maybe', KEEPALIVE_RETRIES: '-1' }), /(?=.*FAKE_CA)(?=.*KEEPALIVE_RETRIES)/s],
    ['a local file that is not there', () => ({ LOCAL_XDS_PATH: '/does/not/exist.yaml' }), /\/does\/not\/exist\.yaml/],
    ['a local file that is no YAML', () => ({ LOCAL_XDS_PATH: `${lab.folder}/bad.yaml` }), /bad\.yaml/],
    ['a local file with a workload that lacks its addresses', () => ({ LOCAL_XDS_PATH: `${lab.folder}/wrong.yaml` }), /workloadIps/],
    ['a local file and local text', () => ({ LOCAL_XDS_PATH: `${lab.folder}/wrong.yaml`, LOCAL_XDS: 'workloads: []' }), /LOCAL_XDS/],
    ['dedicated mode without a workload', () => ({ PROXY_MODE: 'dedicated' }), /PROXY_WORKLOAD_INFO/],
    ['on-demand xDS with the DNS proxy', () => ({ XDS_ON_DEMAND: 'true' }), /XDS_ON_DEMAND|on-demand/i],
    ['neither proxy nor DNS', () => ({ ENABLE_PROXY: 'false', ISTIO_META_DNS_CAPTURE: 'false' }), /ENABLE_PROXY|DNS_CAPTURE/],
    ['an address for the DNS proxy that is none', () => ({ ISTIO_META_DNS_PROXY_ADDR: 'here:there' }), /DNS_PROXY_ADDR/],
    ['a proxy configuration that is no YAML', () => ({ PROXY_CONFIG: '{' }), /PROXY_CONFIG/],
    ['clear-text HTTP to the control plane', () => ({ XDS_ADDRESS: 'http://istiod:15010' }), /XDS_ADDRESS.*http/],
    ['a thread count that is none', () => ({ ZTUNNEL_WORKER_THREADS: 'many' }), /ZTUNNEL_WORKER_THREADS/],
    ['a log level that is none', () => ({ RUST_LOG: 'chatty' }), /RUST_LOG.*chatty|chatty/],
  ];
  for (const [name, env, says] of rows) test(name, async () => expect(await failedStart({ env: env() })).toMatch(says));

  test('a missing capability is named', async () => {
    const argv = ['setpriv', '--bounding-set', '-net_admin,-sys_admin', '--inh-caps', '-net_admin,-sys_admin', '--'];
    expect(await failedStart({ argv })).toMatch(/CAP_(NET|SYS)_ADMIN/);
  });

  for (const port of [15000, 15020, 15021]) {
    test(`port ${port} of the node taken`, async () => {
      const { fd } = listenTcp({ netns: node.netns, ip: anyAddress, port, reusePort: false, transparent: 'off' });
      try {
        expect(await failedStart({})).toMatch(new RegExp(`${port}`));
      } finally {
        closeSync(fd);
      }
    });
  }

  for (const port of [15001, 15006, 15008, 15053]) {
    test(`port ${port} taken, in dedicated mode`, async () => {
      const { fd } = listenTcp({ netns: node.netns, ip: anyAddress, port, reusePort: false, transparent: 'off' });
      try {
        expect(await failedStart({ env: { PROXY_MODE: 'dedicated', PROXY_WORKLOAD_INFO: 'default/a/a' } })).toMatch(new RegExp(`${port}`));
      } finally {
        closeSync(fd);
      }
    });
  }

  test('an unknown command prints help', async () => {
    await using child = new Child({ netns: node.netns, argv: [process.execPath, ztunnelProgram, 'dance'] });
    expect(await child.exited(10_000)).toBe(1);
    expect(child.output).toMatch(/proxy.*version/s);
  });
});

test('a mesh from a file needs no control plane but the certificate service', async () => {
  const b = await lab.node('b');
  const [client, server] = await Promise.all([
    b.pod({ name: 'client', captured: true }),
    b.pod({ name: 'server', captured: true, servers: { 8080: { kind: 'double-echo' } } }),
  ]);
  const row = (name: string, ip: string): string =>
    `- { uid: "${name}", name: ${name}, namespace: default, serviceAccount: ${name}, workloadIps: ["${ip}"], protocol: HBONE, node: b, trustDomain: cluster.local, services: {} }`;
  writeFileSync(`${lab.folder}/mesh.yaml`, `workloads:\n${row('client', client.ip)}\n${row('server', server.ip)}\n`);
  const tunnel = await b.ztunnel({ env: { XDS_ADDRESS: '', LOCAL_XDS_PATH: `${lab.folder}/mesh.yaml` } });
  expect(await client.call(`${server.ip}:8080`, hello)).toMatchObject(helloAnswered);
  expect((await tunnel.configDump()).workloads.map(({ name }) => name)).toEqual(['client', 'server']);
});
