// Says whether a network namespace has IPv6 on its loopback, and gives it to one of ours.
// Asked before binding `::1` in a pod, and before giving a pod IPv6 capture rules.
// Reads and writes one file of /proc inside the namespace.
import { readFileSync, writeFileSync } from 'node:fs';
import type { Netns } from './netns.ts';

const setting = '/proc/sys/net/ipv6/conf/lo/disable_ipv6';

/** False when the kernel has no IPv6 or the loopback has it disabled; a file that can't be read for another reason counts as enabled. */
export function loopbackHasIpv6(netns: Netns): boolean {
  return netns.run(() => {
    try {
      return readFileSync(setting, 'utf8').trim() !== '1';
    } catch (why) {
      return (why as NodeJS.ErrnoException).code !== 'ENOENT';
    }
  });
}

/** A machine with IPv6 switched off may make namespaces that begin without, though its pods have it. Does nothing where it must not. */
export function giveLoopbackIpv6(netns: Netns): void {
  netns.run(() => {
    try {
      writeFileSync(setting, '0');
    } catch {
      // No IPv6 in this kernel, or a /proc that is only for reading: the namespace stays as it is.
    }
  });
}
