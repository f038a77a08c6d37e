// Pods that are shut out: the node forwards nothing from and to them, and its own connections still arrive.
import type { Ip } from '@ambient-mesh/model/address';
import { isFault } from '@ambient-mesh/runtime/errors';
import { expect, test } from 'vitest';
import { closedRules, closePods } from './closed-pods.ts';
import { Netns } from './netns.ts';
import { type RunFault, runIn } from './run-in.ts';

const never = new AbortController().signal;
const ip = (text: string): Ip => text as Ip;
const path = (netns: Netns): string => `/proc/${process.pid}/fd/${netns.fd}`;

async function commands(netns: Netns, ...lines: readonly string[]): Promise<void> {
  await runIn(netns, ['ip', '-batch', '-'], never, { stdin: `${lines.join('\n')}\n` });
}

async function pod(node: Netns, number: number): Promise<Netns> {
  const netns = Netns.create();
  await commands(
    node,
    `link add pod${number} type veth peer name eth0 netns ${path(netns)}`,
    `addr add 10.9.${number}.1/24 dev pod${number}`,
    `link set pod${number} up`,
  );
  await commands(netns, `addr add 10.9.${number}.2/24 dev eth0`, 'link set eth0 up', `route add default via 10.9.${number}.1`);
  return netns;
}

/** Whether the pod answers at all: that the port is closed is an answer. */
const reaches = (from: Netns, to: string): Promise<boolean> =>
  runIn(from, ['timeout', '1', 'bash', '-c', `: </dev/tcp/${to}/9`], never).then(
    () => true,
    (why: unknown) => isFault(why, 'host.run') && (why.fault as RunFault).said.includes('refused'),
  );

test('nothing is forwarded from or to a pod that is shut out, and everything again afterwards', async () => {
  using node = Netns.create();
  await runIn(node, ['sysctl', '-qw', 'net.ipv4.ip_forward=1'], never);
  using a = await pod(node, 1);
  using b = await pod(node, 2);
  expect(await reaches(a, '10.9.2.2')).toBe(true);
  await closePods(node, [ip('10.9.2.2'), ip('fd00::1')], never);
  expect(await Promise.all([reaches(a, '10.9.2.2'), reaches(b, '10.9.1.2'), reaches(node, '10.9.2.2')])).toEqual([false, false, true]);
  await closePods(node, [], never);
  expect(await reaches(a, '10.9.2.2')).toBe(true);
  expect(await runIn(node, ['nft', 'list', 'tables'], never)).toBe('');
});

test('one family, twice the same address', () => {
  const rules = closedRules([ip('10.0.0.1'), ip('10.0.0.1')]);
  expect(rules).toContain('{ 10.0.0.1 }');
  expect(rules).not.toContain('ip6');
});
