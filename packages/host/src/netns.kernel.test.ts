// Rules of network namespaces: entering, coming back, lifetime, threads.
// Beside netns.ts; needs root, and touches no namespace but those that it makes.
// Sockets inside namespaces are sockets.kernel.test.ts.
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { Netns } from './netns.ts';
import { runIn } from './run-in.ts';

const soon = () => AbortSignal.timeout(10_000);
const thisThread = () => readlinkSync('/proc/thread-self/ns/net');
const fault = (fields: object) => expect.objectContaining({ fault: expect.objectContaining(fields) });

test('a function runs inside, and the thread is back afterwards', () => {
  using other = Netns.create();
  const home = thisThread();
  const inside = other.run(thisThread);
  expect(inside).not.toBe(home);
  expect(other.id.split(':')[1]).toBe(/\[(\d+)\]/.exec(inside)?.[1]);
  expect(thisThread()).toBe(home);
});

test('the thread is back after an exception too', () => {
  using other = Netns.create();
  const home = thisThread();
  const fails = () => {
    throw new Error('from inside');
  };
  expect(() => other.run(fails)).toThrow('from inside');
  expect(thisThread()).toBe(home);
});

test('a namespace within a namespace comes back to the outer one', () => {
  using outer = Netns.create();
  using inner = Netns.create();
  const seen = outer.run(() => [thisThread(), inner.run(thisThread), thisThread()]);
  expect(seen[0]).toBe(seen[2]);
  expect(seen[1]).not.toBe(seen[0]);
});

test('creating inside another namespace stays inside it', () => {
  using outer = Netns.create();
  outer.run(() => {
    const before = thisThread();
    using _made = Netns.create();
    expect(thisThread()).toBe(before);
  });
});

test('one namespace has one id, however it was opened', () => {
  using made = Netns.create();
  using again = Netns.borrow(made.fd);
  using adopted = Netns.adopt(openSync(`/proc/self/fd/${made.fd}`, 'r'));
  expect([again.id, adopted.id]).toEqual([made.id, made.id]);
  using own = Netns.current();
  expect(own.id).not.toBe(made.id);
});

test('what was borrowed outlives the descriptor it was borrowed from', () => {
  const owner = Netns.create();
  const inside = owner.run(thisThread);
  using borrowed = Netns.borrow(owner.fd);
  owner[Symbol.dispose]();
  expect(borrowed.run(thisThread)).toBe(inside);
});

test('a new namespace has its loopback up and nothing else', async () => {
  using made = Netns.create();
  const links = (await runIn(made, ['ip', '-br', 'link'], soon())).trim().split('\n');
  expect(links.filter((line) => line.includes('UP'))).toEqual([expect.stringMatching(/^lo /)]);
});

test('a program started inside stays inside', async () => {
  using made = Netns.create();
  expect((await runIn(made, ['readlink', '/proc/self/ns/net'], soon())).trim()).toBe(made.run(thisThread));
});

test('disposing closes the descriptor, once', () => {
  const made = Netns.create();
  const link = `/proc/self/fd/${made.fd}`;
  expect(readlinkSync(link)).toMatch(/^net:/);
  made[Symbol.dispose]();
  const stranger = openSync('/dev/null', 'r');
  made[Symbol.dispose]();
  expect(readlinkSync(`/proc/self/fd/${stranger}`)).toBe('/dev/null');
  closeSync(stranger);
});

test('a namespace that was let go cannot be entered, even if its number is in use again', () => {
  const gone = Netns.create();
  gone[Symbol.dispose]();
  using successor = Netns.create();
  expect(successor.fd).toBe(gone.fd);
  expect(() => gone.run(thisThread)).toThrow(fault({ code: 'host.setns', name: 'EBADF' }));
});

test('descriptors do not leak', () => {
  Netns.create()[Symbol.dispose]();
  const before = readdirSync('/proc/self/fd').length;
  for (let n = 0; n < 20; n++) {
    using made = Netns.create();
    made.run(() => {});
  }
  expect(readdirSync('/proc/self/fd').length).toBe(before);
});

test('a path that is not there is named', () => {
  expect(() => Netns.open('/nowhere/net')).toThrow(fault({ code: 'host.open', name: 'ENOENT' }));
  expect(() => Netns.open('/nowhere/net')).toThrow('cannot open the network namespace /nowhere/net: open: ENOENT');
});

test('entering what is no network namespace is refused, and the thread stays where it was', () => {
  const home = thisThread();
  using file = Netns.open('/dev/null');
  using other = Netns.open('/proc/self/ns/uts');
  expect(() => file.run(() => {})).toThrow(fault({ code: 'host.setns', name: 'EINVAL' }));
  expect(() => other.run(() => {})).toThrow('the descriptor is not a network namespace');
  expect(thisThread()).toBe(home);
});

test('adopting a descriptor that is not open throws', () => {
  expect(() => Netns.adopt(99_999)).toThrow(fault({ code: 'host.fstat', name: 'EBADF' }));
});

test('a worker thread enters alone: the others stay where they are', async () => {
  using made = Netns.create();
  const home = thisThread();
  const body = `
    const { workerData, parentPort } = require('node:worker_threads');
    const { readlinkSync } = require('node:fs');
    const here = () => readlinkSync('/proc/thread-self/ns/net');
    import(workerData.module).then(({ Netns }) => {
      const netns = Netns.borrow(workerData.fd);
      const before = here();
      const inside = netns.run(() => {
        Atomics.store(workerData.flag, 0, 1); Atomics.notify(workerData.flag, 0);
        Atomics.wait(workerData.flag, 0, 1);
        return here();
      });
      parentPort.postMessage({ before, inside, after: here() });
    });`;
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(body, { eval: true, workerData: { module: new URL('./netns.ts', import.meta.url).href, fd: made.fd, flag } });
  const result = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await Atomics.waitAsync(flag, 0, 0).value;
  expect(thisThread()).toBe(home); // while the worker is inside
  Atomics.store(flag, 0, 2);
  Atomics.notify(flag, 0);
  expect(await result).toEqual({ before: home, inside: made.run(thisThread), after: home });
  await worker.terminate();
});
