// Says whether a network namespace has IPv6 on its loopback.
// Asked before binding `::1` in a pod, and before giving a pod IPv6 capture rules.
// Reads one file of /proc inside the namespace.
import { readFileSync } from 'node:fs';
import type { Netns } from './netns.ts';

/** False when the kernel has no IPv6 or the loopback has it disabled; a file that can't be read for another reason counts as enabled. */
export function loopbackHasIpv6(netns: Netns): boolean {
  return netns.run(() => {
    try {
      return readFileSync('/proc/sys/net/ipv6/conf/lo/disable_ipv6', 'utf8').trim() !== '1';
    } catch (why) {
      return (why as NodeJS.ErrnoException).code !== 'ENOENT';
    }
  });
}
