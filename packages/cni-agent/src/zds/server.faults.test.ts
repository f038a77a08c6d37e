// The ZDS server against ztunnels that are late, broken, too many or gone, and what it leaves behind when it stops.
// Beside server.test.ts, which has the ordinary course.
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Netns } from '@ambient-mesh/host/netns';
import { isFault } from '@ambient-mesh/runtime/errors';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { faultOf, info, Scene } from '../testing/zds-scene.ts';
import { HandZtunnel } from '../testing/ztunnel.ts';
import { ZdsServer } from './server.ts';

const scenes: Scene[] = [];
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene[Symbol.asyncDispose]();
});

function given(options?: { readonly accepting: boolean }): Scene {
  const scene = new Scene(options);
  scenes.push(scene);
  return scene;
}

describe('a ztunnel is let go', () => {
  const hellos: readonly (readonly [mistake: string, bytes: Uint8Array, why: string])[] = [
    ['that speaks another version', Uint8Array.of(0x08, 2), 'it speaks version 2'],
    ['whose hello is garbage', Uint8Array.of(0xff, 0xff), 'its hello is unreadable'],
    ['whose hello says nothing', Uint8Array.of(0x1a, 0), 'it speaks version 0'],
    ['whose hello is too long', new Uint8Array(1_024), 'its hello is unreadable'],
  ];
  test.each(hellos)('%s', async (_mistake, bytes, why) => {
    const scene = given();
    const ztunnel = await scene.dial();
    await ztunnel.send(bytes);
    expect(await ztunnel.next()).toBe('closed');
    expect(scene.said).toEqual([expect.stringContaining(why)]);
  });

  test('that says nothing for 5 s', async () => {
    const scene = given();
    const ztunnel = await scene.dial();
    await vi.waitFor(() => expect(scene.clock.pending).toBe(2));
    await scene.clock.advance(ms(4_999));
    expect(scene.said).toEqual([]);
    await scene.clock.advance(ms(1));
    expect(await ztunnel.next()).toBe('closed');
    expect(scene.said).toEqual(['disconnected 0: the connection to the ztunnel is over: no hello within 5 s']);
  });

  test('that goes before its hello', async () => {
    const scene = given();
    await scene.goes(await scene.dial());
    expect(scene.said).toEqual([expect.stringContaining('it closed the connection')]);
  });

  test('that goes in the middle of its snapshot', async () => {
    const scene = given();
    scene.know('a');
    scene.know('b');
    const ztunnel = await scene.greeting();
    await ztunnel.next();
    await scene.goes(ztunnel);
    expect(scene.said).toEqual([expect.stringMatching(/^disconnected 0: .*closed the connection/)]);
  });

  test('that speaks out of turn', async () => {
    const scene = given();
    const ztunnel = await scene.join();
    await ztunnel.ack();
    expect(await ztunnel.next()).toBe('closed');
    await vi.waitFor(() => expect(scene.saying('disconnected')).toEqual([expect.stringContaining('it spoke out of turn')]));
  });

  test('whose answer is unreadable; the request is made at the one before it', async () => {
    const scene = given();
    const [old, recent] = [await scene.join(), await scene.join()];
    const added = scene.add('a');
    await recent.next();
    await recent.send(Uint8Array.of(0xff));
    expect(await recent.next()).toBe('closed');
    void old.serve();
    await added;
  });

  test('that owes three answers', async () => {
    const scene = given();
    const ztunnel = await scene.join();
    for (const want of ['zds.timeout', 'zds.timeout']) {
      const late = faultOf(scene.add('a'));
      await ztunnel.next();
      await scene.clock.advance(ms(5_000));
      expect(await late).toBe(want);
    }
    const last = faultOf(scene.add('a'));
    await ztunnel.next();
    await scene.clock.advance(ms(5_000));
    expect(await last).toBe('zds.timeout');
    expect(await ztunnel.next()).toBe('closed');
    await vi.waitFor(() => expect(scene.saying('disconnected')).toEqual([expect.stringContaining('it owes 3 answers')]));
  });

  test('that is the ninth; the eight stay, and who comes after one of them left is let in', async () => {
    const scene = given();
    const eight: HandZtunnel[] = [];
    for (let i = 0; i < 8; i++) eight.push(await scene.join());
    const ninth = await scene.greeting();
    expect(await ninth.next()).toBe('closed');
    expect(scene.server.connected).toBe(8);
    expect(scene.saying('disconnected')).toEqual([expect.stringContaining('8 are connected already')]);
    await scene.goes(eight[3] ?? expect.unreachable());
    await scene.join();
    expect(scene.server.connected).toBe(8);
  });
});

test('an answer that comes too late is not taken for the answer to the next request', async () => {
  const scene = given();
  const ztunnel = await scene.join();
  const late = faultOf(scene.add('a'));
  await ztunnel.next();
  await scene.clock.advance(ms(5_000));
  expect(await late).toBe('zds.timeout');
  const refused = faultOf(scene.add('b'));
  await ztunnel.next();
  await ztunnel.ack();
  await ztunnel.ack('port in use');
  expect(await refused).toBe('zds.refused');
  const added = faultOf(scene.add('c'));
  await ztunnel.take();
  expect(await added).toBe('done');
});

test('five ztunnels a second are let in', async () => {
  const scene = given();
  await (await scene.greeting()).snapshot();
  const second = await HandZtunnel.greeting(scene.path);
  using _second = second;
  const told = second.snapshot();
  await scene.clock.advance(ms(199));
  expect(second.heard).toEqual([]);
  await scene.clock.advance(ms(1));
  expect(await told).toEqual(['snapshot-sent']);
});

test('the socket replaces what an earlier agent left, and is gone with the server; so are timers, connections and descriptors', async () => {
  const before = readdirSync('/proc/self/fd').length;
  const folder = mkdtempSync(join(tmpdir(), 'zds-'));
  const path = join(folder, 'ztunnel.sock');
  const clock = fakeClock();
  const report = { connected: () => {}, disconnected: () => {}, refusedInSnapshot: () => {} };
  using netns = Netns.open('/proc/self/ns/net');
  const pod = { uid: 'a', info: info('a'), netns };
  const ports = { uids: () => ['a'], pod: () => pod, clock, report };
  const earlier = ZdsServer.listen(path, ports);
  const server = ZdsServer.listen(path, ports);
  await earlier[Symbol.asyncDispose]();
  expect(statSync(path).isSocket()).toBe(true);
  server.accept();
  const [told, silent, mute] = [await HandZtunnel.greeting(path), new HandZtunnel(path), new HandZtunnel(path)];
  expect(await told.next()).toBe('add a');
  const [adding, deleting] = [faultOf(server.add(pod)), server.del('b')];
  await clock.advance(ms(200));
  await server[Symbol.asyncDispose]();
  expect(await adding).toBe('zds.no-ztunnel');
  await deleting;
  for (const each of [told, silent, mute]) {
    expect(await each.next()).toBe('closed');
    each[Symbol.dispose]();
  }
  expect(clock.pending).toBe(0);
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
  expect(readdirSync('/proc/self/fd').length).toBe(before + 1);
});

test('another kind of file in the place of the socket stays', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zds-'));
  const path = join(folder, 'ztunnel.sock');
  writeFileSync(path, '');
  const ports = { uids: () => [], pod: () => undefined, clock: fakeClock() };
  const report = { connected: () => {}, disconnected: () => {}, refusedInSnapshot: () => {} };
  try {
    ZdsServer.listen(path, { ...ports, report });
    expect.unreachable();
  } catch (e) {
    expect(isFault(e, 'host.bind')).toBe(true);
  }
  rmSync(folder, { recursive: true });
});
