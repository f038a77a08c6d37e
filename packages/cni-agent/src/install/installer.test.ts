// The installer on real folders: what it puts there, what it puts right and how soon, and what it leaves when it goes.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { PluginEntry } from './conflist.ts';
import { Installer } from './installer.ts';

const entry: PluginEntry = { name: 'istio-cni', type: 'istio-cni' };
const bridge = { type: 'bridge' };
const patience = { timeout: 8_000, interval: 20 };

let folder: string;
let token: string;
let stop: AbortController;
let running: Promise<void>;
const said = { installed: [] as string[][], failed: [] as string[], fighting: 0, ready: [] as boolean[] };

const at = (...path: readonly string[]): string => join(folder, ...path);
const conf = (name = '10-a.conflist'): { plugins: { type: string }[] } => JSON.parse(readFileSync(at('net.d', name), 'utf8'));
const types = (name?: string): readonly string[] => conf(name).plugins.map(({ type }) => type);
const putPrimary = (name = '10-a.conflist', mode = 0o644): void => {
  writeFileSync(at('net.d', `${name}.new`), JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins: [bridge] }), { mode });
  renameSync(at('net.d', `${name}.new`), at('net.d', name));
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'installer-'));
  for (const name of ['net.d', 'bin', 'run']) mkdirSync(at(name));
  writeFileSync(at('plugin'), '#!/bin/sh\nsleep 0.3; echo plugin\n', { mode: 0o700 });
  putPrimary();
  token = 'first';
  Object.assign(said, { installed: [], failed: [], fighting: 0, ready: [] });
  stop = new AbortController();
  running = Promise.resolve();
});
afterEach(async () => {
  stop.abort();
  await running;
  rmSync(folder, { recursive: true, force: true });
});

function installer(): Installer {
  return new Installer(
    {
      confName: '',
      chained: true,
      ownedConfig: false,
      ownedFilename: '02-istio-cni.conflist',
      entry,
      plugin: at('plugin'),
      binDir: at('bin'),
      netDir: at('net.d'),
      runDir: at('run'),
      kubeconfigMode: 0o600,
      confMode: 0o600,
    },
    {
      access: async () => ({ server: 'https://10.96.0.1:443', caPem: 'PEM', token }),
      clock: systemClock,
      report: {
        installed: (what) => said.installed.push([...what]),
        failed: (why) => said.failed.push(why),
        fighting: () => said.fighting++,
        ready: (isReady) => said.ready.push(isReady),
      },
    },
  );
}

async function installed(): Promise<Installer> {
  const made = installer();
  running = made.run(stop.signal);
  await vi.waitUntil(() => said.ready.at(-1) === true, patience);
  return made;
}

test('CopyBinaries: the plugin, the kubeconfig and the entry are put in place; leftovers of a crash go', async () => {
  writeFileSync(at('bin', 'istio-cni.tmp.4711'), 'half');
  writeFileSync(at('net.d', '10-a.conflist.tmp.4711'), 'half');
  await installed();
  expect(said.installed).toEqual([['plugin', 'kubeconfig', '10-a.conflist']]);
  expect(readFileSync(at('bin', 'istio-cni'), 'utf8')).toBe(readFileSync(at('plugin'), 'utf8'));
  expect(statSync(at('bin', 'istio-cni')).mode & 0o777).toBe(0o755);
  expect([readdirSync(at('bin')), readdirSync(at('net.d'))]).toEqual([['istio-cni'], ['10-a.conflist']]);
  expect(types()).toEqual(['bridge', 'istio-cni']);
  expect(statSync(at('net.d', '10-a.conflist')).mode & 0o777).toBe(0o644);
});

test('the kubeconfig is what the plugin reads, for its owner only', async () => {
  await installed();
  const path = at('run', 'istio-cni-kubeconfig');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
    clusters: [
      { name: 'local', cluster: { server: 'https://10.96.0.1:443', 'certificate-authority-data': Buffer.from('PEM').toString('base64') } },
    ],
    users: [{ name: 'istio-cni', user: { token: 'first' } }],
    contexts: [{ name: 'istio-cni-context' }],
    'current-context': 'istio-cni-context',
  });
});

test('a second installer, as after a restart, finds everything in place', async () => {
  await installed();
  stop.abort();
  await running;
  stop = new AbortController();
  said.installed = [];
  said.ready = [];
  await installed();
  expect(said.installed).toEqual([]);
});

const drifts: readonly (readonly [name: string, drift: () => void])[] = [
  ['our entry is removed', () => putPrimary()],
  [
    'the file is removed and made anew',
    () => {
      rmSync(at('net.d', '10-a.conflist'));
      putPrimary();
    },
  ],
  ['another file takes the first place', () => putPrimary('05-b.conflist')],
  ['the file is renamed', () => renameSync(at('net.d', '10-a.conflist'), at('net.d', '30-c.conflist'))],
  ['the plugin is removed', () => rmSync(at('bin', 'istio-cni'))],
  ['the plugin is replaced', () => writeFileSync(at('bin', 'istio-cni'), 'something else')],
  ['the plugin may not be run', () => chmodSync(at('bin', 'istio-cni'), 0o644)],
  ['the kubeconfig is removed', () => rmSync(at('run', 'istio-cni-kubeconfig'))],
  ['the kubeconfig can be read by all', () => chmodSync(at('run', 'istio-cni-kubeconfig'), 0o644)],
];
test.each(drifts)('SleepCheckInstall: %s, and all is as it was', async (_, drift) => {
  await installed();
  drift();
  const isRight = (): boolean => {
    const first = readdirSync(at('net.d'))
      .filter((name) => name.endsWith('.conflist'))
      .sort()[0];
    const plugin = statSync(at('bin', 'istio-cni'), { throwIfNoEntry: false });
    const kubeconfig = statSync(at('run', 'istio-cni-kubeconfig'), { throwIfNoEntry: false });
    return (
      first !== undefined &&
      types(first).join() === 'bridge,istio-cni' &&
      plugin !== undefined &&
      (plugin.mode & 0o777) === 0o755 &&
      readFileSync(at('bin', 'istio-cni'), 'utf8').includes('echo plugin') &&
      kubeconfig !== undefined &&
      (kubeconfig.mode & 0o777) === 0o600
    );
  };
  await vi.waitUntil(isRight, patience);
});

test('a token that was renewed is in the kubeconfig soon', async () => {
  await installed();
  token = 'second';
  // Any change makes it look; without one it looks in time.
  utimesSync(at('run'), new Date(), new Date());
  writeFileSync(at('run', 'something'), '');
  await vi.waitUntil(() => readFileSync(at('run', 'istio-cni-kubeconfig'), 'utf8').includes('second'), patience);
});

test('without a configuration it waits, says for what, and goes on when one appears', async () => {
  rmSync(at('net.d', '10-a.conflist'));
  running = installer().run(stop.signal);
  await vi.waitUntil(() => said.failed.length > 0, patience);
  expect([said.failed[0], said.ready]).toEqual([expect.stringContaining('waiting for a CNI configuration'), [false]]);
  putPrimary();
  await vi.waitUntil(() => said.ready.at(-1) === true, patience);
  expect(types()).toEqual(['bridge', 'istio-cni']);
});

test('a folder that is not there is said; once it is there all is well', async () => {
  rmSync(at('net.d'), { recursive: true });
  running = installer().run(stop.signal);
  await vi.waitUntil(() => said.failed.length > 0, patience);
  expect(said.failed[0]).toContain('net.d');
  mkdirSync(at('net.d'));
  putPrimary();
  await vi.waitUntil(() => said.ready.at(-1) === true, { timeout: 15_000, interval: 50 });
}, 20_000);

test('somebody who changes everything back is said, and not fought without end', async () => {
  await installed();
  const began = Date.now();
  let changes = 0;
  while (said.fighting === 0 && changes < 200) {
    if (types().includes('istio-cni')) {
      putPrimary();
      changes++;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(said.fighting).toBeGreaterThan(0);
  expect(changes).toBeLessThan(20);
  expect(Date.now() - began).toBeLessThan(15_000);
}, 30_000);

test('who reads the configuration meanwhile never sees half of it', async () => {
  await installed();
  let reads = 0;
  for (let i = 0; i < 5; i++) {
    putPrimary();
    while (!types().includes('istio-cni')) {
      reads++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  expect(reads).toBeGreaterThan(0);
}, 30_000);

test('a plugin that is being run can be replaced', async () => {
  await installed();
  const child = spawn(at('bin', 'istio-cni'), { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child, 'spawn');
  writeFileSync(at('plugin'), '#!/bin/sh\necho newer\n', { mode: 0o700 });
  writeFileSync(at('bin', 'wake'), '');
  await vi.waitUntil(() => readFileSync(at('bin', 'istio-cni'), 'utf8').includes('newer'), patience);
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  expect(String(text)).toBe('plugin\n');
  expect((await promisify(execFile)(at('bin', 'istio-cni'))).stdout).toBe('newer\n');
});

test('Cleanup: nothing of ours is left, what is not ours stays, and a second time is no error', async () => {
  const made = await installed();
  stop.abort();
  await running;
  copyFileSync(at('plugin'), at('bin', 'bridge'));
  for (let i = 0; i < 2; i++) await made.cleanUp();
  expect([readdirSync(at('bin')), readdirSync(at('run')), types()]).toEqual([['bridge'], [], ['bridge']]);
});
