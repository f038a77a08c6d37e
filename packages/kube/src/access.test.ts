// Where credentials come from, and that they are followed when they change; over TLS with client certificates too.
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadAccess } from './access.ts';
import { KubeClient } from './client.ts';
import type { Access } from './credentials.ts';
import { statusOf } from './errors.ts';
import { inClusterAccess, inClusterPlace } from './in-cluster.ts';
import { answer, statusAnswer } from './testing/answers.ts';
import { ApiServer } from './testing/api-server.ts';
import { things } from './testing/things.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kube-access-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, text: string) => writeFile(join(folder, name), text);
const key = { namespace: 'a', name: 'x' };

/** As kubelet replaces what it mounts. */
async function replaceFile(name: string, text: string): Promise<void> {
  await write(`${name}.new`, text);
  await rename(join(folder, `${name}.new`), join(folder, name));
}

const authority = testAuthority();
const serverName = 'api.test';
const server = authority.custom({ dnsNames: [serverName] });
const certificate = () => authority.custom({ subject: { commonName: 'mesh' } });

/** Serves HTTPS and asks for client certificates; shows the subjects of those that it has seen. */
async function tlsServer(): Promise<ApiServer & { readonly subjects: (string | undefined)[] }> {
  const ca = [...authority.rootsPem];
  const options = { key: server.keyPem, cert: server.certChainPem, ca, requestCert: true, rejectUnauthorized: false };
  const api = await ApiServer.start({ listener: (handler) => createServer(options, handler) });
  const subjects: (string | undefined)[] = [];
  api.intercept = ({ socket }) => {
    const peer = 'getPeerCertificate' in socket && typeof socket.getPeerCertificate === 'function' ? socket.getPeerCertificate() : {};
    subjects.push(peer.subject?.CN);
    return false;
  };
  return Object.assign(api, { subjects });
}

test('inside a pod: address by environment, token, authority and namespace by file', async () => {
  await Promise.all([write('token', 'secret\n'), write('ca.crt', 'CA'), write('namespace', 'mesh')]);
  const place = inClusterPlace({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }, folder);
  if (place === undefined) return expect.unreachable();
  const access = await inClusterAccess(place);
  expect([access.server, access.namespace]).toEqual(['https://[fd00::1]:443', 'mesh']);
  expect(await access.credentials(false)).toEqual({ headers: { authorization: 'Bearer secret' }, tls: { ca: 'CA' } });
});

test('outside a pod, or without a service account, there is no such place', () => {
  expect(inClusterPlace({}, folder)).toBeUndefined();
  expect(inClusterPlace({ KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' }, folder)).toBeUndefined();
});

test('a token file that is replaced is used: after a minute, and at once when the old token is refused', async () => {
  await using api = await ApiServer.start();
  const clock = fakeClock();
  await Promise.all([write('token', 'first'), write('ca.crt', ''), write('namespace', 'mesh')]);
  const mounted = await inClusterAccess({ host: '127.0.0.1', port: '1', folder });
  const access: Access = { ...mounted, server: api.url };
  await using client = new KubeClient(access, { clock });
  const seen: (string | undefined)[] = [];
  let refusedToken = '';
  api.intercept = (request, response) => {
    seen.push(request.headers.authorization?.slice('Bearer '.length));
    if (seen.at(-1) !== refusedToken) return false;
    answer(response, statusAnswer(401, 'Unauthorized'));
    return true;
  };
  await client.get(things, key);
  await replaceFile('token', 'second');
  await client.get(things, key);
  await clock.advance(ms(61_000));
  await client.get(things, key);
  await clock.advance(ms(10_000));
  await replaceFile('token', 'third');
  refusedToken = 'second';
  await client.get(things, key);
  expect(seen).toEqual(['first', 'first', 'second', 'second', 'third']);
});

/** A kubeconfig in JSON, which is YAML. */
async function kubeconfig(server: string, user: object, cluster: object = {}): Promise<string> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'one',
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'one', context: { cluster: 'c', user: 'u', namespace: 'mesh' } },
      { name: 'broken', context: { cluster: 'c', user: 'nobody' } },
    ],
  };
  await write('config', JSON.stringify(config));
  return join(folder, 'config');
}

test('a kubeconfig with client certificates in files: they are used, and followed when they change', async () => {
  await using api = await tlsServer();
  const first = certificate();
  await Promise.all([write('ca.pem', authority.rootsPem.join('')), write('cert.pem', first.certChainPem), write('key.pem', first.keyPem)]);
  const user = { 'client-certificate': 'cert.pem', 'client-key': 'key.pem' };
  const path = await kubeconfig(api.url, user, { 'certificate-authority': 'ca.pem', 'tls-server-name': serverName });
  const access = await loadAccess({ kubeconfig: path });
  expect([access.server, access.namespace]).toEqual([api.url, 'mesh']);
  const clock = fakeClock();
  await using client = new KubeClient(access, { clock });
  await client.get(things, key);
  const second = authority.custom({ subject: { commonName: 'renewed' } });
  await Promise.all([write('cert.pem', second.certChainPem), write('key.pem', second.keyPem)]);
  await clock.advance(ms(61_000));
  await client.get(things, key);
  expect(api.subjects).toEqual(['mesh', 'renewed']);
});

test('a server that nobody we trust vouches for gets no token', async () => {
  await using api = await tlsServer();
  const other = Buffer.from(testAuthority().rootsPem.join('')).toString('base64');
  const path = await kubeconfig(api.url, { token: 'secret' }, { 'certificate-authority-data': other, 'tls-server-name': serverName });
  await using client = new KubeClient(await loadAccess({ kubeconfig: path }), { clock: fakeClock() });
  await expect(client.get(things, key)).rejects.toMatchObject({ fault: { code: 'kube.connect' } });
  expect(api.requests).toEqual([]);
});

test('a server of another name gets no token either', async () => {
  await using api = await tlsServer();
  const ca = Buffer.from(authority.rootsPem.join('')).toString('base64');
  const path = await kubeconfig(api.url, { token: 'secret' }, { 'certificate-authority-data': ca });
  await using client = new KubeClient(await loadAccess({ kubeconfig: path }), { clock: fakeClock() });
  await expect(client.get(things, key)).rejects.toMatchObject({ fault: { code: 'kube.connect' } });
  expect(api.requests).toEqual([]);
});

test('an exec plugin is asked once, and again when its token is refused', async () => {
  await using api = await ApiServer.start();
  const plugin = `require('fs').appendFileSync('${folder}/runs', 'x');
    const token = 't' + require('fs').readFileSync('${folder}/runs').length;
    console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } }))`;
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', plugin], interactiveMode: 'Never' };
  const path = await kubeconfig('https://unused', { exec });
  const access = { ...(await loadAccess({ kubeconfig: path })), server: api.url };
  const clock = fakeClock();
  await using client = new KubeClient(access, { clock });
  const seen: (string | undefined)[] = [];
  let wanted = 'Bearer t1';
  api.intercept = (request, response) => {
    seen.push(request.headers.authorization);
    if (request.headers.authorization === wanted) return false;
    answer(response, statusAnswer(401, 'Unauthorized'));
    return true;
  };
  await client.get(things, key);
  await clock.advance(ms(70_000));
  await client.get(things, key);
  await clock.advance(ms(10_000));
  wanted = 'Bearer t2';
  await client.get(things, key);
  expect(seen).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t1', 'Bearer t2']);
  wanted = 'Bearer other';
  expect(await client.get(things, key).catch(statusOf)).toBe(401);
});

const mistakes: readonly (readonly [name: string, user: object, cluster: object, context: string | undefined, text: RegExp])[] = [
  ['a context that is not there', {}, {}, 'nowhere', /the context "nowhere" of .* is missing/],
  ['a context without its user', {}, {}, 'broken', /the context "broken"/],
  ['a proxy', {}, { 'proxy-url': 'http://proxy' }, undefined, /asks for a proxy/],
];

for (const [name, user, cluster, context, text] of mistakes) {
  test(`${name} is said in words`, async () => {
    const path = await kubeconfig('https://x', user, cluster);
    await expect(loadAccess({ kubeconfig: path, ...(context !== undefined && { context }) })).rejects.toThrow(text);
  });
}

test('a kubeconfig that cannot be read is no access; a plugin that fails gives no credentials', async () => {
  await expect(loadAccess({ kubeconfig: join(folder, 'missing') })).rejects.toMatchObject({ fault: { code: 'kube.access' } });
  await write('garbage', '{]');
  await expect(loadAccess({ kubeconfig: join(folder, 'garbage') })).rejects.toMatchObject({ fault: { code: 'kube.access' } });
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'there-is-no-such-command' };
  const access = await loadAccess({ kubeconfig: await kubeconfig('https://x', { exec }) });
  await using client = new KubeClient(access, { clock: fakeClock() });
  await expect(client.get(things, key)).rejects.toMatchObject({ fault: { code: 'kube.access' } });
});

test('printing an access or a client shows no secret', async () => {
  const access = await loadAccess({ kubeconfig: await kubeconfig('https://x', { token: 'secret-token' }) });
  await access.credentials(false);
  await using client = new KubeClient(access, { clock: fakeClock() });
  for (const each of [access, client])
    expect(inspect(each, { depth: 9, showHidden: true }) + JSON.stringify(each)).not.toContain('secret-token');
});
