// Namespaces for tests of whatever touches the kernel: alone, or two joined by a wire, with both address families.
// Used by kernel tests here and in other packages.
// Held by descriptors only: when the test process ends, nothing is left.
import type { Ip } from '@ambient-mesh/model/address';
import { Netns } from '../netns.ts';
import { runIn } from '../run-in.ts';

export interface Joined extends Disposable {
  readonly left: Netns;
  readonly right: Netns;
}

export const leftIp = { v4: '10.77.0.1' as Ip, v6: 'fd77::1' as Ip };
export const rightIp = { v4: '10.77.0.2' as Ip, v6: 'fd77::2' as Ip };

const patience = () => AbortSignal.timeout(20_000);

/** Two namespaces with `eth0` each, joined; every address at once usable, and each the default route of the other. */
export async function joinedNamespaces(): Promise<Joined> {
  using parts = new DisposableStack();
  const left = parts.use(Netns.create());
  const right = parts.use(Netns.create());
  const far = `/proc/${process.pid}/fd/${right.fd}`;
  await runIn(left, ['ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', far], patience());
  await Promise.all([furnish(left, leftIp, rightIp), furnish(right, rightIp, leftIp)]);
  const held = parts.move();
  return { left, right, [Symbol.dispose]: () => held.dispose() };
}

async function furnish(netns: Netns, own: typeof leftIp, peer: typeof leftIp): Promise<void> {
  const batch = [
    `addr add ${own.v4}/24 dev eth0`,
    `addr add ${own.v6}/64 dev eth0 nodad`,
    'link set eth0 up',
    `route add default via ${peer.v4} dev eth0`,
    `route add ::/0 via ${peer.v6} dev eth0`,
  ];
  await runIn(netns, ['ip', '-batch', '-'], patience(), { stdin: `${batch.join('\n')}\n` });
}
