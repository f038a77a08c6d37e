// Both data planes against one suite, and what only threads can do: die.
// Beside in-process.ts and workers.ts; the suite is data-plane.compliance.ts. Needs root.
// Two threads are enough to show what is shared and what is not.
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { dataPlaneSuite } from './data-plane.compliance.ts';
import { inProcess } from './in-process.ts';
import { planeConfig, twoPods } from './testing/two-pods.ts';
import { workers } from './workers.ts';

const twoThreads = { numWorkerThreads: 2 } as const;
const mustNotBeLost = (why: Error): never => {
  throw why;
};

dataPlaneSuite('in process', async (config, ports) => inProcess(config, ports));
dataPlaneSuite('threads', (config, ports) => workers({ config: { ...config, ...twoThreads }, ports, onLost: mustNotBeLost }));

test('a thread that ends by itself is reported, and fails whoever waits for it', async () => {
  using world = await twoPods();
  const lost = Promise.withResolvers<Error>();
  const made: Worker[] = [];
  const note = (worker: Worker): void => void made.push(worker);
  process.on('worker', note);
  await using plane = await workers({ config: { ...planeConfig(), ...twoThreads }, ports: world.ports, onLost: lost.resolve });
  process.off('worker', note);
  await plane.send(world.enrol('server'));
  const [first] = made;
  if (first === undefined) return expect.unreachable();
  const waiting = Promise.allSettled([plane.connections()]);
  const ended = once(first, 'exit');
  await first.terminate();
  await ended;
  expect((await lost.promise).message).toMatch(/^data thread 0 ended with code \d+$/);
  await waiting;
  await expect(plane.send({ do: 'serve' })).rejects.toThrow('data thread 0 ended');
});

test('a thread that cannot start fails the start, and none is left', async () => {
  using world = await twoPods();
  const config = { ...planeConfig(), ...twoThreads, logLevel: 'chatty' };
  const why = await workers({ config, ports: world.ports, onLost: mustNotBeLost }).catch((e: unknown) => e);
  expect(why).toMatchObject({ message: expect.stringContaining('"chatty" is not a log directive') });
});
