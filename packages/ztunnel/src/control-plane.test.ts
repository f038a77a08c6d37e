// How configuration becomes the address, the proof and the trust of a control plane.
// Beside control-plane.ts; reading roots and tokens is tested in wire/grpc.
// Files are real ones in a folder of this test's own, because whether a file exists decides what a text means.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GrpcTarget } from '@ambient-mesh/wire/grpc/target';
import { afterAll, expect, test } from 'vitest';
import { configure } from './config.ts';
import { caTarget, xdsTarget } from './control-plane.ts';

const folder = mkdtempSync(join(tmpdir(), 'control-plane-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const existing = join(folder, 'existing');
writeFileSync(existing, 'anything');
const pem = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n';
const clusterid = ['clusterid', 'Kubernetes'];

function config(env: Readonly<Record<string, string>>) {
  const configured = configure({ env, cpus: 1, meshConfig: undefined });
  if ('mistakes' in configured) throw new Error(configured.mistakes.join(' '));
  return configured.ok;
}

const xds: readonly (readonly [rule: string, env: Readonly<Record<string, string>>, want: Partial<GrpcTarget>])[] = [
  ['the default root is a file that may come later', {}, { root: { file: './var/run/secrets/istio/root-cert.pem' } }],
  ['a root that exists as a file is one', { XDS_ROOT_CA: existing }, { root: { file: existing } }],
  ['a root may be the text itself', { XDS_ROOT_CA: pem }, { root: { literal: pem } }],
  ['SYSTEM means the roots of the machine', { XDS_ROOT_CA: 'SYSTEM' }, { root: { system: true } }],
  ['a token that exists as a file is read from it', { AUTH_TOKEN: existing }, { token: { file: existing } }],
  ['a token may be the text itself', { AUTH_TOKEN: 'eyJhbGciOi' }, { token: { literal: 'eyJhbGciOi' } }],
  ['the cluster is named along with a token', { AUTH_TOKEN: 't', CLUSTER_ID: 'c1' }, { headers: [['clusterid', 'c1']] }],
  [
    'further headers follow',
    { AUTH_TOKEN: 't', XDS_HEADER_FOO: 'bar' },
    {
      headers: [
        ['clusterid', 'Kubernetes'],
        ['foo', 'bar'],
      ],
    },
  ],
  ['a second name', { ALT_XDS_HOSTNAME: 'istiod.example' }, { altHostname: 'istiod.example' }],
];
test.each(xds)('xDS: %s', (_, env, want) => {
  expect(xdsTarget(config(env), 'https://istiod:15012')).toMatchObject({ host: 'istiod', port: 15012, ...want });
});

test('without a token nothing is told of the cluster, and no token is sent', () => {
  const target = xdsTarget(config({ XDS_HEADER_FOO: 'bar' }), 'https://istiod:15012');
  expect(target.headers).toEqual([['foo', 'bar']]);
  expect(target).not.toHaveProperty('token');
});

test('the certificate authority has an address, a root, a second name and headers of its own', () => {
  const env = {
    CA_ADDRESS: 'ca:1',
    CA_ROOT_CA: pem,
    ALT_CA_HOSTNAME: 'alt',
    CA_HEADER_A: 'b',
    AUTH_TOKEN: 't',
    XDS_ADDRESS: 'x:2',
    XDS_HEADER_C: 'd',
  };
  expect(caTarget(config(env))).toEqual({
    host: 'ca',
    port: 1,
    root: { literal: pem },
    altHostname: 'alt',
    token: { literal: 't' },
    headers: [clusterid, ['a', 'b']],
  });
});

const bad: readonly string[] = ['http://istiod:15012', 'https://', 'istiod:99999', 'ftp://istiod', 'https://user:pass@istiod'];
test.each(bad)('%j is no address', (address) => {
  expect(() => xdsTarget(config({}), address)).toThrow(`XDS_ADDRESS is ${JSON.stringify(address)} but must be an https address`);
  expect(() => caTarget(config({ CA_ADDRESS: address }))).toThrow(`must be an https address`);
});
