// hostPath volumes: whether what the pod wants of its node is there, and of the right kind; made where the type says so.
// Called by pod-files.ts. Mount propagation is not needed: nothing is mounted in a node after its start.
import { mkdirSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { NodeRoot } from '../node-root.ts';
import type { HostPath } from '../objects.ts';
import type { Mount } from './mounts.ts';

/** By type, what the path must be; those that are not named are anything. */
const wanted: Readonly<Record<string, { readonly what: string; readonly is: (stats: Stats) => boolean }>> = {
  Directory: { what: 'directory', is: (stats) => stats.isDirectory() },
  DirectoryOrCreate: { what: 'directory', is: (stats) => stats.isDirectory() },
  File: { what: 'file', is: (stats) => stats.isFile() },
  FileOrCreate: { what: 'file', is: (stats) => stats.isFile() },
  Socket: { what: 'socket file', is: (stats) => stats.isSocket() },
};

/** @throws Error in the words of a kubelet. */
export function hostPathMount(root: NodeRoot, { path, type = '' }: HostPath): Pick<Mount, 'source' | 'isFile'> {
  const real = root.path(path);
  let stats = statSync(real, { throwIfNoEntry: false });
  if (stats === undefined) {
    // A container runtime makes a directory for a path without a type.
    if (type === 'DirectoryOrCreate' || type === '') mkdirSync(real, { recursive: true, mode: 0o755 });
    else if (type === 'FileOrCreate') createFile(real);
    stats = statSync(real, { throwIfNoEntry: false });
  }
  const { what, is } = wanted[type] ?? { what: 'file', is: () => true };
  if (stats === undefined || !is(stats)) throw new Error(`hostPath type check failed: ${path} is not a ${what}`);
  return { source: root.resolve(path), isFile: !stats.isDirectory() };
}

function createFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '', { mode: 0o644, flag: 'a' });
}
