// One GET over TLS with the agent's kubeconfig, and every way in which it cannot be had.
import { createServer } from 'node:https';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isKubeError } from './errors.ts';
import { getOnce, leftAccess } from './one-look.ts';
import { ApiServer } from './testing/api-server.ts';

const authority = testAuthority();
const certificate = authority.custom({ dnsNames: ['localhost'] });
let api: ApiServer;
beforeAll(async () => {
  api = await ApiServer.start({
    listener: (handler) => createServer({ key: certificate.keyPem, cert: certificate.certChainPem }, handler),
  });
  api.objects.put('/api/v1/namespaces', 'shop', { metadata: { labels: { a: 'b' } } });
});
afterAll(() => api[Symbol.asyncDispose]());

/** Under the name that its certificate has. */
const url = () => `https://localhost:${api.port}`;

const kubeconfig = (server: string, roots: readonly string[] = authority.rootsPem) => ({
  clusters: [{ cluster: { server, 'certificate-authority-data': btoa(roots.join('\n')) } }],
  users: [{ user: { token: 'secret' } }],
});
const look = (server: string, path: string, { roots = authority.rootsPem, signal = AbortSignal.timeout(5_000) } = {}) =>
  getOnce(leftAccess(JSON.stringify(kubeconfig(server, roots)), '/k'), path, signal);

test('an object is read, below a path of the server too, with the token', async () => {
  let authorization: string | undefined;
  api.intercept = (request) => {
    authorization = request.headers.authorization;
    request.url = request.url?.replace(/^\/cluster/, '') ?? '';
    return false;
  };
  expect(await look(url(), '/api/v1/namespaces/shop')).toMatchObject({ metadata: { name: 'shop', labels: { a: 'b' } } });
  expect(authorization).toBe('Bearer secret');
  api.intercept = () => false;
});

describe('what can go wrong has its fault', () => {
  const rows: readonly (readonly [rule: string, get: () => Promise<unknown>, code: string])[] = [
    ['no such object', () => look(url(), '/api/v1/namespaces/other'), 'kube.status'],
    ['nobody there', () => look('https://127.0.0.1:1', '/api'), 'kube.connect'],
    ['a server that another authority vouches for', () => look(url(), '/api', { roots: testAuthority().rootsPem }), 'kube.connect'],
    ['out of patience', () => look(url(), '/api', { signal: AbortSignal.abort(new Error('late')) }), 'kube.connect'],
  ];
  test.each(rows)('%s', async (_, get, code) => {
    const error = await get().then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(isKubeError(error) && error.fault.code).toBe(code);
  });
});

describe('a kubeconfig in any other form is refused', () => {
  const good = kubeconfig('https://127.0.0.1:6443');
  const rows: readonly (readonly [rule: string, text: string])[] = [
    ['YAML', 'clusters: []'],
    ['a list', '[]'],
    ['no cluster', JSON.stringify({ ...good, clusters: [] })],
    ['no user', JSON.stringify({ ...good, users: undefined })],
    ['a token that would go over the wire unprotected', JSON.stringify(kubeconfig('http://127.0.0.1:8080'))],
    ['no authority', JSON.stringify({ ...good, clusters: [{ cluster: { server: 'https://127.0.0.1' } }] })],
    ['no URL', JSON.stringify(kubeconfig('127.0.0.1'))],
  ];
  test.each(rows)('%s', (_, text) => expect(() => leftAccess(text, '/k')).toThrow('/k'));
  test('that one is taken', () => expect(leftAccess(JSON.stringify(good), '/k').server).toBe('https://127.0.0.1:6443'));
});
