// An archive of what a mesh is and does, read back with the stock tar: everything that was to be had is in it, and nothing secret.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answer, statusAnswer } from '@ambient-mesh/kube/testing/answers';
import { expect, test } from 'vitest';
import { waypointDump, ztunnelDump } from '../testing/dumps.ts';
import { labels, startMeshApi, type TestPod } from '../testing/mesh-api.ts';
import { temporaryFolder, typed } from '../testing/typed.ts';

const key = '-----BEGIN PRIVATE KEY-----\nSECRET-1\n-----END PRIVATE KEY-----';
const token = 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJTRUNSRVQifQ.SECRET-2';
const pods: readonly TestPod[] = [
  {
    key: 'istio-system/istiod-1',
    labels: labels.istiod,
    pages: { '15000/debug/clients': '[]', '15014/metrics': 'up 1\n' },
    log: `token ${token}\n`,
  },
  {
    key: 'istio-system/zt-a',
    labels: labels.ztunnel,
    pages: { '15000/config_dump': JSON.stringify(ztunnelDump), '15020/metrics': 'x 1\n' },
    log: `a line\n${key.replaceAll('\n', ' ')}\n`,
  },
  {
    key: 'shop/waypoint-1',
    labels: labels.waypoint,
    pages: { '15000/config_dump': JSON.stringify(waypointDump), '15020/metrics': 'y 1\n' },
  },
];

async function cluster() {
  const api = await startMeshApi(pods);
  const secret = { spec: { containers: [{ name: 'c', env: [{ name: 'A', value: 'SECRET-3' }], args: ['SECRET-4'] }] } };
  api.objects.put('/apis/apps/v1/namespaces/istio-system/deployments', 'istiod', { metadata: {}, spec: { template: secret } });
  api.objects.put('/api/v1/namespaces/istio-system/secrets', 'istio-ca-secret', { data: { key: 'SECRET-5' } });
  api.objects.put('/apis/security.istio.io/v1/namespaces/shop/authorizationpolicies', 'deny', { spec: { action: 'DENY' } });
  const others = api.intercept;
  api.intercept = (request, response, url) => {
    if (url.pathname !== '/version') return others(request, response, url);
    answer(response, { code: 200, body: { gitVersion: 'v1.40.0' } });
    return true;
  };
  return api;
}

const read = (archive: string, ...names: readonly string[]): string =>
  execFileSync('tar', ['xzOf', archive, ...names], { encoding: 'utf8', maxBuffer: 2 ** 26 });

test('everything that is to be had, and nothing secret', async () => {
  await using api = await cluster();
  using folder = temporaryFolder();
  const archive = join(folder.path, 'report.tar.gz');
  const { code, out } = await typed(`bug-report ${archive} --lines 7`, { api });
  expect(code).toBe(0);
  expect(out).toMatch(/report.tar.gz: \d+ files, .* before compression\.\nIt holds no Secrets/);
  const names = execFileSync('tar', ['tzf', archive], { encoding: 'utf8' }).trim().split('\n');
  expect(names.map((name) => name.replace('ambient-mesh-report/', ''))).toEqual(
    expect.arrayContaining([
      'versions.json',
      'objects/core/pods.json',
      'objects/apps/deployments.json',
      'objects/security.istio.io/authorizationpolicies.json',
      'istiod/istio-system/istiod-1/clients.json',
      'istiod/istio-system/istiod-1/metrics.txt',
      'istiod/istio-system/istiod-1/log.txt',
      'ztunnel/istio-system/zt-a/config_dump.json',
      'ztunnel/istio-system/zt-a/log.txt',
      'waypoint/shop/waypoint-1/config_dump.json',
      'checks/check.txt',
      'checks/analyze.txt',
      'checks/proxy-status.txt',
      'failures.txt',
    ]),
  );
  const all = read(archive);
  expect(all).not.toMatch(/SECRET|istio-ca-secret/);
  expect(all).toContain('v1.40.0');
  expect(read(archive, 'ambient-mesh-report/ztunnel/istio-system/zt-a/log.txt')).toBe('a line\n(hidden)\n');
  expect(read(archive, 'ambient-mesh-report/failures.txt')).toMatch(/^istiod\/istio-system\/istiod-1\/index.json: .*404/);
  expect(api.requests).toContain('GET /api/v1/namespaces/istio-system/pods/zt-a/log?tailLines=7');
  expect(api.requests.filter((each) => each.includes('secrets'))).toEqual([]);
  expect(statSync(archive).mode & 0o777).toBe(0o600);
});

test('JSON lists the files', async () => {
  await using api = await cluster();
  using folder = temporaryFolder();
  const file = join(folder.path, 'report.tar.gz');
  const seen = JSON.parse((await typed(`bug-report ${file} -o json`, { api })).out);
  expect(seen).toMatchObject({ file, files: expect.arrayContaining(['versions.json']), bytes: expect.any(Number) });
});

test('a file that is there already stays as it is', async () => {
  await using api = await cluster();
  using folder = temporaryFolder();
  const file = join(folder.path, 'mine');
  writeFileSync(file, 'mine');
  const { code, err } = await typed(`bug-report ${file}`, { api });
  expect([code, err]).toEqual([1, `ambientctl: the file ${file} exists already\n`]);
  expect(statSync(file).size).toBe(4);
});

test('a file that cannot be written is one sentence', async () => {
  await using api = await cluster();
  const { code, err } = await typed('bug-report /nonexistent/x', { api });
  expect([code, err]).toEqual([1, expect.stringMatching(/^ambientctl: the file \/nonexistent\/x cannot be written: .*ENOENT/)]);
});

test('without a cluster no file is left behind', async () => {
  using folder = temporaryFolder();
  const { code, err } = await typed(`bug-report ${join(folder.path, 'x')}`, { api: { url: 'http://127.0.0.1:1' } });
  expect([code, err]).toEqual([1, expect.stringMatching(/^ambientctl: the cluster cannot be reached: /)]);
  expect(existsSync(join(folder.path, 'x'))).toBe(false);
});

test('Ctrl-C leaves no half of a file behind', async () => {
  await using api = await cluster();
  using folder = temporaryFolder();
  const stop = new AbortController();
  const others = api.intercept;
  api.intercept = (request, response, url) => {
    if (!url.pathname.endsWith('/services')) return others(request, response, url);
    stop.abort();
    answer(response, statusAnswer(500, 'Late'));
    return true;
  };
  expect(await typed(`bug-report ${join(folder.path, 'x')}`, { api, signal: stop.signal })).toMatchObject({ code: 130, out: '' });
  expect(readdirSync(folder.path)).toEqual([]);
});
