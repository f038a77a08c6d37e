// The lab's main plugin, run for real on a node of the lab: it makes what the lab makes in its own process, and gives it back.
import { Netns } from '@ambient-mesh/host/netns';
import { runIn } from '@ambient-mesh/host/run-in';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { podSwitches } from '../../addressing.ts';
import { Lab } from '../../lab.ts';
import { netnsPath, setSwitches } from '../../links.ts';
import type { Node } from '../../node.ts';
import { NodeRoot } from '../node-root.ts';
import { install } from './chain-network.ts';
import { addressesOf } from './conflist.ts';
import type { CniError } from './run-plugin.ts';
import type { Attachment, CniRuntime } from './runtime.ts';

let node: Node;
let root: NodeRoot;
let runtime: CniRuntime;
const owned = new AsyncDisposableStack();
const soon = (): AbortSignal => AbortSignal.timeout(10_000);

beforeAll(async () => {
  const lab = owned.use(await Lab.start());
  node = await lab.node('a');
  root = owned.use(await NodeRoot.start(`${lab.folder}/root`));
  runtime = install(node, root);
});
afterAll(() => owned.disposeAsync());

let last = 0;
/** A pod to be; the test disposes of its namespace. */
function sandbox(): Attachment & { readonly ns: Netns } & Disposable {
  const ns = Netns.create();
  setSwitches(ns, podSwitches);
  const dispose = (): void => ns[Symbol.dispose]();
  return { ns, containerId: `c${++last}`, netns: netnsPath(ns), ifname: 'eth0', args: {}, [Symbol.dispose]: dispose };
}
const ip = (netns: Netns, ...args: string[]): Promise<string> => runIn(netns, ['ip', ...args], soon());
const podLinks = async (): Promise<string[]> =>
  [...(await ip(node.netns, '-o', 'link')).matchAll(/: (pod\d+)@/g)].map(([, name]) => name ?? '');
const fault = async (f: Promise<unknown>): Promise<CniError> =>
  (await f.then(
    () => undefined,
    (e: unknown) => e,
  )) as CniError;

/** Addresses and routes, without what differs from link to link. */
async function shape(pod: Netns, link: string): Promise<string> {
  const inside = await Promise.all([ip(pod, '-o', 'addr'), ip(pod, 'route'), ip(pod, '-6', 'route')]);
  const outside = await Promise.all([
    ip(node.netns, '-o', 'addr', 'show', link),
    ip(node.netns, 'route', 'show', 'dev', link),
    ip(node.netns, '-6', 'route', 'show', 'dev', link),
  ]);
  const number = link.slice('pod'.length);
  // The kernel gives each link an address of its own, some time after it is up.
  const ofTheLink = /fe80::(?!1\b)|fe80::\/64/;
  return [...inside, ...outside]
    .flatMap((text) => text.trimEnd().split('\n'))
    .filter((line) => !ofTheLink.test(line))
    .map((line) =>
      line
        .replace(/^\d+: /, '')
        .replaceAll(link, 'podN')
        .replaceAll(`10.0.1.${number}`, '10.0.1.N')
        .replaceAll(`10:1::${number}`, '10:1::N'),
    )
    .join('\n');
}

test('a pod has the links, addresses and routes that the lab itself would have made', async () => {
  using pod = sandbox();
  const result = await runtime.add(pod, soon());
  expect(addressesOf(result)).toEqual(['10.0.1.1', 'fd00:10:1::1']);
  expect(result).toMatchObject({ cniVersion: '1.1.0', interfaces: [{ name: 'pod1' }, { name: 'eth0', sandbox: pod.netns }] });
  const direct = node.podNetns();
  expect(await shape(pod.ns, 'pod1')).toBe(await shape(direct.netns, `pod${direct.number}`));
  node.releasePodNetns(direct);
  await runtime.check(pod, soon());
  await runtime.del(pod, soon());
  expect(await podLinks()).toEqual([]);
});

test('the address that has been free for longest is next', async () => {
  using one = sandbox();
  using two = sandbox();
  const first = addressesOf(await runtime.add(one, soon()));
  await runtime.del(one, soon());
  expect(addressesOf(await runtime.add(two, soon()))).not.toEqual(first);
  await runtime.del(two, soon());
});

test('many at once have an address each', async () => {
  const pods = Array.from({ length: 12 }, sandbox);
  const given = (await Promise.all(pods.map((pod) => runtime.add(pod, soon())))).flatMap(addressesOf);
  expect(new Set(given).size).toBe(24);
  await Promise.all(pods.map((pod) => runtime.del(pod, soon())));
  for (const pod of pods) pod[Symbol.dispose]();
  expect(await podLinks()).toEqual([]);
});

test('what is attached already is not attached again', async () => {
  using pod = sandbox();
  await runtime.add(pod, soon());
  expect(await fault(runtime.add(pod, soon()))).toMatchObject({
    code: 4,
    message: expect.stringContaining(`${pod.containerId} is attached already`),
  });
});

test('detaching what is not there is well, also when its namespace is gone', async () => {
  using pod = sandbox();
  await runtime.del(pod, soon());
  await runtime.add(pod, soon());
  pod.ns[Symbol.dispose]();
  await runtime.del(pod, soon());
  expect(await podLinks()).toEqual([]);
});

test('a namespace that is none is told', async () => {
  using pod = sandbox();
  const { message } = await fault(runtime.add({ ...pod, netns: '/proc/self/none' }, soon()));
  expect(message).toMatch(/plugin type="lab-bridge" failed \(add\): the node's end: .*\/proc\/self\/none/);
  expect(await podLinks()).toEqual([]);
});

test('a check sees a pod that has lost its link', async () => {
  using pod = sandbox();
  await runtime.add(pod, soon());
  await ip(pod.ns, 'addr', 'flush', 'dev', 'eth0');
  expect((await fault(runtime.check(pod, soon()))).message).toContain('the pod has lost its address');
  await ip(pod.ns, 'link', 'del', 'eth0');
  expect((await fault(runtime.check(pod, soon()))).message).toContain("the node's end");
  await runtime.del(pod, soon());
});

test('garbage goes: addresses and links of pods that nobody uses', async () => {
  using kept = sandbox();
  using lost = sandbox();
  await runtime.add(kept, soon());
  await runtime.add(lost, soon());
  await runtime.gc([kept], soon());
  expect(await podLinks()).toHaveLength(1);
  await runtime.check(kept, soon());
  await runtime.del(kept, soon());
});

test('it is quick', async () => {
  using pod = sandbox();
  const start = performance.now();
  await runtime.add(pod, soon());
  expect(performance.now() - start).toBeLessThan(1_000);
  await runtime.del(pod, soon());
});
