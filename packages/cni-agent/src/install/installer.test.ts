// The installer on real folders with a chain that it extends: what it puts there, what it puts right and how soon, and what it leaves.
// Other kinds of chains and trouble with them: installer.modes.test.ts.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { InstallScene, patience, primaryText } from '../testing/install-scene.ts';

let scene: InstallScene;
beforeEach(() => {
  scene = new InstallScene();
});
afterEach(() => scene[Symbol.asyncDispose]());

test('CopyBinaries: the plugin, the kubeconfig and the entry are put in place; leftovers of a crash go', async () => {
  for (const path of ['bin/istio-cni', 'net.d/10-a.conflist', 'run/istio-cni-kubeconfig'])
    writeFileSync(scene.at(`${path}.tmp.4711`), 'half');
  chmodSync(scene.at('net.d', '10-a.conflist'), 0o644);
  await scene.installed();
  expect(scene.said.installed).toEqual([['plugin', 'kubeconfig', '10-a.conflist']]);
  expect(['bin', 'net.d', 'run'].map((name) => scene.names(name))).toEqual([['istio-cni'], ['10-a.conflist'], ['istio-cni-kubeconfig']]);
  expect([scene.isRight(), scene.mode('net.d', '10-a.conflist')]).toEqual([true, 0o644]);
});

test('the kubeconfig is what the plugin reads, for its owner only', async () => {
  await scene.installed();
  expect(scene.mode('run', 'istio-cni-kubeconfig')).toBe(0o600);
  expect(JSON.parse(readFileSync(scene.at('run', 'istio-cni-kubeconfig'), 'utf8'))).toEqual({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'local', cluster: { server: 'https://10.96.0.1:443', 'certificate-authority-data': Buffer.from('PEM').toString('base64') } },
    ],
    users: [{ name: 'istio-cni', user: { token: 'first' } }],
    contexts: [{ name: 'istio-cni-context', context: { cluster: 'local', user: 'istio-cni' } }],
    'current-context': 'istio-cni-context',
  });
});

test('a second installer, as after a restart, finds everything in place', async () => {
  await scene.installed();
  await scene.stop();
  await scene.installed();
  expect(scene.said.installed).toEqual([]);
});

const drifts: readonly (readonly [name: string, drift: () => void])[] = [
  ['our entry is removed', () => scene.putPrimary()],
  [
    'the file is removed and made anew',
    () => {
      rmSync(scene.at('net.d', '10-a.conflist'));
      scene.putPrimary();
    },
  ],
  ['another file takes the first place', () => scene.putPrimary('05-b.conflist')],
  ['the file is renamed', () => renameSync(scene.at('net.d', '10-a.conflist'), scene.at('net.d', '30-c.conflist'))],
  [
    'the network plugin makes its single configuration again',
    () => {
      rmSync(scene.at('net.d', '10-a.conflist'));
      scene.putPrimary('10-a.conf', '{"type":"bridge"}');
    },
  ],
  ['the plugin is removed', () => rmSync(scene.at('bin', 'istio-cni'))],
  ['the plugin is replaced', () => writeFileSync(scene.at('bin', 'istio-cni'), 'something else')],
  ['the plugin may not be run', () => chmodSync(scene.at('bin', 'istio-cni'), 0o644)],
  ['the kubeconfig is removed', () => rmSync(scene.at('run', 'istio-cni-kubeconfig'))],
  ['the kubeconfig can be read by all', () => chmodSync(scene.at('run', 'istio-cni-kubeconfig'), 0o644)],
  ['the kubeconfig is another one', () => writeFileSync(scene.at('run', 'istio-cni-kubeconfig'), '{}')],
];
describe.each(drifts)('SleepCheckInstall: %s', (_, drift) => {
  test('while it runs, and all is as it was', async () => {
    await scene.installed();
    drift();
    await vi.waitUntil(() => scene.isRight(), patience);
    expect(scene.said.failed).toEqual([]);
  });
  test('while none runs, and the next one puts it right', async () => {
    await scene.installed();
    await scene.stop();
    drift();
    await scene.installed();
    expect([scene.isRight(), scene.said.failed]).toEqual([true, []]);
  });
  test('while it looks, and it is seen', async () => {
    const access = scene.access;
    let looks = 0;
    // The second look finds everything in place up to here.
    scene.access = async () => {
      if (++looks === 2) drift();
      return access();
    };
    await scene.installed();
    await vi.waitUntil(() => looks > 2 && scene.isRight(), patience);
  });
});

test('a token that was renewed is in the kubeconfig within seconds, though nothing happens in the folders', async () => {
  const clock = fakeClock();
  await scene.installed({}, clock);
  scene.token = 'second';
  await vi.waitUntil(async () => {
    await clock.advance(ms(1_000));
    return scene.isRight();
  }, patience);
  expect(clock.monotonic()).toBeLessThan(20_000);
});

test('somebody who changes everything back is said, and not fought faster than every five seconds', async () => {
  const clock = fakeClock();
  await scene.installed({}, clock);
  const began = clock.monotonic();
  while (clock.monotonic() < began + 120_000) {
    if (scene.types().includes('istio-cni')) scene.putPrimary();
    await clock.advance(ms(250));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const repairs = scene.said.installed.length;
  expect(repairs).toBeGreaterThan(6);
  expect(repairs).toBeLessThan(6 + 120 / 5 + 1);
  const { fighting } = scene.said;
  expect(fighting).toBeGreaterThan(0);
  // When the other side gives up there is peace, and no more talk of a fight.
  await vi.waitUntil(async () => {
    await clock.advance(ms(1_000));
    return scene.isRight();
  }, patience);
  for (let i = 0; i < 30; i++) await clock.advance(ms(1_000));
  expect(scene.said.fighting).toBeLessThanOrEqual(fighting + 1);
}, 30_000);

test('who reads configuration and kubeconfig meanwhile never sees half of one, nor a moment without', async () => {
  await scene.installed();
  const paths = [scene.at('net.d', '10-a.conflist'), scene.at('run', 'istio-cni-kubeconfig')];
  const reader = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const { readFileSync } = require('node:fs');
     let reads = 0, isOver = false;
     parentPort.once('message', () => { isOver = true; });
     (function read() {
       for (let i = 0; i < 200; i++, reads++) for (const path of workerData) JSON.parse(readFileSync(path, 'utf8'));
       if (isOver) parentPort.postMessage(reads); else setImmediate(read);
     })();`,
    { eval: true, workerData: paths },
  );
  await once(reader, 'online');
  for (let i = 0; i < 4; i++) {
    scene.token = 'x'.repeat(2_000 * (i + 1));
    scene.putPrimary();
    await vi.waitUntil(() => scene.isRight(), patience);
  }
  reader.postMessage('enough');
  expect((await once(reader, 'message'))[0]).toBeGreaterThan(0);
}, 30_000);

test('a plugin that is being run can be replaced', async () => {
  await scene.installed();
  const child = spawn(scene.at('bin', 'istio-cni'), { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child, 'spawn');
  writeFileSync(scene.at('plugin'), '#!/bin/sh\necho newer\n', { mode: 0o700 });
  writeFileSync(scene.at('bin', 'wake'), '');
  await vi.waitUntil(() => scene.isRight(), patience);
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  expect(String(text)).toBe('plugin\n');
  expect((await promisify(execFile)(scene.at('bin', 'istio-cni'))).stdout).toBe('newer\n');
});

test('a program that is being run can be replaced', async () => {
  // A script is only read; an executable may not be written while it runs.
  copyFileSync('/bin/sleep', scene.at('plugin'));
  await scene.installed();
  const child = spawn(scene.at('bin', 'istio-cni'), ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  copyFileSync('/bin/true', scene.at('plugin'));
  writeFileSync(scene.at('bin', 'wake'), '');
  await vi.waitUntil(() => scene.isRight(), patience);
  expect([child.exitCode, scene.said.failed]).toEqual([null, []]);
  child.kill();
  await once(child, 'exit');
});

describe('Cleanup', () => {
  test('nothing of ours is left, what is not ours stays, and a second time is no error', async () => {
    const made = await scene.installed();
    await scene.stop();
    copyFileSync(scene.at('plugin'), scene.at('bin', 'bridge'));
    writeFileSync(scene.at('bin', 'istio-cni.tmp.12'), 'half');
    writeFileSync(scene.at('run', 'istio-cni-kubeconfig.tmp.12'), 'half');
    for (let i = 0; i < 2; i++) await made.cleanUp();
    expect([scene.names('bin'), scene.names('run'), scene.names('net.d')]).toEqual([['bridge'], [], ['10-a.conflist']]);
    expect(JSON.parse(readFileSync(scene.at('net.d', '10-a.conflist'), 'utf8'))).toEqual(JSON.parse(primaryText));
  });

  test('what agents with other wishes left goes as well', async () => {
    for (const wishes of [{ ownedConfig: true }, { chained: false }, {}]) {
      await scene.installed(wishes);
      await scene.stop();
      scene.putPrimary('20-b.conflist', readFileSync(scene.at('net.d', '10-a.conflist'), 'utf8'));
    }
    await scene.installer({ ownedConfig: true }).cleanUp();
    expect([scene.names('net.d'), scene.types(), scene.types('20-b.conflist')]).toEqual([
      ['10-a.conflist', '20-b.conflist'],
      ['bridge'],
      ['bridge'],
    ]);
  });

  test('folders that are not there hold nothing', async () => {
    for (const name of ['net.d', 'bin', 'run']) rmSync(scene.at(name), { recursive: true });
    await scene.installer().cleanUp();
  });

  test('as long as the entry cannot be removed, the plugin that it needs stays', async () => {
    const made = await scene.installed();
    await scene.stop();
    renameSync(scene.at('net.d'), scene.at('aside'));
    writeFileSync(scene.at('net.d'), 'no folder');
    await expect(made.cleanUp()).rejects.toThrow('net.d');
    expect(scene.names('bin')).toEqual(['istio-cni']);
    rmSync(scene.at('net.d'));
    mkdirSync(scene.at('net.d'));
  });
});
