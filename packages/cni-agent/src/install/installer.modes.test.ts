// The installer with a chain of its own or none, and with something missing, broken or misconfigured: it waits, says for what, and goes on.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { bridge, entry, InstallScene, patience, primaryText } from '../testing/install-scene.ts';

let scene: InstallScene;
beforeEach(() => {
  scene = new InstallScene();
});
afterEach(() => scene[Symbol.asyncDispose]());

const net = (name: string): string => scene.at('net.d', name);
const listOf = (...plugins: readonly object[]): string => JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins });

test('CreateCNIConfigFile: a chain of our own follows the primary, which stays as it is', async () => {
  await scene.installed({ ownedConfig: true });
  expect([scene.types('02-istio-cni.conflist'), readFileSync(net('10-a.conflist'), 'utf8')]).toEqual([
    ['bridge', 'istio-cni'],
    primaryText,
  ]);
  expect(scene.mode('net.d', '02-istio-cni.conflist')).toBe(scene.mode('net.d', '10-a.conflist'));
  scene.putPrimary('10-a.conflist', listOf(bridge, { type: 'portmap' }));
  await vi.waitUntil(() => scene.types('02-istio-cni.conflist').join() === 'bridge,portmap,istio-cni', patience);
  rmSync(net('02-istio-cni.conflist'));
  await vi.waitUntil(() => scene.names('net.d').includes('02-istio-cni.conflist'), patience);
});

test('a chain of our own stays while the primary is half written or gone', async () => {
  await scene.installed({ ownedConfig: true });
  writeFileSync(net('10-a.conflist'), '{"plu');
  await scene.notReady();
  rmSync(net('10-a.conflist'));
  await vi.waitUntil(() => scene.said.failed.length === 2, patience);
  expect(scene.types('02-istio-cni.conflist')).toEqual(['bridge', 'istio-cni']);
  scene.putPrimary();
  await scene.ready();
});

test('alone, for multus: a configuration of its own with the mode that is wished for, which Cleanup removes', async () => {
  const wishes = { chained: false, confMode: 0o640 };
  const made = await scene.installed(wishes);
  expect(scene.names('net.d')).toEqual(['10-a.conflist', 'YYY-istio-cni.conf']);
  expect(scene.mode('net.d', 'YYY-istio-cni.conf')).toBe(0o640);
  expect(JSON.parse(readFileSync(net('YYY-istio-cni.conf'), 'utf8'))).toEqual({ cniVersion: '0.3.1', ...entry });
  await scene.stop();
  await made.cleanUp();
  expect(scene.names('net.d')).toEqual(['10-a.conflist']);
});

test('a single configuration becomes a list, also after a crash between the list and the removal', async () => {
  rmSync(net('10-a.conflist'));
  scene.putPrimary('10-a.conf', '{"type":"bridge"}');
  await scene.installed();
  expect([scene.names('net.d'), scene.types()]).toEqual([['10-a.conflist'], ['bridge', 'istio-cni']]);
  await scene.stop();
  scene.putPrimary('10-a.conf', '{"type":"bridge"}');
  await scene.installed();
  expect([scene.names('net.d'), scene.types()]).toEqual([['10-a.conflist'], ['bridge', 'istio-cni']]);
});

test('wishes that change with a restart leave one place in the chain, in the file that is read first', async () => {
  await scene.installed({ ownedConfig: true });
  await scene.stop();
  await scene.installed();
  expect([scene.names('net.d'), scene.types()]).toEqual([['10-a.conflist'], ['bridge', 'istio-cni']]);
  await scene.stop();
  await scene.installed({ ownedConfig: true });
  expect(scene.types('02-istio-cni.conflist')).toEqual(['bridge', 'istio-cni']);
});

test('without a configuration it waits, says for what, and goes on when one appears', async () => {
  rmSync(net('10-a.conflist'));
  scene.start();
  await scene.notReady();
  expect(scene.said.failed).toEqual(["waiting for a CNI configuration in the node's folder"]);
  expect([scene.names('bin'), scene.said.installed]).toEqual([['istio-cni'], [['plugin', 'kubeconfig']]]);
  scene.putPrimary();
  await scene.ready();
  expect(scene.types()).toEqual(['bridge', 'istio-cni']);
});

test('a configuration that is written bit by bit is waited for, and no other is taken for it', async () => {
  scene.putPrimary('20-b.conflist');
  await scene.installed();
  const text = listOf(bridge, { type: 'portmap' });
  writeFileSync(net('10-a.conflist'), text.slice(0, 30));
  await scene.notReady();
  expect(scene.said.failed).toEqual(['waiting for whoever is writing 10-a.conflist: it is no JSON']);
  writeFileSync(net('10-a.conflist'), text.slice(30), { flag: 'a' });
  await scene.ready();
  expect([scene.types(), scene.types('20-b.conflist')]).toEqual([['bridge', 'portmap', 'istio-cni'], ['bridge']]);
});

test.each([
  ['is passed over after half a minute, as container runtimes do', false, ['bridge', 'istio-cni']],
  ['with a chain of our own is waited for: no other network takes its place', true, ['bridge']],
])('a configuration that stays broken %s', async (_, ownedConfig, others) => {
  const clock = fakeClock();
  const elsewhere = { type: 'elsewhere' };
  scene.putPrimary('20-b.conflist');
  scene.putPrimary('10-a.conflist', listOf(elsewhere));
  await scene.installed({ ownedConfig }, clock);
  const first = ownedConfig ? '02-istio-cni.conflist' : '10-a.conflist';
  expect(scene.types(first)).toEqual(['elsewhere', 'istio-cni']);
  const isOnce = (probe: () => boolean): Promise<boolean> =>
    vi.waitUntil(async () => {
      await clock.advance(ms(1_000));
      return probe();
    }, patience);
  writeFileSync(net('10-a.conflist'), 'for good');
  await isOnce(() => scene.said.ready.at(-1) === false);
  const broken = clock.monotonic();
  await isOnce(() => clock.monotonic() > broken + 15_000);
  expect(scene.types('20-b.conflist')).toEqual(['bridge']);
  await isOnce(() => clock.monotonic() > broken + 90_000 && scene.said.ready.at(-1) === !ownedConfig);
  expect(scene.types('20-b.conflist')).toEqual(others);
  if (ownedConfig) expect(scene.types(first)).toEqual(['elsewhere', 'istio-cni']);
  // Made whole again, it is the primary again.
  scene.putPrimary('10-a.conflist', listOf(elsewhere));
  await isOnce(() => scene.said.ready.at(-1) === true && scene.types(first).join() === 'elsewhere,istio-cni');
});

test('TestCNIMisconfigHealsOnRestart: a name that no file has is waited for; named right, it is ready', async () => {
  scene.start({ confName: 'wrong.conflist' });
  await scene.notReady();
  expect([scene.said.failed, scene.types()]).toEqual([["waiting for wrong.conflist in the node's folder"], ['bridge']]);
  await scene.stop();
  await scene.installed({ confName: '10-a.conflist' });
  expect(scene.isRight()).toBe(true);
});

test('a folder that is not there is said once, however long it lasts; once it is there all is well', async () => {
  const clock = fakeClock();
  renameSync(scene.at('net.d'), scene.at('aside'));
  scene.start({}, clock);
  const after = (seconds: number) => async (): Promise<boolean> => {
    await clock.advance(ms(1_000));
    return scene.said.ready.length >= seconds / 10;
  };
  await vi.waitUntil(after(50), patience);
  expect(scene.said.failed).toEqual([expect.stringContaining('net.d')]);
  renameSync(scene.at('aside'), scene.at('net.d'));
  await vi.waitUntil(async () => (await after(0)()) && scene.isRight(), patience);
  // Said again when it happens again.
  rmSync(scene.at('net.d'), { recursive: true });
  await vi.waitUntil(async () => (await after(0)()) && scene.said.failed.length === 2, patience);
  mkdirSync(scene.at('net.d'));
  scene.putPrimary();
  await vi.waitUntil(async () => (await after(0)()) && scene.isRight(), patience);
});

test('without credentials the plugin is there already, and the chain is left alone', async () => {
  const { access } = scene;
  scene.access = async () => {
    throw new Error('no token');
  };
  scene.start();
  await scene.notReady();
  expect([scene.said.failed, scene.names('bin'), scene.types()]).toEqual([['no token'], ['istio-cni'], ['bridge']]);
  scene.access = access;
  writeFileSync(scene.at('run', 'wake'), '');
  await scene.ready();
  expect(scene.isRight()).toBe(true);
});

test('what cannot be written is said in the same words each time', async () => {
  const clock = fakeClock();
  rmSync(scene.at('run'), { recursive: true });
  writeFileSync(scene.at('run'), 'no folder');
  scene.start({}, clock);
  await vi.waitUntil(async () => {
    await clock.advance(ms(1_000));
    return scene.said.ready.length > 3;
  }, patience);
  expect(scene.said.failed).toHaveLength(1);
});
