// The admin, metrics and readiness pages over real HTTP: what tools ask for, and what must be refused.
import { once } from 'node:events';
import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { describeCredentials } from '@ambient-mesh/identity/credentials';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { dumpMesh } from '@ambient-mesh/model/config-dump';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { ip, meshOf, policy, service, workload } from '@ambient-mesh/model/testing';
import { type HttpServer, type Route, serveHttp } from '@ambient-mesh/runtime/http';
import { Log } from '@ambient-mesh/runtime/log';
import { Readiness } from '@ambient-mesh/runtime/readiness';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test } from 'vitest';
import type { DumpPorts } from './config-dump.ts';
import { contentType, metricsRoutes } from './metrics.ts';
import { adminRoutes } from './pages.ts';
import { cpuProfiler } from './profile.ts';
import { readinessRoutes } from './readiness.ts';

const open: HttpServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly encoding: string | undefined;
  readonly bytes: Buffer;
  readonly text: string;
}

async function start(
  routes: readonly Route[],
): Promise<(method: string, path: string, headers?: Record<string, string>) => Promise<Answer>> {
  const server = await serveHttp({ listen: [{ ip: '127.0.0.1', port: 0 }], routes });
  open.push(server);
  const port = server.addresses[0]?.port;
  return async (method, path, headers = {}) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers: { connection: 'close', ...headers } }).end();
    const [response] = await once(asked, 'response');
    const bytes = Buffer.concat(await response.toArray());
    return {
      status: response.statusCode,
      type: response.headers['content-type'],
      encoding: response.headers['content-encoding'],
      bytes,
      text: bytes.toString(),
    };
  };
}

const emptyDump: DumpPorts = {
  mesh: () => ({ workloads: [], services: [], policies: [], stagedServices: {} }),
  certificates: () => [],
  pods: undefined,
  staticConfig: undefined,
  version: {},
  config: {},
};

function admin(dump: DumpPorts = emptyDump) {
  const log = new Log({ format: 'plain', directives: 'info', write: () => {}, clock: systemClock });
  const calls = { shutDown: 0 };
  const change = (text: string): void => {
    log.directives = text;
  };
  const routes = adminRoutes({
    dump,
    log: { current: () => log.directives, initial: 'info', change },
    shutDown: () => {
      calls.shutDown += 1;
    },
    profile: cpuProfiler(systemClock),
  });
  return { routes, calls, log };
}

describe('readiness', () => {
  test('500 names what is awaited, sorted; 200 when nothing is', async () => {
    const readiness = new Readiness();
    const ask = await start(readinessRoutes(readiness));
    const tokens = [readiness.expect('state manager'), readiness.expect('proxy')];
    expect(await ask('GET', '/healthz/ready')).toMatchObject({ status: 500, text: 'not ready, pending: proxy, state manager\n' });
    for (const token of tokens) token[Symbol.dispose]();
    expect(await ask('GET', '/healthz/ready')).toMatchObject({ status: 200, text: 'ready\n' });
    expect((await ask('POST', '/healthz/ready')).status).toBe(405);
    expect((await ask('GET', '/healthz/live')).status).toBe(404);
  });
});

describe('metrics', () => {
  const openMetrics = 'application/openmetrics-text;charset=utf-8;version=1.0.0';
  const rows: readonly (readonly [accept: string | undefined, want: string])[] = [
    [undefined, 'text/plain; charset=utf-8'],
    ['*/*', 'text/plain; charset=utf-8'],
    ['text/plain', 'text/plain; charset=utf-8'],
    ['application/openmetrics-text', openMetrics],
    ['Application/OpenMetrics-Text; version=0.0.1', openMetrics],
    ['text/plain;q=1, application/openmetrics-text;version=1.0.0;q=0.1', openMetrics],
    ['application/openmetrics-textual', 'text/plain; charset=utf-8'],
  ];
  for (const [accept, want] of rows) test(`Accept: ${accept} gets ${want}`, () => expect(contentType(accept)).toBe(want));

  test('both paths, any method, and compressed as asked', async () => {
    const page = `${'istio_x 1\n'.repeat(100)}# EOF\n`;
    const ask = await start(metricsRoutes(async () => page));
    for (const path of ['/metrics', '/stats/prometheus', '/metrics?x=y'])
      expect(await ask('POST', path)).toMatchObject({ status: 200, text: page });
    expect((await ask('GET', '/other')).status).toBe(404);
    const codings = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync, deflate: inflateSync };
    for (const [coding, open] of Object.entries(codings)) {
      const got = await ask('GET', '/metrics', { 'accept-encoding': coding });
      expect([got.encoding, open(got.bytes).toString()]).toEqual([coding, page]);
    }
  });
});

describe('admin', () => {
  test('the first page lists the others; unknown paths are 404', async () => {
    const ask = await start(admin().routes);
    const page = await ask('GET', '/');
    expect([page.status, page.type]).toEqual([200, 'text/html; charset=utf-8']);
    for (const path of ['config_dump', 'logging', 'quitquitquit', 'debug/pprof/profile']) expect(page.text).toContain(`href="${path}"`);
    for (const path of ['/nothing', '//', '/config_dump/', '/%2e%2e/']) expect((await ask('GET', path)).status).toBe(404);
  });
  test('quitquitquit takes POST only', async () => {
    const { routes, calls } = admin();
    const ask = await start(routes);
    expect((await ask('GET', '/quitquitquit')).status).toBe(405);
    expect(calls.shutDown).toBe(0);
    expect(await ask('POST', '/quitquitquit')).toMatchObject({ status: 200, text: 'shutdown now\n' });
    expect(calls.shutDown).toBe(1);
  });

  const logging: readonly (readonly [name: string, method: string, query: string, status: number, text: RegExp])[] = [
    ['shows what is in force', 'POST', '', 200, /^current log level is info\n$/],
    ['GET is refused with help', 'GET', '', 405, /usage: POST \/logging/],
    ['a level for everything', 'POST', '?level=debug', 200, /^current log level is debug\n$/],
    ['a level for a target is added', 'POST', '?level=access%3Ddebug,dns=warn', 200, /^current log level is access=debug,dns=warn,info\n$/],
    ['nonsense is refused with help', 'POST', '?level=loud', 400, /loud[\s\S]*usage: POST/],
    ['a bare target is refused', 'POST', '?level=access', 400, /usage/],
    ['one bad part refuses all', 'POST', '?level=debug,x=loud', 400, /usage/],
    ['an empty level is refused', 'POST', '?level=', 400, /usage/],
    ['an unknown parameter is refused', 'POST', '?lvel=debug', 400, /usage/],
  ];
  for (const [name, method, query, status, text] of logging) {
    test(`logging: ${name}`, async () => {
      const { routes, log } = admin();
      const got = await (await start(routes))(method, `/logging${query}`);
      expect(got.status).toBe(status);
      expect(got.text).toMatch(text);
      if (status !== 200) expect(log.directives).toBe('info');
    });
  }
  test('logging: reset goes back to the start, then adds', async () => {
    const ask = await start(admin().routes);
    await ask('POST', '/logging?level=trace,dns=off');
    expect((await ask('POST', '/logging?reset')).text).toBe('current log level is info\n');
    await ask('POST', '/logging?level=trace,dns=off');
    expect((await ask('POST', '/logging?reset=true&level=dns%3Ddebug')).text).toBe('current log level is dns=debug,info\n');
  });

  for (const query of ['seconds=0', 'seconds=301', 'seconds=x', 'seconds=1.5', 'frequency=0', 'frequency=1001', 'frequency=-1']) {
    test(`profile: ${query} is refused`, async () =>
      expect((await (await start(admin().routes))('GET', `/debug/pprof/profile?${query}`)).status).toBe(400));
  }
  test('profile: a pprof file; a second one at the same time is refused', async () => {
    const ask = await start(admin().routes);
    const first = ask('GET', '/debug/pprof/profile?seconds=1&frequency=1000');
    const second = ask('GET', '/debug/pprof/profile?seconds=1');
    const answers = await Promise.all([first, second]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 500]);
    const file = gunzipSync(answers.find(({ status }) => status === 200)?.bytes ?? '');
    for (const text of ['samples', 'count', 'cpu', 'nanoseconds', '(root)']) expect(file.includes(text)).toBe(true);
  });
  test('heap profiles say that there are none', async () => {
    const ask = await start(admin().routes);
    for (const path of ['/debug/pprof/heap', '/debug/pprof/heap/profiling']) expect((await ask('GET', path)).status).toBe(500);
  });
  test('a handler that fails is a 500 with the reason', async () => {
    const failing = {
      ...emptyDump,
      certificates: () => {
        throw new Error('no certificates');
      },
    };
    expect(await (await start(admin(failing).routes))('GET', '/config_dump')).toMatchObject({ status: 500, text: 'no certificates\n' });
  });
});

describe('config_dump', () => {
  test('a whole document', async () => {
    const id = spiffeId('cluster.local', 'ns', 'default');
    const mesh = meshOf({
      workloads: [
        workload({
          name: 'web',
          ips: ['10.0.0.1'],
          protocol: 'HBONE',
          serves: { 'ns/web.ns.svc.cluster.local': { 80: 8080 } },
          waypoint: { destination: { address: { network: '', ip: ip('10.0.0.9') } }, hboneMtlsPort: 15008 },
        }),
      ],
      services: [service({ hostname: 'web.ns.svc.cluster.local', vips: ['10.1.0.1'] })],
      policies: [policy({ name: 'p' })],
    });
    const connection = { src: '10.0.0.5:1', originalDst: null, actualDst: '10.0.0.1:80', protocol: 'HBONE' as const };
    const ask = await start(
      admin({
        mesh: () => dumpMesh(mesh),
        certificates: () => [{ identity: id.uri, state: 'Initializing', certChain: [], rootCerts: [] }],
        pods: async () => [
          { uid: 'u2', state: 'Up', info: podInfo, connections: { inbound: [connection], outbound: [] } },
          { uid: 'u1', state: 'Pending', info: podInfo },
        ],
        staticConfig: undefined,
        version: { version: '0.1.0' },
        config: { zone: 1, alpha: { secs: 1, nanos: 0 } },
      }).routes,
    );
    const got = await ask('GET', '/config_dump');
    expect(got.type).toBe('application/json');
    expect(got.text).toBe(`${JSON.stringify(golden, undefined, 2)}\n`);
  });
  test('certificates as the book shows them, and no key', async () => {
    const credentials = testAuthority().credentials('spiffe://cluster.local/ns/ns/sa/default');
    const certificates = () => [{ identity: credentials.identity.uri, state: 'Available', ...describeCredentials(credentials) }];
    const got = await (await start(admin({ ...emptyDump, certificates }).routes))('GET', '/config_dump');
    const [shown] = JSON.parse(got.text).certificates;
    expect(Object.keys(shown)).toEqual(['certChain', 'identity', 'rootCerts', 'state']);
    expect(shown.certChain[0]).toMatchObject({
      serialNumber: expect.stringMatching(/^\d+$/),
      validFrom: expect.stringMatching(/T\d\d:\d\d:\d\dZ$/),
    });
    expect(Buffer.from(shown.certChain[0].pem, 'base64').toString()).toContain('BEGIN CERTIFICATE');
    expect(got.text).not.toContain('PRIVATE');
    expect(got.text).not.toContain(Buffer.from('PRIVATE KEY').toString('base64').slice(0, 12));
  });
});

const uid = 'cluster1//Pod/ns/web';
const podInfo = { name: 'web', namespace: 'ns', serviceAccount: 'default' };
/** Keys in the order in which they must be printed. */
const golden = {
  certificates: [{ certChain: [], identity: 'spiffe://cluster.local/ns/ns/sa/default', rootCerts: [], state: 'Initializing' }],
  config: { alpha: { nanos: 0, secs: 1 }, zone: 1 },
  policies: [{ action: 'Allow', dryRun: false, name: 'p', namespace: 'ns', rules: [], scope: 'Namespace' }],
  services: [
    {
      canonical: false,
      endpoints: { [uid]: { port: { 80: 8080 }, status: 'Healthy', workloadUid: uid } },
      hostname: 'web.ns.svc.cluster.local',
      name: 'web',
      namespace: 'ns',
      ports: { 80: 8080 },
      subjectAltNames: [],
      vips: ['/10.1.0.1'],
      visibility: 'Public',
    },
  ],
  stagedServices: {},
  version: { version: '0.1.0' },
  workloadState: {
    u1: { info: podInfo, state: 'Pending' },
    u2: {
      connections: { inbound: [{ actualDst: '10.0.0.1:80', originalDst: null, protocol: 'HBONE', src: '10.0.0.5:1' }], outbound: [] },
      info: podInfo,
      state: 'Up',
    },
  },
  workloads: [
    {
      capacity: 1,
      clusterId: 'Kubernetes',
      name: 'web',
      namespace: 'ns',
      networkMode: 'Standard',
      node: 'n1',
      protocol: 'HBONE',
      serviceAccount: 'default',
      services: ['ns/web.ns.svc.cluster.local'],
      status: 'Healthy',
      trustDomain: 'cluster.local',
      uid,
      waypoint: { destination: '/10.0.0.9', hboneMtlsPort: 15008 },
      workloadIps: ['10.0.0.1'],
      workloadName: 'web',
      workloadType: 'pod',
    },
  ],
};
