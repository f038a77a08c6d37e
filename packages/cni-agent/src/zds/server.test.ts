// The ZDS server over real packet sockets, with ztunnels driven by hand: who is told what of pods, and in which order.
// What a ztunnel that misbehaves costs is in server.faults.test.ts; random courses of events, and the real other end, in server.random.test.ts.
import { Netns } from '@ambient-mesh/host/netns';
import { ms } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { faultOf, info, Scene } from '../testing/zds-scene.ts';

const scenes: Scene[] = [];
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene[Symbol.asyncDispose]();
});

function given(options?: { readonly accepting: boolean }): Scene {
  const scene = new Scene(options);
  scenes.push(scene);
  return scene;
}

describe('the snapshot', () => {
  test('has every pod: served where its namespace is known, kept where not; and then its end', async () => {
    const scene = given();
    const { netns } = scene.know('a');
    scene.pods.set('b', { uid: 'b', info: info('b'), netns: undefined });
    const ztunnel = await scene.greeting();
    expect(await ztunnel.snapshot()).toEqual(['add a', 'keep b', 'snapshot-sent']);
    expect(ztunnel.pods).toEqual(
      new Map([
        ['a', netns.id],
        ['b', 'kept'],
      ]),
    );
    await vi.waitFor(() => expect(scene.said).toEqual(['connected 1']));
  });

  test('goes on when the ztunnel refuses a pod of it', async () => {
    const scene = given();
    scene.know('a');
    scene.know('b');
    const ztunnel = await scene.greeting();
    expect(await ztunnel.take('port in use')).toBe('add a');
    expect(await ztunnel.snapshot()).toEqual(['add b', 'snapshot-sent']);
    await vi.waitFor(() => expect(scene.said).toEqual(['refused a: the ztunnel says: port in use', 'connected 1']));
  });

  test('is not sent before the server accepts; ztunnels wait', async () => {
    const scene = given({ accepting: false });
    const ztunnel = await scene.greeting();
    scene.know('late');
    scene.server.accept();
    expect(await ztunnel.snapshot()).toEqual(['add late', 'snapshot-sent']);
  });

  test('keeps a pod whose namespace was let go meanwhile', async () => {
    const scene = given();
    scene.know('a');
    scene.know('b').netns[Symbol.dispose]();
    expect(await (await scene.greeting()).snapshot()).toEqual(['add a', 'keep b', 'snapshot-sent']);
  });

  test('never hands over what a descriptor number has come to mean since', async () => {
    const scene = given();
    const { netns } = scene.know('a', 'net');
    netns[Symbol.dispose]();
    using stranger = Netns.open('/proc/self/ns/mnt');
    expect(stranger.fd, 'the kernel gives the lowest free number').toBe(netns.fd);
    expect(await (await scene.greeting()).snapshot()).toEqual(['keep a', 'snapshot-sent']);
    expect(await faultOf(scene.server.add({ uid: 'a', info: info('a'), netns }))).toBe('zds.netns-gone');
  });

  test('a pod added meanwhile is told in between, and once', async () => {
    const scene = given();
    scene.know('a');
    scene.know('c');
    const ztunnel = await scene.greeting();
    expect(await ztunnel.next()).toBe('add a');
    const added = [scene.add('b'), scene.add('c', 'mnt')];
    await ztunnel.ack();
    expect((await ztunnel.snapshot()).toSorted()).toEqual(['add b', 'add c', 'snapshot-sent']);
    await Promise.all(added);
    expect(ztunnel.pods.get('c')).toBe(scene.pods.get('c')?.netns?.id);
  });

  const orders: readonly (readonly [when: string, del: (scene: Scene) => Promise<void>])[] = [
    ['and forgotten first', (scene) => scene.del('b')],
    ['and forgotten later', (scene) => scene.server.del('b').finally(() => scene.pods.delete('b'))],
  ];
  test.each(orders)('a pod removed before its turn %s is not announced after its removal', async (_when, del) => {
    const scene = given();
    scene.know('a');
    scene.know('b');
    const ztunnel = await scene.greeting();
    expect(await ztunnel.next()).toBe('add a');
    const deleted = del(scene);
    await ztunnel.ack();
    expect((await ztunnel.snapshot()).filter((heard) => heard !== 'snapshot-sent').at(-1)).toBe('del b');
    await deleted;
    expect([...ztunnel.pods.keys()]).toEqual(['a']);
  });

  test('a pod removed right after its turn is removed there too', async () => {
    const scene = given();
    scene.know('a');
    const ztunnel = await scene.greeting();
    expect(await ztunnel.next()).toBe('add a');
    const deleted = scene.del('a');
    await ztunnel.ack();
    await ztunnel.snapshot();
    await Promise.all([deleted, ztunnel.heard.includes('del a') || ztunnel.take()]);
    expect([...ztunnel.pods.keys()]).toEqual([]);
  });

  test('a ztunnel that comes while a pod is being removed does not hear of it', async () => {
    const scene = given();
    scene.know('a');
    const old = await scene.join();
    const deleted = scene.server.del('a');
    expect(await old.next()).toBe('del a');
    const newcomer = await scene.greeting();
    expect(await newcomer.snapshot()).toEqual(['snapshot-sent']);
    await old.ack();
    await deleted;
  });

  test('a pod that was removed and enrolled again is announced', async () => {
    const scene = given();
    await scene.server.del('a');
    expect(await faultOf(scene.add('a'))).toBe('zds.no-ztunnel');
    expect(await (await scene.greeting()).snapshot()).toEqual(['add a', 'snapshot-sent']);
  });
});

describe('adding', () => {
  test('resolves when the ztunnel has acknowledged, and hands over the namespace', async () => {
    const scene = given();
    const ztunnel = await scene.join();
    let isDone = false;
    const added = scene.add('a').then(() => {
      isDone = true;
    });
    expect(await ztunnel.next()).toBe('add a');
    expect(isDone).toBe(false);
    await ztunnel.ack();
    await added;
    expect(ztunnel.pods).toEqual(new Map([['a', scene.pods.get('a')?.netns?.id]]));
  });

  test('one request at a time: the next waits for the answer', async () => {
    const scene = given();
    const ztunnel = await scene.join();
    const added = [scene.add('a'), scene.add('b')];
    expect(await ztunnel.next()).toBe('add a');
    const second = ztunnel.next();
    expect(await Promise.race([second, scene.clock.advance(ms(1)).then(() => 'nothing')])).toBe('nothing');
    await ztunnel.ack();
    expect(await second).toBe('add b');
    await ztunnel.ack();
    await Promise.all(added);
  });

  test('the namespace may be let go while the request waits for its turn', async () => {
    const scene = given();
    const ztunnel = await scene.join();
    const first = scene.add('a');
    const pod = scene.know('b');
    const second = scene.server.add(pod);
    pod.netns[Symbol.dispose]();
    await ztunnel.take();
    await ztunnel.take();
    await Promise.all([first, second]);
    expect(ztunnel.pods.get('b')).toBe(pod.netns.id);
  });

  test('without a ztunnel, one that refuses and one that is too late are faults of their own', async () => {
    const scene = given();
    expect(await faultOf(scene.add('a'))).toBe('zds.no-ztunnel');
    const ztunnel = await scene.join();
    const refused = faultOf(scene.add('b'));
    await ztunnel.take('port in use');
    expect(await refused).toBe('zds.refused');
    const late = faultOf(scene.add('c'));
    await ztunnel.next();
    await scene.clock.advance(ms(5_000));
    expect(await late).toBe('zds.timeout');
    expect(scene.server.connected).toBe(1);
  });
});

describe('several ztunnels', () => {
  test('additions go to the newest, removals to all', async () => {
    const scene = given();
    const [old, recent] = [await scene.join(), await scene.join()];
    const added = scene.add('a');
    expect(await recent.take()).toBe('add a');
    await added;
    const deleted = scene.del('a');
    expect(await Promise.all([old.take(), recent.take()])).toEqual(['del a', 'del a']);
    await deleted;
    expect(old.heard).toEqual(['snapshot-sent', 'del a']);
  });

  test('an addition goes to the newest although its snapshot is still on its way', async () => {
    const scene = given();
    scene.know('a');
    const old = await scene.join();
    const recent = await scene.greeting();
    expect(await recent.next()).toBe('add a');
    const added = scene.add('b');
    await recent.ack();
    expect(await recent.take()).toBe('add b');
    await added;
    expect(await recent.take()).toBe('snapshot-sent');
    expect(old.heard).toEqual(['add a', 'snapshot-sent']);
  });

  test('one that has not said hello is not the newest yet', async () => {
    const scene = given();
    const old = await scene.join();
    await scene.dial();
    const added = scene.add('a');
    expect(await old.take()).toBe('add a');
    await added;
  });

  test('when the newest goes, the one before it is the newest again and hears what it has missed', async () => {
    const scene = given();
    const [old, recent] = [await scene.join(), await scene.join()];
    const first = scene.add('a');
    await recent.take();
    await first;
    scene.pods.set('unknown where', { uid: 'unknown where', info: info('x'), netns: undefined });
    await scene.goes(recent);
    expect(await old.take()).toBe('add a');
    const second = scene.add('b');
    expect(await old.take()).toBe('add b');
    await second;
    expect([...old.pods.keys()]).toEqual(['a', 'b']);
  });

  test('an addition that waits at the newest when it dies goes to the one before it', async () => {
    const scene = given();
    const [old, recent] = [await scene.join(), await scene.join()];
    const added = scene.add('a');
    expect(await recent.next()).toBe('add a');
    recent[Symbol.dispose]();
    void old.serve();
    await added;
    expect([...old.pods.keys()]).toEqual(['a']);
  });

  test('but not if the pod was removed meanwhile', async () => {
    const scene = given();
    const [old, recent] = [await scene.join(), await scene.join()];
    const added = scene.add('a');
    expect(await recent.next()).toBe('add a');
    const deleted = scene.del('a');
    expect(await old.take()).toBe('del a');
    recent[Symbol.dispose]();
    await Promise.all([added, deleted]);
    expect(old.heard).toEqual(['snapshot-sent', 'del a']);
  });

  test('they may go in any order', async () => {
    const scene = given();
    const [first, second, third] = [await scene.join(), await scene.join(), await scene.join()];
    await scene.goes(second);
    await scene.goes(third);
    const added = scene.add('a');
    expect(await first.take()).toBe('add a');
    await added;
    await scene.goes(first);
    expect(scene.server.connected).toBe(0);
    expect(await faultOf(scene.add('b'))).toBe('zds.no-ztunnel');
  });
});

describe('removing', () => {
  test('resolves when all have answered, whatever they say', async () => {
    const scene = given();
    const ztunnel = await scene.join();
    const deleted = scene.del('never seen');
    expect(await ztunnel.take('what?')).toBe('del never seen');
    await deleted;
    expect(scene.server.connected).toBe(1);
  });

  test('does not wait for one that is gone, nor for one that is being let in', async () => {
    const scene = given();
    const ztunnel = await scene.join();
    await scene.dial();
    const deleted = scene.del('a');
    expect(await ztunnel.next()).toBe('del a');
    ztunnel[Symbol.dispose]();
    await deleted;
    await scene.del('b');
  });

  test('waits 5 s for one that is silent', async () => {
    const scene = given();
    const ztunnel = await scene.join();
    const deleted = scene.del('a');
    await ztunnel.next();
    await scene.clock.advance(ms(5_000));
    await deleted;
  });
});
