// Carries out `ip` commands and kernel switches inside a namespace: one child process per batch, no shell.
// Called by lab.ts, node.ts and pod.ts with the text that addressing.ts wrote.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Netns } from '@ambient-mesh/host/netns';

/** All commands in one `ip -batch`; stops at the first that fails and says which. */
export function ipBatch(netns: Netns, commands: readonly string[]): void {
  const done = netns.run(() => spawnSync('ip', ['-batch', '-'], { input: `${commands.join('\n')}\n`, encoding: 'utf8' }));
  if (done.error !== undefined) throw new Error('cannot run `ip`: is iproute2 installed?', { cause: done.error });
  if (done.status !== 0) throw new Error(`ip -batch failed: ${done.stderr.trim()}\n${commands.join('\n')}`);
}

export function setSwitches(netns: Netns, switches: readonly (readonly [file: string, value: string])[]): void {
  netns.run(() => {
    for (const [file, value] of switches) writeFileSync(`/proc/sys/net/${file}`, value);
  });
}

/** A path under which any process of this machine's pid namespace can open the namespace while this process lives. */
export const netnsPath = (netns: Netns): string => `/proc/${process.pid}/fd/${netns.fd}`;
