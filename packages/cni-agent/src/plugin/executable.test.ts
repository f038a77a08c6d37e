// The plugin as container runtimes run it: the built executable against the agent's real server, and against an API server when the agent is away.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { ApiServer } from '@ambient-mesh/kube/testing/api-server';
import { systemClock } from '@ambient-mesh/runtime/time';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { builtPlugin, type PluginRun, runPlugin } from '../testing/built-plugin.ts';
import type { AddRequest, PluginLine } from './event.ts';
import { type PluginPorts, PluginServer } from './server.ts';

let plugin: string;
beforeAll(async () => {
  plugin = await builtPlugin();
}, 120_000);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plugin-'));
});
afterEach(() => rm(folder, { recursive: true }));

const prevResult = {
  cniVersion: '1.0.0',
  interfaces: [{ name: 'eth0', sandbox: '/run/netns/a' }],
  ips: [{ address: '10.0.0.5/24', interface: 0 }, { address: 'fd00::5/64' }],
  dns: {},
};

interface Given {
  readonly command?: string;
  readonly pod?: string;
  readonly namespace?: string;
  /** Fields of the chain entry. */
  readonly entry?: object;
}

const entry = (more: object = {}) => ({
  cniVersion: '1.0.0',
  name: 'k8s-pod-network',
  type: 'istio-cni',
  cni_agent_run_dir: folder,
  exclude_namespaces: ['kube-system'],
  pod_namespace: 'istio-system',
  prevResult,
  ...more,
});

const environment = ({ command = 'ADD', pod = 'web-0', namespace = 'shop' }: Given) => ({
  CNI_COMMAND: command,
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/a',
  CNI_IFNAME: 'eth0',
  CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${pod};K8S_POD_UID=u1`,
});

const run = (given: Given = {}): Promise<PluginRun> => runPlugin(plugin, environment(given), JSON.stringify(entry(given.entry)));

const passed = (got: PluginRun): void => {
  expect(got).toMatchObject({ exitCode: 0, stderr: '' });
  expect(JSON.parse(got.stdout)).toEqual(prevResult);
};

const refused = (got: PluginRun, code: number, says: string): void => {
  expect(got).toMatchObject({ exitCode: 1, stderr: '' });
  expect(JSON.parse(got.stdout)).toMatchObject({ code });
  expect(got.stdout).toContain(says);
};

const mustNotBeAsked: PluginPorts = {
  add: async () => {
    throw new Error('asked about a pod that nobody should be asked about');
  },
  check: async () => 'not-enrolled',
  log: () => {},
  answered: () => {},
  clock: systemClock,
};

describe('with an agent', () => {
  test('a pod of the mesh starts when it is enrolled; the agent hears all about it, and the log', async () => {
    const asked: AddRequest[] = [];
    const lines: PluginLine[] = [];
    await using _ = await PluginServer.listen(folder, {
      ...mustNotBeAsked,
      add: async (request) => {
        asked.push(request);
        return 'in-mesh';
      },
      log: (line) => lines.push(line),
    });
    passed(await run());
    expect(asked).toEqual([{ namespace: 'shop', pod: 'web-0', uid: 'u1', netns: '/run/netns/a', ips: ['10.0.0.5', 'fd00::5'] }]);
    expect(lines).toMatchObject([{ level: 'info', message: 'passed: it is enrolled', fields: { pod: 'web-0', namespace: 'shop' } }]);
  });

  test('a pod outside the mesh starts', async () => {
    await using _ = await PluginServer.listen(folder, { ...mustNotBeAsked, add: async () => 'not-in-mesh' });
    passed(await run());
  });

  test('when the agent fails, the pod does not start, and the user reads why', async () => {
    const add = async () => Promise.reject(new Error('no ztunnel is connected'));
    await using _ = await PluginServer.listen(folder, { ...mustNotBeAsked, add });
    refused(await run(), 11, 'the node agent answered 500: no ztunnel is connected');
  });

  test('nobody is asked about an excluded namespace, the agent itself, or anything when ambient mode is off', async () => {
    await using _ = await PluginServer.listen(folder, mustNotBeAsked);
    passed(await run({ namespace: 'kube-system' }));
    passed(await run({ namespace: 'istio-system', pod: 'istio-cni-node-abcde' }));
    passed(await run({ entry: { ambient_enabled: false } }));
  });

  test('CHECK says nothing for a pod that is enrolled, and refuses one that should be', async () => {
    {
      await using _ = await PluginServer.listen(folder, { ...mustNotBeAsked, check: async () => 'enrolled' });
      expect(await run({ command: 'CHECK' })).toEqual({ exitCode: 0, stdout: '', stderr: '' });
      expect(await run({ command: 'STATUS', entry: { cniVersion: '1.1.0' } })).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    }
    await using _ = await PluginServer.listen(folder, mustNotBeAsked);
    refused(await run({ command: 'CHECK' }), 100, 'not enrolled');
  });
});

describe('without an agent', () => {
  const authority = testAuthority();
  const certificate = authority.custom({ dnsNames: ['localhost'] });
  let api: ApiServer;
  beforeAll(async () => {
    api = await ApiServer.start({
      listener: (handler) => createServer({ key: certificate.keyPem, cert: certificate.certChainPem }, handler),
    });
    api.intercept = (request, response) => {
      if (request.headers.authorization === 'Bearer secret') return false;
      response.writeHead(401).end();
      return true;
    };
  });
  afterAll(() => api[Symbol.asyncDispose]());

  /** Under the name that its certificate has. */
  const url = () => `https://localhost:${api.port}`;

  /** As the agent leaves it. */
  const leave = (server = url(), token = 'secret') =>
    writeFile(
      join(folder, 'istio-cni-kubeconfig'),
      JSON.stringify({
        clusters: [{ name: 'local', cluster: { server, 'certificate-authority-data': btoa(authority.rootsPem.join('\n')) } }],
        users: [{ name: 'istio-cni', user: { token } }],
        contexts: [{ name: 'istio-cni-context', context: { cluster: 'local', user: 'istio-cni' } }],
      }),
    );

  function put(namespaceLabels: object, labels: object = {}, annotations: object = {}): void {
    api.objects.put('/api/v1/namespaces', 'shop', { metadata: { labels: namespaceLabels } });
    api.objects.put('/api/v1/namespaces/shop/pods', 'web-0', { metadata: { labels, annotations }, spec: {} });
  }
  const ambient = { 'istio.io/dataplane-mode': 'ambient' };
  const none = { 'istio.io/dataplane-mode': 'none' };

  const rows: readonly (readonly [
    rule: string,
    labels: readonly [namespace: object, pod?: object, annotations?: object],
    starts: boolean,
  ])[] = [
    ['ambient on its namespace: it does not start', [ambient], false],
    ['a sidecar: it starts', [ambient, {}, { 'sidecar.istio.io/status': '' }], true],
    ['disabled by its label: it starts', [ambient, none], true],
    ['enabled, its namespace disabled: it does not start', [none, ambient], false],
    ['no labels: it starts', [{}], true],
  ];
  test.each(rows)('%s', async (_, labels, starts) => {
    await leave();
    put(...labels);
    const got = await run();
    if (starts) passed(got);
    else refused(got, 11, 'belongs in the mesh, but the node agent could not be contacted');
  });

  test('the agent itself needs neither socket nor API server, nor a configuration that makes sense', async () => {
    passed(await run({ namespace: 'istio-system', pod: 'istio-cni-node-abcde', entry: { exclude_namespaces: 7 } }));
  });

  test('an excluded namespace needs neither', async () => passed(await run({ namespace: 'kube-system' })));

  test('when nobody can say, it does not start; without detection retry it does', async () => {
    refused(await run(), 11, 'istio-cni-kubeconfig');
    await leave('https://127.0.0.1:1');
    refused(await run(), 11, 'ECONNREFUSED');
    passed(await run({ entry: { enable_ambient_detection_retry: false } }));
    await leave(url(), 'stale');
    refused(await run(), 11, '401');
    await leave();
    refused(await run({ pod: 'unheard-of' }), 11, '404');
  });

  test('what was refused is in the log file', async () => {
    await run();
    expect(JSON.parse(await readFile(join(folder, 'istio-cni.log'), 'utf8'))).toMatchObject({
      level: 'error',
      pod: 'web-0',
      scope: 'cni-plugin',
    });
  });

  test('STATUS calls the node ready, or the agent could never be started on it; CHECK holds nothing against a pod', async () => {
    expect(await run({ command: 'STATUS', entry: { cniVersion: '1.1.0' } })).toMatchObject({ exitCode: 0, stdout: '' });
    expect(await run({ command: 'CHECK' })).toMatchObject({ exitCode: 0, stdout: '' });
  });
});

describe('by itself', () => {
  test('without prevResult nothing starts', async () => refused(await run({ entry: { prevResult: undefined } }), 7, 'prevResult'));
  test('a bad entry is refused', async () => refused(await run({ entry: { exclude_namespaces: 7 } }), 7, 'exclude_namespaces'));
  test('DEL and GC succeed with anything', async () => {
    for (const command of ['DEL', 'GC']) {
      expect(await runPlugin(plugin, { CNI_COMMAND: command }, 'garbage')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    }
  });
  test('VERSION', async () => {
    const { stdout } = await runPlugin(plugin, { CNI_COMMAND: 'VERSION' }, '{"cniVersion":"1.1.0"}');
    expect(JSON.parse(stdout)).toMatchObject({ cniVersion: '1.1.0' });
  });
  test('a human is told what it is', async () => {
    const { exitCode, stderr } = await runPlugin(plugin, {}, '');
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('run by container runtimes')]);
  });
  test('the environment says nothing about how Node runs', async () => {
    expect((await runPlugin(plugin, { CNI_COMMAND: 'DEL', NODE_OPTIONS: '--bogus' }, '')).exitCode).toBe(0);
  });
  test('more input than anybody sends is refused', async () => {
    refused(await runPlugin(plugin, environment({}), Buffer.alloc(2 * 1024 * 1024, 0x20)), 6, 'standard input');
  });
  test('any bytes on standard input give an error object, in time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('ADD', 'CHECK', 'STATUS'), fc.uint8Array({ maxLength: 300 }), async (command, bytes) => {
        const { exitCode, stdout } = await runPlugin(plugin, environment({ command }), bytes);
        expect([exitCode, JSON.parse(stdout)]).toEqual([1, expect.objectContaining({ code: 6, msg: expect.any(String) })]);
      }),
      { numRuns: 25 },
    );
  }, 30_000);
  test('from its start to the runtime’s answer it takes well under 150 ms', async () => {
    await using _ = await PluginServer.listen(folder, { ...mustNotBeAsked, add: async () => 'not-in-mesh' });
    const took: number[] = [];
    for (let at = 0; at < 7; at++) {
      const start = performance.now();
      passed(await run());
      took.push(performance.now() - start);
    }
    // The fastest, because the machine has other things to do.
    expect(Math.min(...took)).toBeLessThan(150);
  });
});
